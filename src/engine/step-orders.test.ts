import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, ENGINE, FactsBuilder, silentByQuorum } from '../../test/builders/facts.ts';
import { planOf, siteFailover, switchover } from '../../test/builders/plans.ts';
import { runId } from '../core/base/ids.ts';
import type { Intent } from '../core/decision/intent.ts';
import type { StepKind } from '../core/plan/runbook.ts';
import { foldRun, type RunState } from '../core/run/run.ts';
import { granted, revoked } from './record-change.ts';
import { ordersFor } from './step-orders.ts';

const run = runId('trading-8');

function opened(intent: Intent, world: FactsBuilder): RunState {
  const { wallMs: at, leadership } = world.facts;
  const event = {
    kind: 'opened',
    run,
    plan: planOf(intent, world.facts),
    automatic: true,
    by: 'policy automatic',
    at,
    detectedAt: at,
    lastGoodAt: null,
    decidedAt: at,
  } as const;
  return foldRun([
    { number: 1, run, term: leadership.term, epoch: world.record.epoch, controller: 'bravo', events: [event] },
  ])!;
}

/** The run of this intent, with the record as it is after its revocation, or after its grant. */
function during(stage: 'revoked' | 'granted', intent = siteFailover, world = new FactsBuilder()) {
  const state = opened(intent, world);
  world.change({ record: revoked(world.facts, state.plan, run, 'one') });
  if (stage === 'granted') world.change({ record: granted(world.facts, state.plan) });
  return { world, state, orders: (kind: StepKind) => ordersFor({ kind }, state, world.facts) };
}

test('the barrier asks every host that can be asked, and waits for those of the candidates', () => {
  const world = new FactsBuilder().host('alfa-e1', { connected: false }).host('bravo-d', { connected: false });
  const orders = during('revoked', siteFailover, world).orders('barrier');
  const required = orders.filter((order) => order.required).map((order) => order.host);
  assert.deepEqual(required.toSorted(), ['bravo-d', 'bravo-e1', 'bravo-x']);
  const hosts = orders.map((order) => order.host as string);
  assert.ok(!hosts.includes('alfa-e1'), 'who cannot be asked is not asked');
  assert.ok(hosts.includes('alfa-d') && hosts.includes('wit-a') && hosts.includes('bravo-e2'));
  assert.equal(new Set(hosts).size, hosts.length);
});

test('the fence asks each old holder whose silence is not proved and whose agent can be asked', () => {
  const world = new FactsBuilder().instance('alfa-db', { provedDead: true }).host('alfa-x', { connected: false });
  const orders = during('revoked', siteFailover, world).orders('fence');
  assert.deepEqual(
    orders.map(({ target, order }) => [target, order.kind === 'silence' && order.holderEpoch]),
    [['alfa-eng1', 7]],
  );
});

test('a planned move stops its holder gently, an unplanned one only what is well', () => {
  const gentle = (intent: Intent, world: FactsBuilder) =>
    during('revoked', intent, world)
      .orders('fence')
      .map(({ order }) => order.kind === 'silence' && order.gentle);
  assert.deepEqual(gentle(switchover, new FactsBuilder()), [true, true, true]);
  const sick = new FactsBuilder().instance('alfa-eng1', { verdict: silentByQuorum });
  assert.deepEqual(gentle(siteFailover, sick), [true, false, true]);
});

test('what others depend on is promoted first, one after the other, each under the grant in the record', () => {
  const { orders, world } = during('granted', { ...siteFailover, moves: siteFailover.moves.toReversed() });
  const promotions = orders('promote-components');
  assert.deepEqual(
    promotions.map((order) => order.target),
    ['bravo-db', 'bravo-eng1', 'bravo-oms'],
  );
  for (const { order, required, inSequence, confirm } of promotions) {
    assert.ok(required && inSequence && order.kind === 'promote');
    assert.equal(order.record, world.record);
    assert.deepEqual(confirm?.condition, { kind: 'primary-at', epoch: 8 });
  }
});

test('traffic is led to the new holders by the front of the new site, and every other front is closed', () => {
  const orders = during('granted').orders('move-traffic');
  assert.deepEqual(
    orders.map(({ target, required, order }) => [
      target,
      required,
      order.kind === 'perform' && order.action.kind === 'route' ? order.action.routes : null,
    ]),
    [
      ['alfa-front', false, { database: null, orders: null }],
      ['bravo-front', true, { database: 'bravo-db', orders: 'bravo-eng1' }],
    ],
  );
});

test('the platform is tried and trading enabled at the engine that holds the grant, at its epoch', () => {
  const { orders } = during('granted');
  const [tried] = orders('validate');
  const [enabled] = orders('enable-trading');
  assert.deepEqual([tried?.target, tried?.confirm], ['test/bravo-eng1', null]);
  assert.deepEqual(tried?.order.kind === 'perform' && tried.order.action, { kind: 'test-order', epoch: 8 });
  assert.deepEqual(enabled?.order.kind === 'perform' && enabled.order.action, {
    kind: 'set-trading',
    epoch: 8,
    enabled: true,
  });
  assert.deepEqual(enabled?.confirm?.condition, { kind: 'trading', enabled: true });
});

test('nobody is asked to trade while nobody holds the engine, or for a run that has ended', () => {
  assert.deepEqual(during('revoked').orders('enable-trading'), []);
  const { state, world } = during('granted');
  assert.deepEqual(ordersFor({ kind: 'enable-trading' }, { ...state, result: 'failed' }, world.facts), []);
});

test('steps that are a change of the record, or a look at the facts, ask nobody', () => {
  const { orders } = during('granted');
  for (const kind of ['revoke', 'grant', 'freeze-positions', 'residue-check'] as const)
    assert.deepEqual(orders(kind), []);
});

test('without a record nobody is asked anything', () => {
  const { state, world } = during('granted');
  world.change({ record: null });
  for (const step of state.plan.steps) assert.deepEqual(ordersFor(step, state, world.facts), []);
});

test('only what moves is asked for', () => {
  const moves = siteFailover.moves.filter((move) => move.component === DB);
  const { orders } = during('granted', { ...siteFailover, moves });
  assert.deepEqual(
    orders('promote-components').map((order) => order.target),
    ['bravo-db'],
  );
  assert.ok(orders('barrier').every(({ order }) => order.kind === 'raise-epoch' && !order.components.includes(ENGINE)));
});
