import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FactsBuilder } from '../../../test/builders/facts.ts';
import { epoch, instanceId } from '../base/ids.ts';
import type { Durability } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';
import { durabilityModeOf } from './durability-mode.ts';
import type { DurabilityMode } from './group-record.ts';

const index = indexOf(new FactsBuilder().facts.topology);
const beside = instanceId('alfa-eng2');
const away = instanceId('bravo-eng1');
const modeWith = (
  durability: Durability | null,
  ackSet: readonly (typeof away)[],
  previous: DurabilityMode = { kind: 'strict' },
) =>
  durabilityModeOf({
    durability,
    holder: instanceId('alfa-eng1'),
    ackSet,
    lost: [away],
    epoch: epoch(9),
    index,
    previous,
  });
const elsewhere = (afterPeerLoss: Durability['afterPeerLoss']): Durability => ({
  acknowledge: 'remote-site',
  afterPeerLoss,
});

test('with a copy at another site it is strict', () => {
  assert.deepEqual(modeWith(elsewhere('degrade'), [beside, away]), { kind: 'strict' });
});

test('a copy beside it does not count as one at another site, but as a replica', () => {
  assert.deepEqual(modeWith(elsewhere('degrade'), [beside]), { kind: 'degraded', sinceEpoch: 9, lost: [away] });
  assert.deepEqual(modeWith({ acknowledge: 'replica', afterPeerLoss: 'halt' }, [beside]), { kind: 'strict' });
});

test('policy decides beforehand whether it goes on alone or stands still', () => {
  assert.equal(modeWith(elsewhere('degrade'), []).kind, 'degraded');
  assert.deepEqual(modeWith(elsewhere('halt'), [beside]), { kind: 'halted', lost: [away] });
});

test('exposure is counted from the first loss, not from the last look', () => {
  const since = { kind: 'degraded', sinceEpoch: epoch(4), lost: [] } as const;
  assert.deepEqual(modeWith(elsewhere('degrade'), [], since), { kind: 'degraded', sinceEpoch: 4, lost: [away] });
});

test('what nobody else has to have is strict alone', () => {
  assert.deepEqual(modeWith(null, []), { kind: 'strict' });
  assert.deepEqual(modeWith({ acknowledge: 'local', afterPeerLoss: 'halt' }, []), { kind: 'strict' });
});
