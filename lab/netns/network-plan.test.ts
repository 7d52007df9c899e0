import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Topology } from '../../src/core/topology/topology.ts';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';
import { type NetworkPlan, namespacePrefix, planNetwork, routerId } from './network-plan.ts';

const examples = ['two-site.yaml', 'three-site.yaml', 'four-site.yaml'] as const;

function example(name: string): { readonly topology: Topology; readonly plan: NetworkPlan } {
  const parsed = readTopologyFile(join(import.meta.dirname, '..', '..', 'examples', name));
  assert.ok(parsed.ok);
  const { topology } = parsed.value;
  return { topology, plan: planNetwork(topology, { prefix: 'hf-0-' }) };
}

describe('network of namespaces', () => {
  for (const name of examples)
    describe(`of ${name}`, () => {
      const { topology, plan } = example(name);
      const ends = plan.wires.flatMap((wire) => wire.ends);

      it('no namespace, no interface of one namespace and no address of one network is there twice', () => {
        const names = [...plan.nodes, ...plan.switches].map(({ namespace }) => namespace);
        assert.equal(new Set(names).size, names.length);
        const interfaces = ends.map((end) => `${end.namespace} ${end.interface}`);
        assert.equal(new Set(interfaces).size, interfaces.length);
        const addresses = ends.flatMap(({ address }) => (address === null ? [] : [address]));
        assert.equal(new Set(addresses).size, addresses.length);
        for (const { interface: name_ } of ends) assert.ok(name_.length <= 15, name_);
      });

      it('every site has two routers, one shared gateway, and every host a way to it', () => {
        for (const [index, site] of topology.sites.entries()) {
          const routers = plan.routers.filter((router) => router.site === site.id);
          assert.equal(routers.length, 2);
          assert.deepEqual(new Set(routers.map(({ as }) => as)), new Set([65_001 + index]));
          assert.equal(new Set(routers.map(({ gateway }) => gateway?.address)).size, 1);
          assert.equal(new Set(routers.map(({ gateway }) => gateway?.priority)).size, 2);
          for (const host of plan.nodes.filter((node) => node.kind === 'host' && node.site === site.id))
            assert.equal(`${host.gateway}/24`, routers[0]!.gateway!.address);
        }
        assert.equal(plan.nodes.filter(({ kind }) => kind === 'host').length, topology.hosts.length);
      });

      it('every link is a wire with half its round trip each way, and a session between the two sites', () => {
        for (const link of topology.links) {
          const wire = plan.wires.find((candidate) => candidate.link === link.id)!;
          assert.equal(wire.ends[0].delayMs + wire.ends[1].delayMs, link.rttMs);
          assert.equal(wire.mbps, link.bandwidthMbps);
          const sessions = plan.routers.flatMap(({ site, neighbours }) =>
            neighbours.filter((neighbour) => neighbour.link === link.id).map(() => site),
          );
          assert.deepEqual(new Set(sessions), new Set(link.between));
        }
      });

      it('two diverse paths of a pair end at different routers, and further links of it are tunnels', () => {
        for (const link of topology.links) {
          const ofPair = topology.links.filter(({ between }) => between.every((site) => link.between.includes(site)));
          const wires = ofPair.map(({ id }) => plan.wires.find((wire) => wire.link === id)!);
          assert.equal(new Set(wires.slice(0, 2).map(({ ends: [end] }) => end.at)).size, Math.min(2, wires.length));
          const tunnels = plan.tunnels.filter((tunnel) => ofPair.some(({ id }) => id === tunnel.link));
          assert.equal(tunnels.length, Math.max(0, ofPair.length - 2));
        }
      });

      it('no service is announced from the start, and each is at every site that may be active', () => {
        for (const service of plan.services) {
          assert.ok(plan.routers.every(({ prefixes }) => !prefixes.includes(service.prefix)));
          for (const { host } of service.at)
            assert.ok(
              plan.nodes.find((node) => node.host === host)!.ownAddresses.includes(`${service.address}/32`),
              host,
            );
        }
        const mayServe = topology.sites.filter(({ capabilities }) =>
          capabilities.some((each) => each === 'serve' || each === 'standby'),
        );
        for (const { at } of plan.services)
          assert.deepEqual(
            at.map(({ site }) => site),
            mayServe.map(({ id }) => id),
          );
      });
    });

  it('the example firm has its three numbers, its preferred path before the diverse one before the tunnel', () => {
    const { topology, plan } = example('three-site.yaml');
    const [nyc, chi, ldn] = topology.sites.map(({ id }) => id);
    const asOf = (site: string | undefined) => plan.routers.find((router) => router.site === site)?.as;
    assert.deepEqual([nyc, chi, ldn].map(asOf), [65_001, 65_002, 65_003]);
    const preferences = [1, 2]
      .flatMap((number) => plan.routers.find(({ id }) => id === routerId(nyc!, number))!.neighbours)
      .filter(({ as }) => as === 65_002)
      .map(({ link, localPreference }) => [link, localPreference] as const)
      .sort((left, right) => right[1]! - left[1]!);
    assert.deepEqual(preferences, [
      ['nyc-chi-north', 300],
      ['nyc-chi-south', 290],
      ['nyc-chi-vpn', 280],
    ]);
  });

  it('two labs have no namespace in common', () => {
    assert.notEqual(namespacePrefix('lab.0123456789'), namespacePrefix('lab.1123456789'));
  });
});
