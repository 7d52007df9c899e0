import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE, FactsBuilder } from '../../../test/builders/facts.ts';
import { epoch, instanceId, wallMs } from '../base/ids.ts';
import type { Durability } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';
import { durabilityModeOf } from './durability-mode.ts';
import type { AcceptedExposure, DurabilityMode } from './group-record.ts';

const index = indexOf(new FactsBuilder().facts.topology);
const beside = instanceId('alfa-eng2');
const [away, farther] = [instanceId('bravo-eng1'), instanceId('bravo-eng2')];
const modeWith = (
  durability: Durability | null,
  confirming: readonly (typeof away)[],
  previous: DurabilityMode = { kind: 'strict' },
) =>
  durabilityModeOf({
    component: { ...index.component.get(ENGINE)!, durability },
    holder: instanceId('alfa-eng1'),
    confirming,
    epoch: epoch(9),
    index,
    previous,
  });
const elsewhere = (afterPeerLoss: Durability['afterPeerLoss']): Durability => ({
  acknowledge: 'remote-site',
  afterPeerLoss,
});
const accepted = (...lost: readonly (typeof away)[]): AcceptedExposure => ({
  lost,
  by: 'rhea',
  role: 'risk-officer',
  reason: 'the site is gone for days',
  at: wallMs(1),
});

test('with a copy at another site it is strict', () => {
  assert.deepEqual(modeWith(elsewhere('degrade'), [beside, away]), { kind: 'strict' });
});

test('a copy beside it does not count as one at another site, but as a replica; who is missing is named', () => {
  const mode = modeWith(elsewhere('degrade'), [beside]);
  assert.deepEqual(mode, { kind: 'degraded', sinceEpoch: 9, lost: [away, farther] });
  assert.deepEqual(modeWith({ acknowledge: 'replica', afterPeerLoss: 'halt' }, [beside]), { kind: 'strict' });
});

test('policy decides beforehand whether it goes on alone or stands still', () => {
  assert.equal(modeWith(elsewhere('degrade'), []).kind, 'degraded');
  assert.deepEqual(modeWith(elsewhere('halt'), [beside]), { kind: 'halted', lost: [away, farther] });
});

test('exposure is counted from the first loss, not from the last look', () => {
  const since = { kind: 'degraded', sinceEpoch: epoch(4), lost: [] } as const;
  const mode = modeWith(elsewhere('degrade'), [beside], since);
  assert.deepEqual(mode, { kind: 'degraded', sinceEpoch: 4, lost: [away, farther] });
});

test('what nobody else has to have is strict alone', () => {
  assert.deepEqual(modeWith(null, []), { kind: 'strict' });
  assert.deepEqual(modeWith({ acknowledge: 'local', afterPeerLoss: 'halt' }, []), { kind: 'strict' });
});

test('a halt that a person ended stays ended for exactly the loss that was accepted', () => {
  const said = accepted(away, farther);
  const going = { kind: 'degraded', sinceEpoch: epoch(5), lost: [away, farther], accepted: said } as const;
  assert.deepEqual(modeWith(elsewhere('halt'), [beside], going), going);
});

test('a further loss halts it again, and is over when that one is back', () => {
  const said = accepted(away, farther);
  const going = { kind: 'degraded', sinceEpoch: epoch(5), lost: [away, farther], accepted: said } as const;
  const again = modeWith(elsewhere('halt'), [], going);
  assert.deepEqual(again, { kind: 'halted', lost: [beside, away, farther], accepted: said });
  assert.equal(modeWith(elsewhere('halt'), [beside], again).kind, 'degraded');
});

test('what was accepted is forgotten once it is strict again', () => {
  const strict = modeWith(elsewhere('halt'), [away], { kind: 'halted', lost: [], accepted: accepted(away, farther) });
  assert.deepEqual(strict, { kind: 'strict' });
  assert.equal(modeWith(elsewhere('halt'), [], strict).kind, 'halted');
});
