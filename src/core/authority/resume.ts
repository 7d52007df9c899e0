import type { ComponentId, InstanceId, WallMs } from '../base/ids.ts';
import type { Grant, GroupRecord } from './group-record.ts';

/** What goes on without a copy elsewhere when a person ends the halt: which component, and without whom. */
export interface Exposure {
  readonly component: ComponentId;
  readonly holder: InstanceId | null;
  readonly lost: readonly InstanceId[];
}

/** Of every component that stands still, in the order of the record. */
export const exposureIn = (record: GroupRecord): readonly Exposure[] =>
  Object.values(record.grants).flatMap(({ component, holder, mode }) =>
    mode.kind === 'halted' ? [{ component, holder, lost: mode.lost }] : [],
  );

/** As a person names it: `db:bravo-db,engine:bravo-eng1+bravo-eng2`. */
export const exposureText = (exposures: readonly Exposure[]): string =>
  exposures.map(({ component, lost }) => `${component}:${lost.join('+')}`).join(',');

/** Whether these words name exactly this exposure, in whatever order. */
export function namesExposure(words: string, exposures: readonly Exposure[]): boolean {
  const sorted = (text: string) =>
    text
      .split(',')
      .map((part) => {
        const [component = '', lost = ''] = part.trim().split(':');
        return `${component}:${lost.split('+').toSorted().join('+')}`;
      })
      .toSorted()
      .join(',');
  return exposures.length > 0 && sorted(words) === sorted(exposureText(exposures));
}

/**
 * The record in which nothing stands still any more: whoever is lost is neither waited for nor promotable, so a failover to it
 * afterwards needs an approval that names the loss (I4, I9). The record shrinks first; the holder waits for less only then.
 */
export function resumed(
  record: GroupRecord,
  by: { readonly by: string; readonly role: string; readonly reason: string; readonly at: WallMs },
): GroupRecord {
  const grants: Record<ComponentId, Grant> = { ...record.grants };
  for (const grant of Object.values(record.grants)) {
    if (grant.mode.kind !== 'halted') continue;
    const { lost } = grant.mode;
    const without = (members: readonly InstanceId[]) => members.filter((member) => !lost.includes(member));
    grants[grant.component] = {
      ...grant,
      ackSet: without(grant.ackSet),
      promotable: without(grant.promotable),
      mode: { kind: 'degraded', sinceEpoch: record.epoch, lost, accepted: { lost, ...by } },
    };
  }
  return { ...record, grants };
}
