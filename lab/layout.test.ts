import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hostId, instanceId, siteId } from '../src/core/base/ids.ts';
import type { ComponentKind, Topology } from '../src/core/topology/topology.ts';
import { firm, threeSites } from './lab-fixtures.ts';
import {
  AddressBook,
  agentEndpoint,
  instanceEndpoint,
  layOut,
  listeningAddresses,
  venueEndpoint,
  wardenEndpoint,
} from './layout.ts';

const kinds: readonly ComponentKind[] = [
  'trading-engine',
  'postgres',
  'order-management',
  'front',
  'risk-engine',
  'position-keeper',
  'market-data',
  'inventory',
];

const topologies: fc.Arbitrary<Topology> = fc
  .record({
    hosts: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 6 }),
    kinds: fc.array(fc.constantFrom(...kinds), { maxLength: 6 }),
    venues: fc.integer({ min: 0, max: 3 }),
    links: fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 8 }),
  })
  .map((shape) => {
    const names = shape.hosts.map((_, index) => `s${index}`);
    const hosts = shape.hosts.flatMap((count, index) => Array.from({ length: count }, (_, n) => `s${index}-h${n + 1}`));
    return firm({
      sites: Object.fromEntries(names.map((name, index) => [name, { hosts: shape.hosts[index]! }])),
      links: shape.links
        .map(([from, to]) => [from % names.length, to % names.length] as const)
        .filter(([from, to]) => from !== to)
        .map(([from, to]) => [names[from]!, names[to]!, 10] as const),
      components: Object.fromEntries(shape.kinds.map((kind, index) => [`c${index}`, { kind, on: hosts }])),
      venues: Object.fromEntries(Array.from({ length: shape.venues }, (_, index) => [`v${index}`, { s0: 1 }])),
    });
  });

const text = ({ host, port }: { readonly host: string; readonly port: number }) => `${host}:${port}`;

describe('layout of the loopback lab', () => {
  it('gives no two listeners the same address, in one lab and in two labs side by side', () => {
    fc.assert(
      fc.property(topologies, fc.integer({ min: 1, max: 253 }), (topology, block) => {
        const all = [block, block + 1].flatMap((each) => {
          const layout = layOut(topology, { block: each, insideSite: 'relayed' });
          return listeningAddresses(layout).map(({ address }) => text(address));
        });
        assert.equal(new Set(all).size, all.length);
      }),
      { numRuns: 60 },
    );
  });

  it('is the same for the same topology and block', () => {
    fc.assert(
      fc.property(topologies, (topology) => {
        assert.deepEqual(layOut(topology, { block: 9 }), layOut(structuredClone(topology), { block: 9 }));
      }),
      { numRuns: 20 },
    );
  });

  it('stays below the ephemeral ports and inside its block', () => {
    fc.assert(
      fc.property(topologies, (topology) => {
        for (const { address } of listeningAddresses(layOut(topology, { block: 9 }))) {
          assert.match(address.host, /^127\.9\./);
          assert.ok(address.port > 20_000 && address.port < 32_768);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('gives the real address inside a site and a relay of its own to every viewer outside it', () => {
    const topology = threeSites();
    const book = new AddressBook(topology, layOut(topology, { block: 9 }));
    const orders = instanceEndpoint(instanceId('engine-east-h1'), 'orders');
    const real = text(book.realAddress(orders));
    const [east, west] = ['east', 'west'].map(
      (site) => topology.hosts.filter((host) => host.site === site) as typeof topology.hosts,
    );
    for (const host of east!) assert.equal(text(book.addressFrom({ host: host.id }, orders)), real);
    const seen = [
      real,
      text(book.addressFrom('outside', orders)),
      text(book.addressFrom({ site: siteId('west') }, orders)),
      ...west!.map((host) => text(book.addressFrom({ host: host.id }, orders))),
    ];
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(book.allAddresses(orders).map(text).includes(seen[1]!), true);
  });

  it('has no way to a warden of another host, nor to a venue on which a site does not trade', () => {
    const topology = threeSites();
    const book = new AddressBook(topology, layOut(topology, { block: 9 }));
    const [first] = topology.hosts;
    assert.throws(() => book.addressFrom({ site: siteId('west') }, wardenEndpoint(first!.id)), /no path/);
    assert.throws(() => book.addressFrom({ site: siteId('far') }, venueEndpoint('exchange', 'orders')), /no path/);
    assert.doesNotThrow(() => book.addressFrom({ site: siteId('far') }, agentEndpoint(first!.id)));
  });

  it('lets order management ask the lines of its exchanges, and no other host', () => {
    const topology = firm({
      sites: { east: { hosts: 2 }, west: { hosts: 1 } },
      links: [['east', 'west', 8]],
      components: { orders: { kind: 'order-management', on: ['east-h2', 'west-h1'] } },
      venues: { exchange: { east: 2 } },
    });
    const book = new AddressBook(topology, layOut(topology, { block: 9 }));
    const linesFrom = (host: string) => () =>
      book.addressFrom({ host: hostId(host) }, venueEndpoint('exchange', 'session'));
    assert.doesNotThrow(linesFrom('east-h2'));
    assert.throws(linesFrom('east-h1'), /no path/);
    assert.throws(linesFrom('west-h1'), /no path/, 'a site that does not trade there');
  });

  it('has addresses for measurement only where the topology asks for it, and only between those who measure', () => {
    const silent = threeSites();
    const asking: Topology = {
      ...silent,
      network: { everyMs: 500, answerWithinMs: 1000, windowMs: 60_000, raiseAfterMs: 0, clearAfterMs: 0, budgets: [] },
    };
    const before = layOut(silent, { block: 9 });
    const added = layOut(asking, { block: 9 });
    assert.equal(before.endpoints.filter(({ id }) => /probe|throughput/.test(id)).length, 0);
    const old = added.endpoints.filter(({ id }) => !/probe|throughput/.test(id));
    assert.deepEqual(
      old.map(({ id, address }) => [id, text(address)]),
      before.endpoints.map(({ id, address }) => [id, text(address)]),
    );
    const measured = added.relays.filter(({ endpoint }) => /probe|throughput/.test(endpoint));
    assert.deepEqual([...new Set(measured.map(({ from }) => from.host))].sort(), ['east-h1', 'far-h1', 'west-h1']);
    assert.equal(measured.length, 12);
    assert.ok(measured.every(({ endpoint, datagrams }) => datagrams === endpoint.endsWith('/probe')));
  });

  it('refuses a topology that does not fit, with the number that is too large', () => {
    const many = firm({ sites: { east: { hosts: 200 } }, links: [] });
    assert.throws(() => layOut(many, { block: 9 }), /HF-7010[\s\S]*201 sites and hosts/);
    const twice = firm({ sites: { outside: { hosts: 1 } }, links: [] });
    assert.throws(() => layOut(twice, { block: 9 }), /HF-7010[\s\S]*"outside" names two places/);
  });
});
