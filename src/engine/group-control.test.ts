import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerUnderTest } from '../../test/builders/controller.ts';
import { DB, ENGINE, FactsBuilder, NOW, OMS } from '../../test/builders/facts.ts';
import { instanceId, revision, wallMs } from '../core/base/ids.ts';
import type { OperatorRequest } from '../core/operator/operator-request.ts';
import { GROUP } from '../sim/build-topology.ts';
import { keys } from './authority-keys.ts';

const failover: OperatorRequest = {
  kind: 'move',
  group: GROUP,
  move: 'failover',
  toSite: 'bravo',
  digest: null,
  overrides: ['R-VERDICT'],
  reason: 'drill',
  acceptDataLoss: null,
};
const journalling = (controller: ControllerUnderTest) =>
  controller.all('transact').filter(({ body }) => body.put.some(({ key }) => key.startsWith(`journal/${GROUP}/0`)));

test('C1, I8: nobody is commanded anything before the entry that announces it is written', () => {
  const controller = new ControllerUnderTest().leads();
  controller.asks(failover, 'risk-officer');
  assert.equal(journalling(controller).length, 1);
  assert.deepEqual(controller.all('command'), []);
  controller.settle();
  const steps = new Set(controller.all('command').map(({ command }) => command.step));
  assert.deepEqual([...steps], ['barrier']);
});

test('C2: a run is opened under the key of the leader, the head of the journal, the record and the leases that it ends', () => {
  const controller = new ControllerUnderTest().leads();
  controller.asks(failover, 'risk-officer');
  const { body } = journalling(controller)[0]!;
  const compared = body.compare.map(({ key }) => key).toSorted();
  const leases = [DB, ENGINE, OMS].map((component) => keys.lease(GROUP, component));
  assert.deepEqual(
    compared.filter((key) => !key.startsWith('brakes/')),
    [keys.group(GROUP), keys.journalHead(GROUP), keys.leader, ...leases].toSorted(),
  );
  const put = body.put.map(({ key }) => key);
  assert.ok(put.includes(keys.group(GROUP)) && put.includes(keys.journalHead(GROUP)));
});

test('I2: a leader that was deposed while it decided writes nothing and commands nothing', () => {
  const controller = new ControllerUnderTest().leads();
  controller.asks(failover, 'risk-officer');
  controller.stores(keys.leader, { controller: 'wit', term: 2 });
  controller.settle();
  assert.deepEqual([controller.record?.epoch, controller.record?.run], [7, null]);
  assert.equal(controller.stored.has(keys.journalEntry(GROUP, 1)), false);
  assert.deepEqual(controller.all('command'), []);
});

test('I7: a head of the journal without its entry, as a refused write shows it, decides nothing until the entry is known', () => {
  const controller = new ControllerUnderTest().leads();
  const { core, now } = controller;
  const group = core.groups.get(GROUP)!;
  const head = { value: { number: 5, run: 'trading-8' }, revision: revision(1000) };
  core.mirror.learn({ [keys.journalHead(GROUP)]: head }, now);
  assert.equal(group.busy, true);
  controller.asks(failover, 'risk-officer');
  assert.deepEqual(journalling(controller), []);
  const refused = controller.all('answer').at(-1)?.answer;
  assert.equal(refused?.kind === 'refused' && refused.code, 'HF-4105');
  core.mirror.change([{ key: keys.journalEntry(GROUP, 5), value: {} }], revision(1000), now);
  assert.equal(group.busy, false);
});

test('a holder that renewed while the leader decided makes it decide anew, and the newer renewal is what is revoked', () => {
  const controller = new ControllerUnderTest().leads();
  controller.asks(failover, 'risk-officer');
  const lease = controller.stored.get(keys.lease(GROUP, ENGINE))!.value as object;
  controller.stores(keys.lease(GROUP, ENGINE), { ...lease, counter: 2 });
  const renewed = controller.stored.get(keys.lease(GROUP, ENGINE))!.revision;
  controller.settle();
  assert.equal(controller.record?.grants[ENGINE]?.revoked?.leaseRevision, renewed);
  assert.equal(journalling(controller).length >= 2, true);
});

test('what an agent vouched for before a renewal that is known here proves nothing', () => {
  const provedDead = (counter: number) => {
    const controller = new ControllerUnderTest(new FactsBuilder().observation('alfa-eng1', { role: 'closed' }));
    const lease = controller.stored.get(keys.lease(GROUP, ENGINE))!.value as object;
    controller.stores(keys.lease(GROUP, ENGINE), { ...lease, counter });
    controller.leads();
    const facts = controller.core.groups.get(GROUP)!.facts(controller.now, wallMs(NOW));
    return facts.instances.get(instanceId('alfa-eng1'))!.provedDead;
  };
  assert.deepEqual([provedDead(1), provedDead(2)], [true, false]);
});
