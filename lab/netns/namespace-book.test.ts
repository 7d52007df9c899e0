import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Topology } from '../../src/core/topology/topology.ts';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';
import { instanceEndpoint, layOut, loadEndpoint, siteEndpoint, venueEndpoint, wardenEndpoint } from '../layout.ts';
import { NamespaceBook } from './namespace-book.ts';
import { type NetworkPlan, planNetwork } from './network-plan.ts';
import { etcdVoters } from './servers/etcd.ts';
import { planServers } from './servers/plan-servers.ts';

const examples = join(import.meta.dirname, '..', '..', 'examples');

function planned(file: string): {
  readonly topology: Topology;
  readonly plan: NetworkPlan;
  readonly book: NamespaceBook;
} {
  const parsed = readTopologyFile(join(examples, file));
  assert.ok(parsed.ok);
  const { topology } = parsed.value;
  const plan = planNetwork(topology, { prefix: 'hf-0-' });
  return { topology, plan, book: new NamespaceBook(topology, plan, layOut(topology, { block: 9 })) };
}

describe('addresses on machines of their own', () => {
  for (const file of ['two-site.yaml', 'three-site.yaml', 'four-site.yaml', 'three-site-services.yaml'])
    it(`${file}: every process listens at an address of its machine, and no two of a machine at one port`, () => {
      const { topology, plan, book } = planned(file);
      const addressOf = (node: string) =>
        plan.wires
          .flatMap(({ ends }) => ends)
          .find(({ at, interface: name }) => at === node && name === 'lan')
          ?.address?.replace(/\/.*/, '');
      const instances = topology.components.flatMap(({ instances }) => instances);
      for (const { id } of topology.hosts)
        assert.equal(book.realAddress(wardenEndpoint(id)).host, addressOf(`host/${id}`));
      for (const { id, host } of instances)
        for (const endpoint of book.layout.endpoints.filter((each) =>
          each.id.startsWith(instanceEndpoint(id, 'sql').slice(0, -3)),
        ))
          assert.equal(book.realAddress(endpoint.id).host, addressOf(`host/${host}`));
      for (const { node } of etcdVoters({ topology, plan }))
        assert.equal(book.realAddress(siteEndpoint(node.site!, 'controller-api')).host, addressOf(node.id));
      const places = book.layout.endpoints
        .filter(({ place }) => topology.sites.some((site) => site.id === place && site.voter))
        .map(({ id }) => book.realAddress(id))
        .map(({ host, port }) => `${host}:${port}`);
      assert.equal(new Set(places).size, places.length);
    });

  it('an exchange is dialled at its interface in the own site, and outside every site by those who look on', () => {
    const { topology, plan, book } = planned('three-site.yaml');
    const [venue] = topology.venues;
    const orders = venueEndpoint(venue!.id, 'orders');
    const interfaces = plan.wires
      .flatMap(({ ends }) => ends)
      .filter(({ at }) => at === `venue/${venue!.id}`)
      .map(({ address }) => address!.replace(/\/.*/, ''));
    const dialled = [
      ...['nyc', 'chi'].map((site) => book.addressFrom({ site: site as never }, orders).host),
      book.addressFrom('outside', orders).host,
    ];
    assert.deepEqual(dialled, interfaces);
    assert.equal(book.listenAddress(orders).host, '0.0.0.0');
    assert.throws(() => book.addressFrom({ site: 'ldn' as never }, orders), /no path from ldn/);
  });

  it('people dial loopback addresses of the lab, one for each controller and one for the order flow', () => {
    const { topology, book } = planned('three-site.yaml');
    const doors = [
      ...topology.sites.map(({ id }) => book.operatorAddress(siteEndpoint(id, 'controller-api'))),
      book.operatorAddress(loadEndpoint),
    ];
    assert.ok(doors.every(({ host }) => host.startsWith('127.9.')));
    assert.equal(new Set(doors.map(({ host, port }) => `${host}:${port}`)).size, doors.length);
    assert.throws(() => book.operatorAddress(venueEndpoint('exchange', 'orders')), /no way/);
  });

  it('no server of the lab listens at a port of the platform', () => {
    const { topology, plan, book } = planned('three-site-services.yaml');
    const ground = { topology, plan, secret: (name: string) => name };
    const texts = planServers(ground, (name) => ({ ca: '', cert: '', key: name })).map(({ command, files }) =>
      [...command, ...Object.values(files)].join('\n'),
    );
    for (const { id } of book.layout.endpoints.filter(({ host }) => host !== null))
      for (const text of texts) assert.ok(!text.includes(`:${book.realAddress(id).port}`), id);
  });
});
