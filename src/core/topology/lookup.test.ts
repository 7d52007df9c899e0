import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { componentId, groupId, hostId, instanceId, linkId, siteId } from '../base/ids.ts';
import {
  componentOf,
  eligibleInstancesAt,
  groupOf,
  hostOf,
  hostsAt,
  instancesAt,
  instancesOf,
  instancesOn,
  quorumRttMs,
  quorumSize,
  rttBetweenMs,
  servingSites,
  siteOf,
  syncPeersOf,
  votersOf,
} from './lookup.ts';
import type { Component, Instance, Link, Site, Topology } from './topology.ts';

const anySite = (index: number) =>
  fc.record({
    id: fc.constant(siteId(`s${index}`)),
    title: fc.constant(''),
    capabilities: fc.subarray(['serve', 'standby', 'witness', 'archive'] as const, { minLength: 1 }),
    voter: fc.boolean(),
    preference: fc.integer({ min: 1, max: 3 }),
    inventory: fc.constant(null),
  });

const anyTopology: fc.Arbitrary<Topology> = fc
  .record({
    sites: fc.integer({ min: 1, max: 5 }),
    hosts: fc.integer({ min: 1, max: 8 }),
    components: fc.integer({ min: 1, max: 5 }),
  })
  .chain((size) =>
    fc.record({
      sites: fc.tuple(...Array.from({ length: size.sites }, (_, index) => anySite(index))) as fc.Arbitrary<Site[]>,
      homes: fc.array(fc.nat({ max: size.sites - 1 }), { minLength: size.hosts, maxLength: size.hosts }),
      instances: fc.array(
        fc.record({
          component: fc.nat({ max: size.components - 1 }),
          host: fc.nat({ max: size.hosts - 1 }),
          replication: fc.constantFrom('sync', 'async', 'none'),
          eligible: fc.boolean(),
        }),
        { minLength: 1, maxLength: 14 },
      ),
      grouped: fc.array(fc.constantFrom('g0', 'g1', null), { minLength: size.components, maxLength: size.components }),
      links: fc.array(
        fc.record({
          left: fc.nat({ max: size.sites - 1 }),
          right: fc.nat({ max: size.sites - 1 }),
          rttMs: fc.integer({ min: 1, max: 50 }),
          priority: fc.integer({ min: 1, max: 3 }),
        }),
        { maxLength: 10 },
      ),
    }),
  )
  .map(({ sites, homes, instances, grouped, links }) => ({
    name: 'any',
    sites,
    hosts: homes.map((home, index) => ({
      id: hostId(`h${index}`),
      site: siteId(`s${home}`),
      rack: null,
      scheduling: null,
    })),
    components: grouped.map((_, index) => component(index, instances)),
    groups: ['g0', 'g1'].map((id) => ({
      id: groupId(id),
      components: grouped.flatMap((group, index) => (group === id ? [componentId(`c${index}`)] : [])),
      instancePolicy: 'automatic',
      sitePolicy: 'approval',
      coolDownMs: 1,
      maxRunsPerCoolDown: 1,
      rejoinPolicy: 'automatic',
      plannedMove: { approval: false, ticket: false, noticeMs: 0, watchMs: 60_000, outsideMarketHours: false },
    })),
    links: links.filter(({ left, right }) => left !== right).map((link, index) => linkOf(link, index)),
    venues: [],
    contacts: [],
    timing: {} as Topology['timing'],
    reconciliation: {} as Topology['reconciliation'],
  }));

interface InstanceSeed {
  readonly component: number;
  readonly host: number;
  readonly replication: Instance['replication'];
  readonly eligible: boolean;
}

const component = (index: number, seeds: readonly InstanceSeed[]): Component => ({
  id: componentId(`c${index}`),
  title: '',
  kind: 'trading-engine',
  category: 'hot',
  automation: 'full',
  objective: { rtoMs: 1, rpoMs: 0, availabilityPercent: null, stages: null },
  priority: 1,
  dependsOn: [],
  probes: [],
  authority: 'owned',
  durability: null,
  instances: seeds.flatMap((seed, number) =>
    seed.component === index
      ? [
          {
            id: instanceId(`i${number}`),
            component: componentId(`c${index}`),
            host: hostId(`h${seed.host}`),
            replication: seed.replication,
            eligible: seed.eligible,
            upstream: null,
          },
        ]
      : [],
  ),
});

const linkOf = (seed: { left: number; right: number; rttMs: number; priority: number }, index: number): Link => ({
  id: linkId(`l${index}`),
  between: [siteId(`s${seed.left}`), siteId(`s${seed.right}`)],
  rttMs: seed.rttMs,
  bandwidthMbps: 1,
  provider: null,
  pathGroup: `p${index}`,
  priority: seed.priority,
  slaPercent: null,
});

test('lookups of instances, hosts, sites and groups agree with a search through everything', () => {
  fc.assert(
    fc.property(anyTopology, (topology) => {
      for (const component of topology.components) {
        assert.deepEqual(instancesOf(topology, component.id), component.instances);
        const group = topology.groups.find((each) => each.components.includes(component.id)) ?? null;
        assert.equal(groupOf(topology, component.id), group);
        for (const instance of component.instances) {
          const host = topology.hosts.find((each) => each.id === instance.host)!;
          assert.equal(componentOf(topology, instance.id), component);
          assert.equal(hostOf(topology, instance.id), host);
          assert.equal(siteOf(topology, instance.id).id, host.site);
          const peers = component.instances.filter(
            (each) => each !== instance && each.eligible && each.replication === 'sync',
          );
          assert.deepEqual(syncPeersOf(topology, instance.id), peers);
        }
        for (const site of topology.sites) {
          const eligible = component.instances.filter(
            (each) => each.eligible && topology.hosts.some((host) => host.id === each.host && host.site === site.id),
          );
          assert.deepEqual(eligibleInstancesAt(topology, component.id, site.id), eligible);
        }
      }
      const all = topology.components.flatMap((each) => each.instances);
      for (const host of topology.hosts)
        assert.deepEqual(
          instancesOn(topology, host.id),
          all.filter((each) => each.host === host.id),
        );
      for (const site of topology.sites) {
        const hosts = topology.hosts.filter((each) => each.site === site.id);
        assert.deepEqual(hostsAt(topology, site.id), hosts);
        const here = all.filter((each) => hosts.some((host) => host.id === each.host)).map((each) => each.id);
        assert.deepEqual(
          instancesAt(topology, site.id)
            .map((each) => each.id)
            .toSorted(),
          here.toSorted(),
        );
      }
    }),
  );
});

test('serving sites are those that may be active, most preferred first', () => {
  fc.assert(
    fc.property(anyTopology, (topology) => {
      const serving = servingSites(topology);
      for (const site of topology.sites)
        assert.equal(
          serving.includes(site),
          site.capabilities.some((each) => each === 'serve' || each === 'standby'),
        );
      for (const [index, site] of serving.entries())
        assert.ok(index === 0 || serving[index - 1]!.preference <= site.preference);
    }),
  );
});

test('any two quorums share a voter, and no smaller number would be enough', () => {
  fc.assert(
    fc.property(anyTopology, (topology) => {
      const voters = votersOf(topology).length;
      assert.equal(voters, topology.sites.filter((site) => site.voter).length);
      assert.ok(2 * quorumSize(topology) > voters);
      assert.ok(2 * (quorumSize(topology) - 1) <= voters);
    }),
  );
});

test('a round trip is the quickest of all ways over first-choice links, or null when there is none', () => {
  fc.assert(
    fc.property(anyTopology, (topology) => {
      for (const from of topology.sites)
        for (const to of topology.sites)
          assert.equal(rttBetweenMs(topology, from.id, to.id), quickestWay(topology, from.id, to.id, []));
    }),
  );
});

test('a quorum write costs the trip to the voter that completes the quorum', () => {
  fc.assert(
    fc.property(anyTopology, (topology) => {
      for (const site of topology.sites) {
        const trip = quorumRttMs(topology, site.id);
        const within = votersOf(topology).filter((voter) => {
          const each = rttBetweenMs(topology, site.id, voter.id);
          return each !== null && each <= (trip ?? Number.POSITIVE_INFINITY);
        });
        assert.equal(trip !== null, within.length >= quorumSize(topology));
      }
    }),
  );
});

test('a name that the topology does not have is a bug of the caller', () => {
  const [topology] = fc.sample(anyTopology, { numRuns: 1, seed: 1 });
  assert.throws(() => instancesOf(topology!, componentId('nothing')), /no component nothing/);
  assert.throws(() => siteOf(topology!, instanceId('nothing')), /no instance nothing/);
});

/** Every way without visiting a site twice. */
function quickestWay(topology: Topology, from: string, to: string, visited: readonly string[]): number | null {
  if (from === to) return 0;
  const trips = topology.sites
    .map((site) => site.id)
    .filter((next) => next !== from && !visited.includes(next))
    .flatMap((next) => {
      const [first] = topology.links
        .filter((link) => link.between.includes(next) && link.between.some((end) => end === from))
        .toSorted((left, right) => left.priority - right.priority || left.rttMs - right.rttMs);
      const rest = first ? quickestWay(topology, next, to, [...visited, from]) : null;
      return first && rest !== null ? [first.rttMs + rest] : [];
    });
  return trips.length === 0 ? null : Math.min(...trips);
}
