import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Topology } from '../../../src/core/topology/topology.ts';
import { readTopologyFile } from '../../../src/wire/topology-file/read-topology-file.ts';
import { instanceEndpoint, layOut } from '../../layout.ts';
import { NamespaceBook } from '../namespace-book.ts';
import { planNetwork } from '../network-plan.ts';
import { clientsWay, type LedGround, withLabServers } from './led-servers.ts';
import { lanAddress } from './placement.ts';
import { plannedBy, planServers } from './plan-servers.ts';

const root = join(import.meta.dirname, '..', '..', '..');
/** What agents of a lab do not lead is left out. */
const overlay = join(root, 'test', 'lab', 'led-servers.yaml');

function groundOf(example: string, overlays: readonly string[] = []): LedGround {
  const parsed = readTopologyFile(join(root, 'examples', example), { overlays });
  if (!parsed.ok) throw new Error(`${example} does not parse`);
  const { topology } = parsed.value;
  const plan = planNetwork(topology, { prefix: 'hf-x-' });
  return {
    topology,
    plan,
    book: new NamespaceBook(topology, plan, layOut(topology, { block: 9 })),
    secretFile: (name) => `/secrets/${name}`,
    dnsKeyFile: '/secrets/update.key',
    agentIdentity: (host) => ({ ca: '/pki/ca.pem', cert: `/pki/agent-${host}.pem`, key: `/pki/agent-${host}.key` }),
  };
}

const example = groundOf('three-site-servers.yaml', [overlay]);
const led = withLabServers(example);
const component = (topology: Topology, kind: string) => topology.components.find((each) => each.kind === kind)!;
const servers = planServers(
  {
    ...example,
    secret: (name) => name,
    platform: {
      orders: (front) => example.book.realAddress(instanceEndpoint(front, 'orders')),
      databaseUsers: { persister: 'a-password' },
      figures: [],
    },
  },
  (name) => ({ ca: '', cert: '', key: name }),
);

describe('servers of a lab that agents lead', () => {
  it('stand where the topology says', () => {
    const hostsOf = (name: string) => servers.filter((each) => each.name === name).map(({ node }) => node.host);
    for (const [kind, name] of [
      ['haproxy', 'haproxy'],
      ['pgbouncer', 'pgbouncer'],
      ['dns', 'dns'],
    ] as const)
      assert.deepEqual(
        hostsOf(name),
        component(led, kind).instances.map(({ host }) => host),
      );
    assert.deepEqual(hostsOf('redis'), ['nyc-database-1', 'chi-database-1', 'ldn-archive-1']);
  });

  it('are reached at addresses of their own machine, with secrets that are files of their own', () => {
    for (const { served, instances } of led.components.filter((each) => each.served !== undefined))
      for (const { id, host } of instances) {
        const { address, sentinel, passwordFile, keyFile } = served!.servers[id]!;
        const own = lanAddress(example.plan, example.plan.nodes.find((node) => node.host === host)!);
        for (const each of [address, sentinel]) assert.ok(each === undefined || each.startsWith(`${own}:`), id);
        for (const each of [passwordFile, keyFile]) assert.ok(each === undefined || each.startsWith('/secrets/'), id);
      }
  });

  it('lead to what the lab has: servers that proxies know, the databases of the platform, and the first proxy of a site', () => {
    const proxy = servers.find(({ name }) => name === 'haproxy')!.files['haproxy.cfg']!;
    for (const [backend, { as }] of Object.entries(component(led, 'haproxy').served!.leads)) {
      const lines = proxy.slice(proxy.indexOf(`backend ${backend}\n`));
      for (const name of Object.values(as)) assert.ok(lines.includes(`  server ${name} `), name);
    }
    const front = example.book.realAddress(instanceEndpoint('front-nyc' as never, 'orders'));
    assert.ok(proxy.includes(`server front-nyc ${front.host}:${front.port}\n`));
    const database = example.book.realAddress(instanceEndpoint('database-chi' as never, 'sql'));
    const { trading } = component(led, 'pgbouncer').served!.leads;
    assert.equal(trading!.as['database-chi' as never], `${database.host}:${database.port}`);
    assert.deepEqual(component(led, 'dns').served!.leads['trading']!.as, {
      'front-nyc': '10.1.0.13',
      'front-chi': '10.2.0.13',
    });
    const users = servers.find(({ name }) => name === 'pgbouncer')!.files['users.txt']!;
    assert.match(users, /^"persister" "a-password"$/m);
  });

  it('a database under Patroni is reached with certificates of the agent beside each member, and the pooler leads to it', () => {
    const ground = groundOf('three-site-patroni.yaml', [overlay]);
    const { served, instances } = component(withLabServers(ground), 'patroni');
    const [nyc] = instances;
    assert.deepEqual(served!.servers[nyc!.id], {
      api: 'https://10.1.0.12:8008',
      member: 'database-nyc',
      user: 'holdfast',
      passwordFile: '/secrets/patroni-database-rest',
      scope: 'database',
      barFile: '/run/holdfast/database-nyc.barred',
      gatePort: '5432',
      grantSocket: '/run/holdfast/grant/database.sock',
      store: 'etcd',
      endpoints: 'https://10.1.0.13:2379,https://10.2.0.13:2379,https://10.3.0.10:2379',
      caFile: '/pki/ca.pem',
      certFile: '/pki/agent-nyc-database-1.pem',
      keyFile: '/pki/agent-nyc-database-1.key',
    });
    const files = instances.map(({ id }) => served!.servers[id]!.upstreamFile ?? null);
    assert.deepEqual(
      files,
      [null, null, '/run/holdfast/database-ldn.upstream.yml'],
      'only an archive is led elsewhere',
    );
    const pooled = component(withLabServers(ground), 'pgbouncer').served!.leads['trading']!;
    assert.equal(pooled.as['database-nyc' as never], '10.1.0.12:5432');
    assert.deepEqual(ground.book.addressFrom({ host: nyc!.host }, instanceEndpoint(nyc!.id, 'sql')), {
      host: '10.1.0.12',
      port: 5432,
    });
  });

  it('its members begin with the roles and the database of the platform, and hear nobody without a certificate', () => {
    const ground = groundOf('three-site-patroni.yaml', [overlay]);
    const platform = {
      orders: () => ({ host: '10.1.0.13', port: 1 }),
      databaseUsers: { persister: 'a-password' },
      figures: [],
    };
    const members = plannedBy
      .led({ ...ground, secret: (name) => name, platform }, (name) => ({ ca: '', cert: '', key: name }))
      .filter(({ name }) => name === 'patroni-database');
    assert.deepEqual(
      members.map(({ node }) => node.host),
      ['nyc-database-1', 'chi-database-1', 'ldn-archive-1'],
    );
    const configs = members.map(({ files }) => JSON.parse(files['patroni.json']!));
    for (const { restapi } of configs) assert.equal(restapi.verify_client, 'required');
    const [founder, ...others] = configs;
    assert.deepEqual(founder.bootstrap.users.persister, { password: 'a-password' });
    assert.deepEqual(
      (({ ttl, loop_wait, retry_timeout }) => [ttl, loop_wait, retry_timeout])(founder.bootstrap.dcs),
      [30, 10, 10],
    );
    assert.ok(others.every(({ bootstrap }) => bootstrap === undefined));
    const check = `/run/servers/patroni-database/grant-check.py`;
    assert.equal(founder.bootstrap.dcs.postgresql.pre_promote, `python3 ${check} /run/holdfast/grant/database.sock`);
    for (const { files } of members) assert.match(files['grant-check.py']!, /^#!\/usr\/bin\/env python3\n/);
    assert.deepEqual(
      members.map(({ command }) => command.at(-1)),
      ['patroni.json', 'patroni.json', 'conf.d'].map((name) => `/run/servers/patroni-database/${name}`),
    );
    assert.match(
      members[2]!.files['start.sh']!,
      /ln -sfn \/run\/holdfast\/database-ldn.upstream.yml \S+\/conf.d\/upstream.yml/,
    );
    assert.ok(!members[0]!.files['start.sh']!.includes('upstream'));
    const script = members[0]!.files['founded.sh']!;
    assert.match(script, /create role "persister" login' -c 'create database "trading" owner "persister"'/);
    assert.ok(!script.includes('a-password'));
  });

  it('clients find the firm by its name where proxies stand before front and pooler, and dial the fronts elsewhere', () => {
    assert.deepEqual(clientsWay(example), {
      name: 'trading.holdfast.test',
      servers: ['10.1.0.13:53', '10.2.0.13:53'],
      ordersPort: 7001,
      databasePort: 7003,
    });
    const plain = groundOf('three-site.yaml');
    assert.equal(clientsWay(plain), null);
    assert.deepEqual(withLabServers(plain), plain.topology);
  });

  it('a lead that no server of a lab has is refused, with its name (HF-7010)', () => {
    const topology = structuredClone(example.topology);
    const { leads } = component(topology, 'haproxy').served!;
    Object.assign(leads, { quotes: leads['orders'] });
    assert.throws(() => withLabServers({ ...example, topology }), /HF-7010[\s\S]*load-balancer leads quotes to front/);
  });
});
