import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE, FactsBuilder, observationOf } from '../../test/builders/facts.ts';
import { planOf, siteFailover } from '../../test/builders/plans.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import { componentId, epoch, instanceId, runId, type StepId, siteId } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import { foldRun } from '../core/run/run.ts';
import type { Topology } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { LocalInstance } from './local-instance.ts';
import { granted, revoked } from './record-change.ts';
import { routeUnder, servedAction, servedOrders } from './served-routes.ts';
import { ordersFor } from './step-orders.ts';
import { StepWork } from './step-work.ts';

const run = runId('trading-8');
const world = () => new FactsBuilder({ servers: true });
const { topology } = world().facts;
const { instance: instances, component: components } = indexOf(topology);

function routes(record: GroupRecord, id: string) {
  const instance = instances.get(instanceId(id))!;
  return routeUnder(record, components.get(instance.component)!, instance, topology);
}

function opened(at: FactsBuilder) {
  const { wallMs: at_, leadership } = at.facts;
  const event = {
    kind: 'opened',
    run,
    plan: planOf(siteFailover, at.facts),
    automatic: true,
    by: 'policy automatic',
    at: at_,
    detectedAt: at_,
    lastGoodAt: null,
    decidedAt: at_,
  } as const;
  return foldRun([
    { number: 1, run, term: leadership.term, epoch: at.record.epoch, controller: 'bravo', events: [event] },
  ])!;
}

/** After the grant of a move from alfa to bravo, whose traffic is moved now. */
function moving(at = world()) {
  const state = opened(at);
  at.change({ record: revoked(at.facts, state.plan, run, 'one') });
  at.change({ record: granted(at.facts, state.plan) });
  at.change({ record: { ...at.record, traffic: siteId('bravo') } });
  return { at, state, orders: () => servedOrders(state, at.facts, at.record) };
}

test('beside the writer everything leads to it, elsewhere to nobody; every name server has the same', () => {
  const { record } = world();
  assert.deepEqual(routes(record, 'alfa-proxy'), { kind: 'route', epoch: 7, routes: { orders: 'alfa-front' } });
  assert.deepEqual(routes(record, 'bravo-proxy')?.routes, { orders: null });
  assert.deepEqual(routes(record, 'alfa-pooler')?.routes, { trading: 'alfa-db' });
  assert.deepEqual(routes(record, 'bravo-pooler')?.routes, { trading: null });
  for (const names of ['alfa-names', 'bravo-names'])
    assert.deepEqual(routes(record, names)?.routes, { trading: 'alfa-front' });
  for (const cache of ['alfa-cache', 'bravo-cache'])
    assert.deepEqual(routes(record, cache)?.routes, { cache: 'alfa-cache' });
  assert.deepEqual(routes(record, 'alfa-router')?.routes, { '10.255.0.0/24': 'alfa-front' });
  assert.deepEqual(routes(record, 'bravo-router')?.routes, { '10.255.0.0/24': null });
  for (const registry of ['alfa-registry', 'bravo-registry'])
    assert.deepEqual(routes(record, registry)?.routes, { engine: 'alfa-eng1' });
});

test('where something else has put the primary at another site, the pooler there and the one that clients reach lead to it', () => {
  const delegated: Topology = {
    ...topology,
    components: topology.components.map((each) =>
      each.id === 'db' ? { ...each, kind: 'patroni', authority: 'delegated' } : each,
    ),
  };
  const { record } = world();
  const holder = instanceId('bravo-db');
  const adopted = { component: componentId('db'), holder, lock: 7, epoch: record.epoch };
  const routed = (id: string, seen: typeof adopted | { holder: null }) => {
    const { component: byId, instance: byInstance } = indexOf(delegated);
    const instance = byInstance.get(instanceId(id))!;
    const delegates = { [adopted.component]: { ...adopted, ...seen } };
    return routeUnder({ ...record, delegates }, byId.get(instance.component)!, instance, delegated)?.routes;
  };
  for (const pooler of ['alfa-pooler', 'bravo-pooler'])
    assert.deepEqual(routed(pooler, adopted), { trading: 'bravo-db' });
  assert.deepEqual(routed('bravo-pooler', { ...adopted, holder: instanceId('alfa-db') }), { trading: null });
  for (const pooler of ['alfa-pooler', 'bravo-pooler'])
    assert.deepEqual(routed(pooler, { holder: null }), { trading: null });
});

test('nobody is led to a writer between its revocation and the next grant', () => {
  const at = world();
  at.change({ record: revoked(at.facts, opened(at).plan, run, 'one') });
  for (const pooler of ['alfa-pooler', 'bravo-pooler'])
    assert.deepEqual(routes(at.record, pooler)?.routes, { trading: null });
  for (const cache of ['alfa-cache', 'bravo-cache'])
    assert.deepEqual(routes(at.record, cache)?.routes, { cache: null });
  for (const registry of ['alfa-registry', 'bravo-registry'])
    assert.deepEqual(routes(at.record, registry)?.routes, { engine: null });
});

test('a proxy of the new site leads nowhere before the traffic has moved, and the old one not after it', () => {
  const { at } = moving();
  const before = { ...at.record, traffic: siteId('alfa') };
  assert.deepEqual(routes(before, 'bravo-proxy')?.routes, { orders: null });
  assert.deepEqual(routes(at.record, 'bravo-proxy')?.routes, { orders: 'bravo-front' });
  assert.deepEqual(routes(at.record, 'alfa-proxy')?.routes, { orders: null });
});

test('a prefix is announced at the new site once the traffic has moved, not before, and no longer at the old one', () => {
  const { at } = moving();
  const of = (record: GroupRecord, site: string) => routes(record, `${site}-router`)?.routes['10.255.0.0/24'];
  const before = { ...at.record, traffic: siteId('alfa') };
  assert.deepEqual([of(before, 'alfa'), of(before, 'bravo')], ['alfa-front', null]);
  assert.deepEqual([of(at.record, 'alfa'), of(at.record, 'bravo')], [null, 'bravo-front']);
  const nowhere = { ...at.record, traffic: null };
  assert.deepEqual([of(nowhere, 'alfa'), of(nowhere, 'bravo')], [null, null]);
});

test('where no site has the traffic a name stays as it is', () => {
  assert.equal(routes({ ...world().record, traffic: null }, 'alfa-names'), null);
});

test('a Redis is opened for the epoch of whoever writes to it, not for that of another move', () => {
  const { record } = world();
  const raised: GroupRecord = { ...record, epoch: epoch(9) };
  assert.equal(routes(raised, 'alfa-cache')?.epoch, record.grants[ENGINE]!.epoch);
  assert.equal(routes(raised, 'alfa-proxy')?.epoch, 9);
});

const replaced = (record: GroupRecord, instance: string | null): GroupRecord => ({
  ...record,
  epoch: epoch(8),
  writers: {
    [componentId('cache')]: {
      component: componentId('cache'),
      instance: instance === null ? null : instanceId(instance),
      epoch: epoch(8),
      former: instanceId('alfa-cache'),
      besideSite: siteId('alfa'),
      why: 'lost',
    },
  },
});

test('a Redis that was replaced is closed everywhere, then open where the record names it; the lost one is silenced', () => {
  const closed = replaced(world().record, null);
  assert.deepEqual(routes(closed, 'alfa-cache'), { kind: 'route', epoch: 8, routes: { cache: null }, silence: true });
  assert.deepEqual(routes(closed, 'bravo-cache'), { kind: 'route', epoch: 8, routes: { cache: null } });
  const named = replaced(world().record, 'bravo-cache');
  assert.deepEqual(routes(named, 'alfa-cache')?.silence, true);
  assert.deepEqual(routes(named, 'bravo-cache'), { kind: 'route', epoch: 8, routes: { cache: 'bravo-cache' } });
  assert.equal(routes(replaced(world().record, 'alfa-cache'), 'alfa-cache')?.silence, undefined);
});

test('a move inside the site leaves a replaced Redis where it is, a move to another site ends it', () => {
  const at = world();
  at.change({ record: replaced(at.record, 'bravo-cache') });
  const state = opened(at);
  const inside = { ...state.plan, toSite: siteId('alfa') };
  assert.equal(revoked(at.facts, inside, run, 'one').writers?.[componentId('cache')]?.instance, 'bravo-cache');
  assert.equal('writers' in revoked(at.facts, state.plan, run, 'one'), false);
});

test('the lost Redis is told to close also while it is gone or silent, and once', () => {
  const record = replaced(world().record, null);
  for (const seen of [{ process: 'exited', health: 'bad' }, { health: 'unknown' }] as const) {
    const lost = local('alfa-cache', seen);
    const told = servedAction(lost, record, topology, new Map())!;
    assert.deepEqual(told, { kind: 'route', epoch: 8, routes: { cache: null }, silence: true });
    lost.tookRoutes(told);
    assert.equal(servedAction(lost, record, topology, new Map()), null);
    assert.equal(servedAction(local('bravo-cache', seen), record, topology, new Map()), null);
  }
});

function local(id: string, seen: Partial<InstanceObservation> = {}): LocalInstance {
  const instance = instances.get(instanceId(id))!;
  const component = components.get(instance.component)!;
  const known = new LocalInstance({ instance, component, group: topology.groups[0]!, mayWrite: false, gate: null });
  known.observe({ ...observationOf(instance.id, false), role: 'closed', ...seen }, 1000);
  return known;
}

test('a server is told once, and again when it does not do what it was told', () => {
  const { record } = world();
  const proxy = local('alfa-proxy');
  const told = servedAction(proxy, record, topology, new Map())!;
  assert.deepEqual(told, { kind: 'route', epoch: 7, routes: { orders: 'alfa-front' } });
  proxy.tookRoutes(told);
  assert.equal(servedAction(proxy, record, topology, new Map()), null);
  proxy.observe({ ...proxy.observation!, health: 'bad', reason: 'it does not lead where it was told' }, 2000);
  assert.deepEqual(servedAction(proxy, record, topology, new Map()), told);
});

test('what leads where it should is told of a new epoch by the run that raised it, or once there is none; what leads elsewhere at once', () => {
  const { record } = world();
  const during: GroupRecord = { ...record, epoch: epoch(8), run };
  const settled = (id: string) => {
    const known = local(id);
    known.tookRoutes(servedAction(known, record, topology, new Map())!);
    return known;
  };
  const told = (known: LocalInstance, under: GroupRecord) => servedAction(known, under, topology, new Map());
  const proxy = settled('alfa-proxy');
  assert.equal(told(proxy, during), null);
  assert.deepEqual(told(proxy, { ...during, run: null }), {
    kind: 'route',
    epoch: 8,
    routes: { orders: 'alfa-front' },
  });
  assert.deepEqual(told(proxy, { ...during, traffic: null })?.routes, { orders: null });
  assert.equal(told(local('alfa-proxy'), during)?.epoch, 8, 'one that began anew was told nothing yet');
  proxy.observe({ ...proxy.observation!, health: 'bad', reason: 'it does not lead where it was told' }, 2000);
  assert.equal(told(proxy, during)?.epoch, 8);
  const closing = {
    ...during,
    grants: { ...record.grants, [ENGINE]: { ...record.grants[ENGINE]!, holder: null, epoch: epoch(8) } },
  };
  assert.deepEqual(told(settled('alfa-cache'), closing)?.routes, { cache: null });
  const regranted = {
    ...during,
    grants: { ...record.grants, [ENGINE]: { ...record.grants[ENGINE]!, epoch: epoch(8) } },
  };
  assert.equal(told(settled('alfa-cache'), regranted)?.epoch, 8, 'there the epoch decides who may write');
});

test('what does not answer is told nothing, as is anything under a record that is not known; it is never killed', () => {
  const { record } = world();
  const frozen = local('alfa-proxy', { health: 'unknown', role: 'unknown' });
  assert.equal(servedAction(frozen, record, topology, new Map()), null);
  assert.equal(servedAction(local('alfa-proxy'), null, topology, new Map()), null);
  assert.equal(servedAction(local('alfa-proxy', { process: 'exited' }), record, topology, new Map()), null);
});

test('a shared address weighs by the proxy beside it, at either site, and no run asks anything of it', () => {
  const { record } = world();
  const gateway = local('bravo-gateway');
  const beside = (seen: Partial<InstanceObservation>) =>
    new Map([[instanceId('bravo-proxy'), local('bravo-proxy', seen)]]);
  const told = (seen: Partial<InstanceObservation>) => servedAction(gateway, record, topology, beside(seen));
  assert.deepEqual(told({}), { kind: 'route', epoch: 7, routes: { orders: 'bravo-proxy' } });
  for (const seen of [{ health: 'unknown' }, { health: 'bad' }, { process: 'exited' }] as const)
    assert.deepEqual(told(seen), { kind: 'route', epoch: 7, routes: { orders: null } });
  const unseen = local('bravo-proxy');
  unseen.observation = null;
  for (const locals of [new Map(), new Map([[unseen.instance.id, unseen]])])
    assert.equal(servedAction(gateway, record, topology, locals), null, 'a proxy that was not looked at moves nothing');
  assert.equal(routes(record, 'bravo-gateway'), null);
});

test('the step asks every server, waits for those that answer, and for one of each kind of way at the new site', () => {
  const { orders } = moving(world().host('alfa-x', { connected: false }));
  const seen = orders().map(({ target, required, awaited, oneOf }) => [target, required, awaited, oneOf ?? null]);
  assert.deepEqual(seen, [
    ['alfa-proxy', false, false, null],
    ['bravo-proxy', false, true, 'proxy'],
    ['alfa-pooler', false, false, null],
    ['bravo-pooler', false, true, 'pooler'],
    ['alfa-names', false, false, null],
    ['bravo-names', false, true, 'names'],
    ['alfa-cache', false, false, null],
    ['bravo-cache', false, false, null],
    ['alfa-router', false, false, null],
    ['bravo-router', false, true, 'router'],
    ['alfa-registry', false, false, null],
    ['bravo-registry', false, true, 'registry'],
  ]);
  for (const { order, confirm } of orders())
    assert.deepEqual(
      order.kind === 'perform' && order.action.kind === 'route' && order.action.routes,
      confirm?.condition.kind === 'routed' && confirm.condition.routes,
    );
});

test('trading waits for Redis at the new site where something of its group depends on it, and nowhere else', () => {
  const { at, state, orders } = moving();
  const context = { group: at.facts.group.id, run, step: 'move-traffic' as StepId, term: at.facts.leadership.term };
  const work = new StepWork({ ...context, epoch: at.record.epoch }, 0, false);
  for (const { command } of work.next(orders(), 0))
    if (!command.key.endsWith('/bravo-cache'))
      work.answered({ key: command.key, outcome: { kind: 'ok', detail: {} }, proof: null } as never, 10);
  assert.equal(work.doneWith(orders()), true, 'its sentinels may need longer than the step has');
  const dependent = {
    ...topology,
    components: topology.components.map((each) =>
      each.id === ENGINE ? { ...each, dependsOn: [...each.dependsOn, componentId('cache')] } : each,
    ),
  };
  const asked = servedOrders(state, { ...at.facts, topology: dependent }, at.record);
  const cache = asked.find(({ target }) => target === 'bravo-cache');
  assert.deepEqual([cache?.awaited, cache?.oneOf], [true, 'cache']);
});

test('a server that is heard of and does not answer is asked and not waited for', () => {
  const { orders } = moving(world().observation('alfa-names', { health: 'unknown' }));
  const awaited = orders().filter((order) => order.awaited);
  assert.ok(!awaited.some(({ target }) => target === 'alfa-names'));
  assert.ok(awaited.some(({ target }) => target === 'alfa-proxy'));
});

test('a firm without servers has the orders of its fronts and no others', () => {
  const at = new FactsBuilder();
  const state = opened(at);
  const targets = ordersFor({ kind: 'move-traffic' }, state, at.facts).map(({ target }) => target as string);
  assert.deepEqual(targets, ['alfa-front', 'bravo-front']);
});
