import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ServedKind } from '../../../src/core/topology/served.ts';
import type { Topology } from '../../../src/core/topology/topology.ts';
import { readTopologyFile } from '../../../src/wire/topology-file/read-topology-file.ts';
import { instanceEndpoint, layOut } from '../../layout.ts';
import { cutEnds } from '../cut-ends.ts';
import { NamespaceBook } from '../namespace-book.ts';
import { machineNamed, planNetwork } from '../network-plan.ts';
import { etcdVoters } from './etcd.ts';
import { announcedService } from './led-routes.ts';
import { clientsWay, type LedGround, withLabServers } from './led-servers.ts';
import { lanAddress } from './placement.ts';
import { planServers } from './plan-servers.ts';

const root = join(import.meta.dirname, '..', '..', '..');

function firm(change: (topology: Topology) => Topology = (topology) => topology): LedGround {
  const parsed = readTopologyFile(join(root, 'examples', 'three-site-servers.yaml'));
  if (!parsed.ok) throw new Error('the example does not parse');
  const topology = change(parsed.value.topology);
  const plan = planNetwork(topology, { prefix: 'hf-x-' });
  return {
    topology,
    plan,
    book: new NamespaceBook(topology, plan, layOut(topology, { block: 9 })),
    secretFile: (name) => `/secrets/${name}`,
    dnsKeyFile: '/secrets/update.key',
    agentIdentity: (host) => ({ ca: '/pki/ca.pem', cert: `/pki/${host}.pem`, key: `/pki/${host}.key` }),
  };
}

const without = (kind: ServedKind) => (topology: Topology) => ({
  ...topology,
  components: topology.components.filter((each) => each.kind !== kind),
});
const renamed = (kind: ServedKind, from: string, to: string) => (topology: Topology) => {
  const changed = structuredClone(topology);
  const { leads } = changed.components.find((each) => each.kind === kind)!.served!;
  Object.assign(leads, { [to]: leads[from] });
  return changed;
};
const servedOf = (ground: LedGround, kind: ServedKind) =>
  withLabServers(ground).components.find((each) => each.kind === kind)!.served!;

const ground = firm();

describe('routers, shared addresses and records of services of a lab that agents lead', () => {
  it('a host with FRR is a router of its site, with a machine of its own, and goes by its host’s name', () => {
    const { plan, topology } = ground;
    for (const [host, id] of [
      ['nyc-router-1', 'router/nyc/1'],
      ['chi-router-2', 'router/chi/2'],
    ] as const) {
      assert.equal(machineNamed(plan, host)?.id, id);
      assert.equal(machineNamed(plan, id), undefined);
      assert.equal(ground.book.realAddress(`host/${host}/warden`).host, lanAddress(plan, machineNamed(plan, host)!));
      const lost = cutEnds(plan, topology, { kind: 'host-power-off', host: host as never });
      assert.ok(lost.length > 0 && lost.some(({ at, interface: name }) => at === id && name === 'out'));
    }
    assert.equal(machineNamed(plan, 'router/ldn/1')?.host, null);
    assert.ok(!plan.nodes.some(({ id }) => id.startsWith('host/') && id.includes('router')));
    // Other machines have the addresses that they have without it.
    const plain = firm((topology) => ({
      ...without('frr')(topology),
      hosts: topology.hosts.filter(({ id }) => !id.includes('router')),
    }));
    for (const { id } of plain.plan.nodes.filter(({ kind }) => kind === 'host'))
      assert.equal(
        lanAddress(plan, plan.nodes.find((node) => node.id === id)!),
        lanAddress(plain.plan, plain.plan.nodes.find((node) => node.id === id)!),
      );
  });

  it('routers announce the service with the way to the address that the proxies of a site share, and every proxy takes it', () => {
    const { plan } = ground;
    const service = plan.services[0]!;
    const { leads, servers } = servedOf(ground, 'frr');
    assert.deepEqual(leads[service.prefix]!.as, { 'front-nyc': '10.1.0.9', 'front-chi': '10.2.0.9' });
    assert.deepEqual(servers['router-chi-1' as never], {
      autonomousSystem: '65002',
      configFile: '/etc/frr/bgpd.conf',
    });
    for (const host of ['nyc-edge-1', 'nyc-engine-2', 'chi-edge-1', 'chi-engine-2'])
      assert.deepEqual(machineNamed(plan, host)!.ownAddresses, [`${service.address}/32`], host);
    assert.deepEqual(machineNamed(plan, 'nyc-engine-1')!.ownAddresses, []);
  });

  it('clients know the name of that address, which nobody changes; the name that agents lead stands for the shared one', () => {
    assert.equal(clientsWay(ground)!.name, 'service.holdfast.test');
    const zone = planServers({ ...ground, secret: (name) => name }, () => ({ ca: '', cert: '', key: '' })).find(
      ({ name }) => name === 'dns',
    )!.files['holdfast.test.zone']!;
    assert.match(zone, /^service IN A 10\.255\.0\.1$/m);
    assert.deepEqual(servedOf(ground, 'dns').leads['trading']!.as, {
      'front-nyc': '10.1.0.9',
      'front-chi': '10.2.0.9',
    });
    assert.throws(() => withLabServers(firm(renamed('dns', 'trading', 'service'))), /HF-7010[\s\S]*leads service/);
  });

  it('without routers clients follow the name that agents lead, without a shared address it stands for the first proxy', () => {
    const noRouters = firm(without('frr'));
    assert.equal(announcedService(noRouters), null);
    assert.equal(clientsWay(noRouters)!.name, 'trading.holdfast.test');
    const notShared = firm(without('keepalived'));
    assert.equal(servedOf(notShared, 'dns').leads['trading']!.as['front-chi' as never], '10.2.0.13');
    assert.equal(servedOf(notShared, 'frr').leads['10.255.0.0/24']!.as['front-chi' as never], '10.2.0.13');
  });

  it('the shared address is the one that keepalived of the lab has, with the files of its own machine', () => {
    const { servers } = servedOf(ground, 'keepalived');
    assert.deepEqual(servers['address-chi-2' as never], {
      sharedAddress: '10.2.0.9/24',
      interface: 'lan',
      configFile: '/run/servers/shared-address/keepalived.conf',
      pidFile: '/run/servers/shared-address/keepalived.pid',
      weightFile: '/run/servers/shared-address/agent.weight',
    });
  });

  it('services are kept at the vote of the site, under keys that are not the authority’s, by the certificate of the agent', () => {
    const { leads, servers } = servedOf(ground, 'discovery');
    const front = ground.book.realAddress(instanceEndpoint('front-chi' as never, 'orders'));
    const database = ground.book.realAddress(instanceEndpoint('database-nyc' as never, 'sql'));
    assert.equal(leads['orders']!.as['front-chi' as never], `${front.host}:${front.port}`);
    assert.equal(leads['database']!.as['database-nyc' as never], `${database.host}:${database.port}`);
    assert.deepEqual(servers['discovery-chi' as never], {
      address: etcdVoters(ground).find(({ name }) => name === 'chi')!.client,
      keyPrefix: 'services/',
      caFile: '/pki/ca.pem',
      certFile: '/pki/chi-edge-1.pem',
      keyFile: '/pki/chi-edge-1.key',
    });
  });

  it('what no router of a lab could do is refused, with its name (HF-7010)', () => {
    assert.throws(
      () => withLabServers(firm(renamed('frr', '10.255.0.0/24', '10.99.0.0/24'))),
      /HF-7010[\s\S]*routing leads 10\.99\.0\.0\/24 to front/,
    );
    const moved = (host: string) => (topology: Topology) => {
      const changed = structuredClone(topology);
      const { instances } = changed.components.find(({ kind }) => kind === 'frr')!;
      Object.assign(instances[0]!, { host });
      return changed;
    };
    assert.throws(() => firm(moved('nyc-edge-1')), /HF-7010[\s\S]*is on a router of nyc/);
    assert.throws(() => firm(moved('ldn-archive-1')), /HF-7010[\s\S]*is on a router of ldn/);
  });
});
