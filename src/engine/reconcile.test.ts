import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE, FactsBuilder, observationOf } from '../../test/builders/facts.ts';
import { epoch, type InstanceId, instanceId, siteId } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { LocalInstance } from './local-instance.ts';
import { frontRoutes, routesFor, standbyAction } from './reconcile.ts';

const { facts, record } = new FactsBuilder();
const { topology } = facts;
const FOLLOWED = { kind: 'ok', detail: {} } as const;

/** What an agent knows of one instance, seen at 1000. */
function local(id: string, seen: Partial<InstanceObservation> = {}): LocalInstance {
  const { instance: instances, component } = indexOf(topology);
  const instance = instances.get(instanceId(id))!;
  const known = new LocalInstance({
    instance,
    component: component.get(instance.component)!,
    group: topology.groups[0]!,
    mayWrite: false,
    gate: null,
  });
  known.observe({ ...observationOf(instance.id, false), ...seen }, 1000);
  return known;
}

const upstream = (instance: InstanceId, connected = true) => ({ instance, connected, silentMs: 5 });
const follow = { kind: 'follow', epoch: 7, upstream: 'alfa-eng1', mode: 'sync' };

test('a standby is told to follow the holder, and left alone once it does under this grant', () => {
  const standby = local('alfa-eng2');
  const action = standbyAction(standby, record, 1000)!;
  assert.deepEqual(action, follow);
  standby.reconciled(action, FOLLOWED, 1000);
  standby.observe(
    { ...observationOf(instanceId('alfa-eng2'), false), upstream: upstream(instanceId('alfa-eng1')) },
    1100,
  );
  assert.equal(standbyAction(standby, record, 1100), null);
});

test('a standby that follows somebody else, or an earlier grant, is told again', () => {
  const elsewhere = local('alfa-eng2', { upstream: upstream(instanceId('bravo-eng1')) });
  elsewhere.followed = { epoch: epoch(7), at: 1000 };
  assert.deepEqual(standbyAction(elsewhere, record, 1000), follow);
  const earlier = local('alfa-eng2', { upstream: upstream(instanceId('alfa-eng1')) });
  earlier.followed = { epoch: epoch(6), at: 1000 };
  assert.deepEqual(standbyAction(earlier, record, 1000), follow);
});

test('a standby that stays without its upstream is told again after a while', () => {
  const cutOff = local('alfa-eng2', { upstream: upstream(instanceId('alfa-eng1'), false) });
  cutOff.followed = { epoch: epoch(7), at: 1000 };
  assert.equal(standbyAction(cutOff, record, 2000), null);
  assert.deepEqual(standbyAction(cutOff, record, 60_000), follow);
});

test('a standby whose upstream has just gone looks for it by itself, however long ago it was told whom to follow', () => {
  const found = observationOf(instanceId('alfa-eng2'), false);
  const standby = local('alfa-eng2', { upstream: upstream(instanceId('alfa-eng1')) });
  standby.followed = { epoch: epoch(7), at: 1000 };
  standby.observe({ ...found, upstream: upstream(instanceId('alfa-eng1'), false) }, 60_000);
  assert.equal(standbyAction(standby, record, 62_900), null);
  assert.deepEqual(standbyAction(standby, record, 63_100), follow);
});

test('a standby whose upstream sends it away each time it connects is told again, connected or not', () => {
  const found = observationOf(instanceId('alfa-eng2'), false);
  const standby = local('alfa-eng2', { upstream: upstream(instanceId('alfa-eng1')) });
  standby.followed = { epoch: epoch(7), at: 1000 };
  const look = (connected: boolean, at: number) => {
    standby.observe({ ...found, upstream: upstream(instanceId('alfa-eng1'), connected) }, at);
    return standbyAction(standby, record, at);
  };
  for (let at = 10_000; at < 13_000; at += 500) assert.equal(look(at % 1000 !== 0, at), null);
  assert.deepEqual(look(false, 13_000), follow);
  standby.followed = { epoch: epoch(7), at: 13_100 };
  assert.equal(look(true, 13_200), null);
  assert.equal(look(true, 20_000), null);
  assert.equal(look(false, 20_500), null, 'this time it had stayed');
});

test('a cascade stands where its own upstream is', () => {
  const archive = local('wit-db', { upstream: upstream(instanceId('bravo-db')) });
  archive.followed = { epoch: epoch(7), at: 1000 };
  assert.equal(standbyAction(archive, record, 1000), null);
});

test('I3: nobody is ever promoted here, and whoever promoted himself is stopped, the holder too', () => {
  for (const id of ['alfa-eng1', 'alfa-eng2', 'bravo-eng1'])
    assert.deepEqual(standbyAction(local(id, { role: 'primary' }), record, 1000), { kind: 'kill' }, id);
  const nobody = new FactsBuilder().revoke(ENGINE).record;
  assert.deepEqual(standbyAction(local('alfa-eng1', { role: 'primary' }), nobody, 1000), { kind: 'kill' });
  assert.deepEqual(standbyAction(local('alfa-eng1', { role: 'primary' }), null, 1000), { kind: 'kill' });
});

test('while nobody holds it a standby is left where it is: a run is deciding', () => {
  assert.equal(standbyAction(local('alfa-eng2'), new FactsBuilder().revoke(ENGINE).record, 1000), null);
});

test('a standby that has ended is started, closed', () => {
  assert.deepEqual(standbyAction(local('alfa-eng2', { process: 'exited', role: 'closed' }), record, 1000), {
    kind: 'start',
  });
});

test('what ends while the record is behind an order that came already is not started beside the take-over, but after it', () => {
  const ended = local('alfa-eng1');
  ended.observe({ ...observationOf(instanceId('alfa-eng1'), false), process: 'exited' }, 2000);
  assert.equal(standbyAction(ended, null, 2030), null);
  assert.deepEqual(standbyAction(ended, null, 5100), { kind: 'start' });
});

test('a database that has ended is started by following: it may have to be made anew', () => {
  const action = standbyAction(local('bravo-db', { process: 'stopped', role: 'closed' }), record, 1000);
  assert.deepEqual(action, { kind: 'follow', epoch: 7, upstream: 'alfa-db', mode: 'sync' });
});

test('what does not answer is killed, but not at once: a busy machine makes the best process late', () => {
  const frozen = local('alfa-eng2', { process: 'frozen' });
  assert.equal(standbyAction(frozen, record, 1500), null);
  assert.deepEqual(standbyAction(frozen, record, 60_000), { kind: 'kill' });
});

test('nothing is done about what was never seen', () => {
  const unseen = local('alfa-eng2');
  unseen.observation = null;
  assert.equal(standbyAction(unseen, record, 1000), null);
});

test('the front of the active site leads to the holders; every other is closed', () => {
  const routes = (site: string) => routesFor(record, siteId(site), topology, topology.groups[0]!.components);
  assert.deepEqual(routes('alfa'), { database: 'alfa-db', orders: 'alfa-eng1' });
  assert.deepEqual(routes('bravo'), { database: null, orders: null });
  const moving = new FactsBuilder().revoke(ENGINE).record;
  assert.deepEqual(routesFor(moving, siteId('alfa'), topology, topology.groups[0]!.components), {
    database: 'alfa-db',
    orders: null,
  });
});

test('a front is told its routes once per epoch, and never those of an unknown record', () => {
  const front = local('bravo-front');
  const closed = { kind: 'route', epoch: 7, routes: { database: null, orders: null } };
  const told = frontRoutes(front, record, siteId('bravo'), topology, 1000)!;
  assert.deepEqual(told, closed);
  assert(told.kind === 'route');
  front.tookRoutes(told);
  assert.equal(frontRoutes(front, record, siteId('bravo'), topology, 1001), null);
  const raised = { ...record, epoch: epoch(8) };
  assert.deepEqual(frontRoutes(front, raised, siteId('bravo'), topology, 1001), { ...closed, epoch: 8 });
  assert.equal(frontRoutes(front, null, siteId('bravo'), topology, 1001), null);
});

test('a front that has ended is started, and told its routes anew', () => {
  const front = local('bravo-front');
  const told = frontRoutes(front, record, siteId('bravo'), topology, 1000)!;
  assert(told.kind === 'route');
  front.tookRoutes(told);
  front.exited({ instance: front.instance.id, code: 1, signal: null, reaped: true, treeEmpty: true }, 1001);
  assert.deepEqual(frontRoutes(front, record, siteId('bravo'), topology, 1001), { kind: 'start' });
  front.observe(observationOf(front.instance.id, false), 1002);
  assert.equal(frontRoutes(front, record, siteId('bravo'), topology, 1002)?.kind, 'route');
});
