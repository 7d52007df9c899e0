import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topologyOf } from '../../src/sim/build-topology.ts';
import { shapeOf } from '../../src/sim/scenario-shape.ts';
import { planNetwork } from '../netns/network-plan.ts';
import { labFirm } from './ground-firm.ts';

const firm = topologyOf(
  shapeOf({
    firm: { servingSites: 2, enginesPerSite: 2, archive: true, services: false, servers: true },
    policy: { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' },
  }),
);
const on = (ground: 'loopback' | 'netns') => labFirm(firm, { title: 'it moves', pace: 2, ground });

test('on loopback a firm is as it is, at its pace and with an exchange at each serving site', () => {
  const { hosts, components, venues, timing } = on('loopback');
  assert.deepEqual({ hosts, components }, { hosts: firm.hosts, components: firm.components });
  assert.equal(timing.reportEveryMs, 2 * firm.timing.reportEveryMs);
  assert.deepEqual(venues[0]!.rttMsBySite, { alfa: 1, bravo: 1 });
});

test('on namespaces each router of a firm is a machine of its own, and the others stay where they are', () => {
  const placed = on('netns');
  const hostsOf = (id: string) => placed.components.find((each) => each.id === id)!.instances.map(({ host }) => host);
  assert.throws(() => planNetwork(firm, { prefix: '' }), /on a router/);
  assert.deepEqual(hostsOf('router'), ['alfa-r', 'bravo-r']);
  assert.deepEqual(hostsOf('proxy'), ['alfa-x', 'bravo-x']);
  const { nodes } = planNetwork(placed, { prefix: '' });
  assert.equal(nodes.find(({ host }) => host === 'bravo-r')?.id, 'router/bravo/1');
});

test('on namespaces servers lead by the names that servers of a lab know', () => {
  const leadsOf = (id: string) =>
    Object.entries(on('netns').components.find((each) => each.id === id)!.served!.leads).map(
      ([name, { to }]) => `${name} to ${to}`,
    );
  assert.deepEqual(leadsOf('proxy'), ['orders to front', 'database to pooler'], 'clients have both through proxies');
  assert.deepEqual(leadsOf('gateway'), ['proxies to proxy']);
  assert.deepEqual(leadsOf('registry'), ['orders to front']);
  assert.deepEqual(leadsOf('pooler'), ['trading to db']);
});
