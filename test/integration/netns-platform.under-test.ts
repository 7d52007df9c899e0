import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { findLabProcesses } from '../../lab/lab-processes.ts';
import { findResidue } from '../../lab/netns/residue.ts';
import { childrenOf } from '../../src/adapters/process/proc-entry.ts';
import { schedulingOf } from '../../src/adapters/system/scheduling.ts';
import type { LabUnderTest } from '../lab/lab-under-test.ts';

/** Takes down a lab of network namespaces with its platform, and looks for what it leaves behind. */
export async function closedWithoutResidue(lab: LabUnderTest): Promise<void> {
  await lab.close();
  const { id, path } = lab.directory;
  assert.deepEqual(findResidue(id), { namespaces: [], controlGroups: [] });
  assert.deepEqual(findLabProcesses({ id, directory: path }), []);
}

/** What detects and fences has the share of what serves. That of a session is read where processors are shared between sessions first. */
export async function comeBeforeOtherWork(lab: LabUnderTest): Promise<void> {
  const { hosts, sites } = lab.topology;
  const keys = [
    ...hosts.flatMap(({ id }) => [`agent/${id}`, `warden/${id}`]),
    ...sites.flatMap(({ id, voter }) => (voter ? [`controller/${id}`] : [])),
  ];
  const pids = await lab.pids();
  const ordinary = keys.filter((key) => {
    const [inside] = childrenOf(pids.get(key) ?? Number.NaN);
    return inside === undefined || schedulingOf(inside) !== 'raised';
  });
  assert.deepEqual(ordinary, []);
}

/** Every order and commit that was acknowledged to a client is in the engine, at the exchange and in the database, and no other. */
export async function countedBothWays(lab: LabUnderTest, context: TestContext): Promise<void> {
  const { verdict, reasons, staleWritesAccepted, ordersAcked, commitsAcked } = await lab.verified();
  context.diagnostic(`${ordersAcked} orders and ${commitsAcked} commits acknowledged, compared both ways: ${verdict}`);
  if (verdict !== 'met')
    for (const { instance, observation } of (await lab.platform.group()).instances)
      if (observation?.role !== 'standby' || observation.health !== 'ok')
        context.diagnostic(
          `${instance}: ${observation?.process} ${observation?.role} ${observation?.health} ${observation?.reason ?? ''}`,
        );
  assert.deepEqual({ verdict, reasons, staleWritesAccepted }, { verdict: 'met', reasons: [], staleWritesAccepted: 0 });
}

/** What clients went without since the mark, once orders flow again; printed, not judged. */
export async function outageSeen(lab: LabUnderTest, context: TestContext, mark: string) {
  const report = await lab.platform.settledFlow(mark, 30_000);
  const { outageMs, commitOutageMs, resolution } = report;
  const ms = (value: number | null) => (value === null ? 'none' : `${Math.round(value)} ms`);
  context.diagnostic(
    `without an accepted order ${ms(outageMs)}, without a commit ${ms(commitOutageMs)}, seen to ${ms(resolution.atEdgesMs)}`,
  );
  return report;
}
