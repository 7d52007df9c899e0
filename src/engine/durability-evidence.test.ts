import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, FactsBuilder } from '../../test/builders/facts.ts';
import type { DurabilityMode } from '../core/authority/group-record.ts';
import { epoch, instanceId } from '../core/base/ids.ts';
import { durabilityEvidence, ToldMode } from './durability-evidence.ts';
import type { LocalInstance } from './local-instance.ts';

const STANDBY = instanceId('bravo-db');
const strict: DurabilityMode = { kind: 'strict' };
const degraded: DurabilityMode = { kind: 'degraded', sinceEpoch: epoch(1), lost: [STANDBY] };
const grant = (mode: DurabilityMode, inEpoch = 1) =>
  new FactsBuilder().grant(DB, { mode, epoch: epoch(inEpoch) }).record.grants[DB]!;

test('a holder that was strict from the first look has nothing to tell', () => {
  const told = new ToldMode();
  assert.equal(told.next(grant(strict)), 'same');
  assert.equal(told.next(grant(strict, 2)), 'same');
});

test('a grant that begins degraded is told, although this agent did not write it, and once', () => {
  const told = new ToldMode();
  assert.equal(told.next(grant(degraded)), null);
  assert.equal(told.next(grant(degraded)), 'same');
});

test('the end of a stretch is told, and another epoch of the same loss is another stretch', () => {
  const told = new ToldMode();
  told.next(grant(degraded));
  assert.equal(told.next(grant(degraded, 2)), 'degraded');
  assert.equal(told.next(grant(strict, 2)), 'degraded');
});

test('what is written says without whom, in which epoch, and where the log ended', () => {
  const facts = new FactsBuilder().grant(DB, { mode: degraded });
  const { observation, instance } = facts.facts.instances.get(instanceId('alfa-db'))!;
  const component = facts.facts.topology.components.find(({ id }) => id === DB);
  const position = { generation: 2, sequence: 4711 };
  const local = { instance, component, observation: { ...observation!, position } } as unknown as LocalInstance;
  const { kind, data } = durabilityEvidence(local, facts.record, grant(degraded), 'strict');
  assert.equal(kind, 'durability-changed');
  const { ackSet: _ackSet, promotable: _promotable, ...about } = data as Record<string, unknown>;
  assert.deepEqual(about, {
    from: 'strict',
    to: 'degraded',
    component: DB,
    epoch: facts.record.epoch,
    lost: [STANDBY],
    position,
  });
  const unseen = durabilityEvidence({ ...local, observation: null } as never, facts.record, grant(degraded), 'strict');
  assert.equal((unseen.data as Record<string, unknown>)['position'], null);
});
