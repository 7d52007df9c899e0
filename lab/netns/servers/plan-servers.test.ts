import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readTopologyFile } from '../../../src/wire/topology-file/read-topology-file.ts';
import { planNetwork } from '../network-plan.ts';
import { type PlatformBehind, tradingSites } from './placement.ts';
import { plannedBy, type ServerChoice } from './plan-servers.ts';
import { serverKey } from './server.ts';

const examples = join(import.meta.dirname, '..', '..', '..', 'examples');

function planned(example: string, choice: ServerChoice = 'all', platform?: PlatformBehind) {
  const parsed = readTopologyFile(join(examples, example));
  if (!parsed.ok) throw new Error(`${example} does not parse`);
  const { topology } = parsed.value;
  const ground = {
    topology,
    plan: planNetwork(topology, { prefix: 'hf-x-' }),
    secret: (name: string) => `secret-${name}`,
    ...(platform === undefined ? {} : { platform }),
  };
  const identityOf = (name: string) => ({ ca: 'ca', cert: `cert-${name}`, key: `secret-${name}` });
  return { topology, servers: plannedBy[choice](ground, identityOf) };
}

describe('servers of a lab', () => {
  for (const example of ['three-site.yaml', 'two-site.yaml', 'four-site.yaml', 'three-site-services.yaml'])
    it(`stand on machines of ${example}, each under a key of its own`, () => {
      const { topology, servers } = planned(example);
      const keys = servers.map(serverKey);
      assert.equal(new Set(keys).size, keys.length);
      const sitesOf = (name: string) => servers.filter((each) => each.name === name).map(({ node }) => node.site);
      const trading = tradingSites(topology).map(({ id }) => id);
      for (const name of ['pgbouncer', 'dns']) assert.deepEqual(sitesOf(name), trading, name);
      assert.deepEqual([...new Set(sitesOf('haproxy'))], trading);
      const hostsOf = (name: string) => servers.filter((each) => each.name === name).map(({ node }) => node.id);
      assert.deepEqual(hostsOf('shared-address'), hostsOf('haproxy'));
      assert.deepEqual(
        sitesOf('sentinel'),
        topology.sites.filter(({ voter }) => voter).map(({ id }) => id),
      );
      assert.ok(trading.every((site) => sitesOf('redis').includes(site)));
    });

  it('of those that fail over by themselves are a part of all, on the same machines', () => {
    const keysOf = (choice: ServerChoice) => planned('three-site.yaml', choice).servers.map(serverKey);
    const delegates = keysOf('delegates');
    const all = new Set(keysOf('all'));
    assert.ok(delegates.every((key) => all.has(key)));
    const kinds = new Set(delegates.map((key) => key.split('/')[0]));
    assert.deepEqual([...kinds], ['etcd', 'patroni-database', 'redis', 'sentinel']);
  });

  it('have no path of this checkout in their files, and no secret in a command', () => {
    for (const { files, command, name } of planned('three-site.yaml').servers) {
      assert.ok(!command.some((word) => word.includes('secret-')), name);
      for (const text of Object.values(files)) assert.ok(!text.includes(examples.slice(0, -'/examples'.length)), name);
    }
  });

  it('boot closed: no proxy or pooler leads anywhere, nobody may write, and no name of a service is known', () => {
    const fileOf = (server: string, file: string) =>
      planned('three-site.yaml').servers.find(({ name }) => name === server)!.files[file]!;
    assert.match(fileOf('haproxy', 'haproxy.cfg'), /^ {2}default-server .* disabled$/m);
    assert.equal(fileOf('shared-address', 'proxy.weight'), '-254\n');
    assert.match(fileOf('pgbouncer', 'closed.ini'), /host=127\.0\.0\.1 port=1 /);
    assert.doesNotMatch(fileOf('redis', 'users.acl'), /writer/);
    assert.match(fileOf('redis', 'users.acl'), /^user default off /m);
    assert.doesNotMatch(fileOf('dns', 'holdfast.test.zone'), /trading/);
  });

  it('every host of a database or an engine has an exporter; what watches them is not at the preferred site', () => {
    const { topology, servers } = planned('three-site.yaml');
    const hostsOf = (name: string) => servers.filter((each) => each.name === name).map(({ node }) => node.host);
    const kinds: readonly string[] = ['postgres', 'trading-engine'];
    const hosts = topology.components.filter(({ kind }) => kinds.includes(kind)).flatMap((each) => each.instances);
    assert.deepEqual(new Set(hostsOf('node-exporter')), new Set(hosts.map(({ host }) => host)));
    assert.deepEqual(hostsOf('prometheus'), ['ldn-archive-1']);
    assert.deepEqual(hostsOf('alertmanager'), ['ldn-archive-1']);
    const two = planned('two-site.yaml');
    const [preferred] = two.topology.sites.toSorted((left, right) => left.preference - right.preference);
    assert.deepEqual(
      two.servers.filter(({ name, node }) => name === 'prometheus' && node.site !== preferred!.id).length,
      1,
    );
  });

  it('measurements are closed to the outside: exporters ask for a certificate, and what keeps them listens on its machine alone', () => {
    const { servers } = planned('three-site.yaml');
    const of = (name: string) => servers.find((each) => each.name === name)!;
    assert.match(of('node-exporter').files['web.yml']!, /RequireAndVerifyClientCert/);
    for (const name of ['prometheus', 'alertmanager'])
      assert.match(of(name).command.find((word) => word.startsWith('--web.listen-address='))!, /=127\.0\.0\.1:/, name);
  });

  it('figures of controllers are read where they tell them, by somebody who may only look', () => {
    const behind = { orders: () => ({ host: '10.1.0.13', port: 1 }), databaseUsers: {} };
    const prometheusOf = (figures: PlatformBehind['figures']) => {
      const { files } = planned('three-site.yaml', 'all', { ...behind, figures }).servers.find(
        ({ name }) => name === 'prometheus',
      )!;
      const { scrape_configs: jobs } = JSON.parse(files['prometheus.yml']!) as {
        readonly scrape_configs: readonly { readonly job_name: string }[];
      };
      return { files, job: jobs.find(({ job_name: name }) => name === 'holdfast') };
    };
    const silent = prometheusOf([]);
    assert.deepEqual([silent.job, silent.files['reader.key']], [undefined, undefined]);
    const { files, job } = prometheusOf([{ host: '10.1.0.10', port: 8443 }]);
    assert.deepEqual(job, {
      job_name: 'holdfast',
      scheme: 'https',
      tls_config: { ca_file: 'ca.pem', cert_file: 'reader.pem', key_file: 'reader.key' },
      static_configs: [{ targets: ['10.1.0.10:8443'] }],
    });
    assert.equal(files['reader.key'], 'secret-operator/prometheus');
  });

  it('an archive reads whom it streams from in a file of whoever leads it; nobody else has one', () => {
    const members = planned('three-site.yaml').servers.filter(({ name }) => name === 'patroni-database');
    assert.deepEqual(
      members.map(({ command }) => command.at(-1)),
      [
        '/run/servers/patroni-database/patroni.json',
        '/run/servers/patroni-database/patroni.json',
        '/run/servers/patroni-database/conf.d',
      ],
    );
    assert.match(members[2]!.files['start.sh']!, /^mkdir .* ln -sfn \/run\/holdfast\/database-ldn\.upstream\.yml /m);
    assert.doesNotMatch(members[2]!.files['start.sh']!, /barred/);
  });

  it('a Redis that agents lead starts as one that sentinels may not promote; one that keeps copies only follows them', () => {
    const led = planned('three-site-servers.yaml', 'led').servers.filter(({ name }) => name === 'redis');
    for (const { node, command, files } of led) {
      const mayLead = node.site !== 'ldn';
      assert.equal(command.join(' ').endsWith('--replica-priority 0'), mayLead, node.site!);
      assert.equal(!/^user sentinel .*\+(slaveof|info)/m.test(files['users.acl']!), mayLead, node.site!);
    }
    const alone = planned('three-site.yaml').servers.filter(({ name }) => name === 'redis');
    for (const { files } of alone) assert.match(files['users.acl']!, /^user sentinel .*\+slaveof/m);
  });

  it('only servers at sites that may be active are ever promoted', () => {
    const priorities = planned('three-site.yaml')
      .servers.filter(({ name }) => name === 'redis')
      .map(({ node, files }) => [node.site, /replica-priority (\d+)/.exec(files['redis.conf']!)?.[1]]);
    assert.deepEqual(priorities, [
      ['nyc', '100'],
      ['chi', '100'],
      ['ldn', '0'],
    ]);
  });
});
