import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, ENGINE, FactsBuilder, NOW } from '../../../test/builders/facts.ts';
import { componentId, instanceId, siteId } from '../../core/base/ids.ts';
import { serviceOrders } from '../../core/health/service-state.ts';
import { Fields, ShapeError } from '../../wire/fields.ts';
import { parseCommand, parseGroupRecord, parseProof } from './command-frames.ts';
import { parseObservation } from './observation-frames.ts';

const sent = (value: unknown) => Fields.of(JSON.parse(JSON.stringify(value)), 'frame');
const lost = [instanceId('bravo-eng1')];

test('a record comes over the link as it was, with what people said about it', () => {
  const accepted = { lost, by: 'rhea', role: 'risk-officer', reason: 'flooded', at: NOW };
  const world = new FactsBuilder()
    .grant(ENGINE, { mode: { kind: 'halted', lost, accepted } })
    .revoke(DB, { adopted: 'doubted' });
  const record = { ...world.record, adopted: { by: 'ada', role: 'admin', reason: 'snapshot', at: NOW } };
  assert.deepEqual(parseGroupRecord(sent(record)), record);
});

test('a promotion and an acknowledgement set say whether new risk is taken', () => {
  const base = { key: 'k', group: 'trading', run: 'r', step: 's', term: 1, epoch: 2, attempt: 1, deadlineMs: 10 };
  const halted = (action: object) => {
    const { order } = parseCommand(sent({ ...base, order: { kind: 'perform', instance: 'e', action } }));
    assert.ok(order.kind === 'perform' && 'halted' in order.action);
    return order.action.halted;
  };
  const promotion = { kind: 'promote', epoch: 2, leaseUntil: 5, ackSet: [], tradingEnabled: true };
  assert.deepEqual([halted({ ...promotion, halted: true }), halted(promotion)], [true, false]);
  assert.equal(halted({ kind: 'set-ack-set', epoch: 2, ackSet: [], halted: true }), true);
});

test('an order to a service and a question for it come over the link as they were; another word for one does not', () => {
  const base = { key: 'k', group: 'trading', run: 'r', step: 's', term: 1, epoch: 2, attempt: 1, deadlineMs: 10 };
  const parsed = (order: object) => parseCommand(sent({ ...base, order })).order;
  for (const order of serviceOrders) {
    const perform = { kind: 'perform', instance: 'proxy', action: { kind: 'service', epoch: 2, order } };
    assert.deepEqual(parsed(perform), perform);
  }
  const question = { kind: 'ask', instance: 'proxy', question: 'service' };
  assert.deepEqual(parsed(question), question);
  const wrong = { kind: 'perform', instance: 'proxy', action: { kind: 'service', epoch: 2, order: 'mask' } };
  assert.throws(() => parsed(wrong), ShapeError);
});

test('a record in which a Redis was replaced comes over the link as it was', () => {
  const { record } = new FactsBuilder({ servers: true });
  const closed = {
    component: componentId('cache'),
    instance: null,
    epoch: record.epoch,
    former: instanceId('alfa-cache'),
    besideSite: siteId('alfa'),
    why: 'the process of alfa-cache is gone',
  };
  const named = {
    ...closed,
    instance: instanceId('bravo-cache'),
    formerEnd: { history: 'a', offset: 9, stopped: true },
  };
  for (const writer of [
    closed,
    named,
    { ...named, formerEnd: { ...named.formerEnd, stopped: false, endedWithinMs: 640 } },
    { ...named, loss: { kind: 'none' } as const },
    { ...named, loss: { kind: 'bounded', lastMs: 640, keptBytes: 12 } as const },
    { ...named, loss: { kind: 'lost', bytes: 4, exact: false } as const },
    { ...named, loss: { kind: 'unknown', reason: 'it may have gone on' } as const },
  ])
    assert.deepEqual(parseGroupRecord(sent({ ...record, writers: { [writer.component]: writer } })).writers, {
      [writer.component]: writer,
    });
});

test('a record with adopted primaries, a take-over and what is seen of a delegate come over the link as they were', () => {
  const world = new FactsBuilder({ delegatedDatabase: true }).underDelegate('alfa-db');
  const adopted = { component: DB, holder: instanceId('alfa-db'), lock: 20, epoch: world.record.epoch };
  for (const holder of [adopted.holder, null]) {
    const record = { ...world.record, delegates: { [DB]: { ...adopted, holder } } };
    assert.deepEqual(parseGroupRecord(sent(record)), record);
  }
  const base = { key: 'k', group: 'trading', run: 'r', step: 's', term: 1, epoch: 2, attempt: 1, deadlineMs: 10 };
  for (const action of [
    { kind: 'take-over', epoch: 2, former: 'alfa-db', planned: true },
    { kind: 'take-over', epoch: 2, former: null, planned: false },
    { kind: 'take-over', epoch: 2, former: 'alfa-db', planned: false, gone: { since: 21, renewed: 25 } },
    { kind: 'take-over', epoch: 2, former: 'alfa-db', planned: false, shut: { since: 21 } },
    { kind: 'prove-gone', epoch: 2 },
    { kind: 'route', epoch: 2, routes: { cache: null }, silence: true },
    { kind: 'route', epoch: 2, routes: { cache: 'bravo-cache' } },
  ]) {
    const { order } = parseCommand(sent({ ...base, order: { kind: 'perform', instance: 'bravo-db', action } }));
    assert.deepEqual(order.kind === 'perform' && order.action, action);
  }
  const observation = world.facts.instances.get(instanceId('bravo-db'))!.observation!;
  assert.deepEqual(parseObservation(sent(observation)), observation);
  for (const change of [{ lock: null }, { durability: null, lockTtlMs: null, paused: true, dangers: ['failsafe'] }]) {
    const changed = { ...observation, delegate: { ...observation.delegate!, ...change } };
    assert.deepEqual(parseObservation(sent(changed)), changed);
  }
});

test('a proof comes over the link with the lock that its holder had, where it had one', () => {
  const proof = {
    method: 'process-dead',
    scope: 'alfa-db',
    epoch: 8,
    sticky: { heal: true, reboot: false },
    evidence: 'nothing of it is left',
  };
  for (const each of [proof, { ...proof, lock: { since: 21, renewed: 25 } }])
    assert.deepEqual(parseProof(sent(each)), each);
});
