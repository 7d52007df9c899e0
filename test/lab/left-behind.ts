import type { GroupView } from '../../lab/demo/status-view.ts';
import type { LabUnderTest } from './lab-under-test.ts';

/**
 * What a fault and what was done about it left behind, one sentence each, as soon as nothing of a kind is under way any more; empty:
 * nothing. A settled lab has everything running and following; this looks at who could write, and under which epoch.
 */
export async function leftBehind(lab: LabUnderTest): Promise<readonly string[]> {
  const view = await lab.platform.group();
  const writers = strayWriters(view);
  if (writers.length > 0) return writers;
  return lab.notAgreed();
}

/** Whoever has another epoch than the one in force, or writes without being the one who may. */
export function strayWriters({ record, instances }: GroupView): readonly string[] {
  if (record === null) return ['there is no record'];
  const found: string[] = [];
  for (const { instance, component, observation } of instances) {
    if (observation === null) {
      found.push(`${instance} is not seen`);
      continue;
    }
    if (observation.epoch > record.epoch) found.push(`${instance} has epoch ${observation.epoch} of ${record.epoch}`);
    const grant = record.grants[component as never];
    if (grant === undefined) continue;
    if (observation.epoch !== grant.epoch)
      found.push(`${instance} has epoch ${observation.epoch}, and ${grant.epoch} is granted`);
    if ((observation.role === 'primary' || observation.releasing) && grant.holder !== instance)
      found.push(`${instance} writes, and ${grant.holder} holds`);
  }
  return found;
}
