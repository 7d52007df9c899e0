import assert from 'node:assert/strict';
import type { LabUnderTest } from '../../lab/lab-under-test.ts';

/** The status names every server that agents lead, and each is well, within this time. */
export async function everyServerIsWell(lab: LabUnderTest, withinMs: number): Promise<void> {
  const servers = lab.topology.components.filter(({ served }) => served !== undefined).flatMap((c) => c.instances);
  const wanted = servers.map(({ id }) => `${id} ok`).toSorted();
  let found: readonly string[] = [];
  const allWell = async () => {
    const { instances } = await lab.platform.group();
    found = instances
      .filter(({ instance }) => servers.some(({ id }) => id === instance))
      .map(({ instance, observation }) => `${instance} ${observation?.health}`)
      .toSorted();
    return found.join() === wanted.join();
  };
  await lab.eventually('every server is well', withinMs, allWell).catch(() => assert.deepEqual(found, wanted));
}
