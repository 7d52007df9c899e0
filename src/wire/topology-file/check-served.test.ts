import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { memberOf } from '../../core/topology/served.ts';
import { parseTopology } from './parse-topology.ts';

const firm = readFileSync(new URL('./fixtures/small-firm.yaml', import.meta.url), 'utf8');

const common = 'category: hot, automation: full, objective: {rto: 5s, rpo: 0s}, priority: 1, dependsOn: [door]';
const proxy = `  proxy:
    {kind: haproxy, ${common}, leads: {orders: {to: door, as: {LEFT: one, RIGHT: two}}},
     server: {socket: /run/admin.sock}, instances: {proxy-l: {host: HOST}}}
`;
const names = `  names:
    {kind: dns, ${common}, leads: {trading: {to: door, ttl: 5s, as: {LEFT: 10.0.0.1, RIGHT: 10.0.0.2}}},
     server: {zone: firm.example, keyFile: /etc/holdfast/update.key},
     instances: {names-l: {host: HOST, server: {address: '10.0.0.53:53'}}}}
`;
const cache = `  cache:
    {kind: redis, ${common}, leads: {cache: {to: store}},
     server: {passwordFile: /a, writerPasswordFile: /b, sentinel: '10.0.0.6:26379'},
     instances: {cache-l: {host: HOST, server: {address: '10.0.0.6:6379'}}}}
`;
const router = `  router:
    {kind: frr, ${common}, leads: {10.255.0.0/24: {to: door, as: {LEFT: 10.0.0.3, RIGHT: 10.0.0.4}}},
     server: {autonomousSystem: '65001', configFile: /etc/frr/bgpd.conf}, instances: {router-l: {host: HOST}}}
`;
const services = `  services:
    {kind: discovery, ${common}, leads: {trading: {to: door, as: {LEFT: 'a:1', RIGHT: 'b:1'}}},
     server: {keyPrefix: services/, address: '10.0.0.7:2379'}, instances: {services-l: {host: HOST}}}
`;
const shared = `  shared:
    {kind: keepalived, ${common}, leads: {proxies: {to: proxy}},
     server: {sharedAddress: 10.0.0.9/24, interface: lan, configFile: /a, pidFile: /b, weightFile: /c},
     instances: {shared-l: {host: HOST}}}
`;

const parsedFirm = parseTopology(firm, 'firm.yaml');
assert.ok(parsedFirm.ok);
const door = parsedFirm.value.topology.components.find(({ id }) => id === 'door')!;
const serving = door.instances.filter(({ eligible }) => eligible);

/** The firm with these components in its group. */
function firmWith(text: string): string {
  const ids = [...text.matchAll(/^ {2}([a-z-]+):$/gm)].map((match) => match[1]);
  const filled = text
    .replaceAll('LEFT', serving[0]!.id)
    .replaceAll('RIGHT', serving[1]!.id)
    .replaceAll('HOST', serving[0]!.host);
  return firm
    .replace(/^components:\n/m, () => `components:\n${filled}`)
    .replace(/components: \[([^\]]*)\]/, (_, known: string) => `components: [${[known, ...ids].join(', ')}]`);
}

const problemsOf = (text: string) => {
  const parsed = parseTopology(firmWith(text), 'firm.yaml');
  return parsed.ok ? [] : parsed.error;
};

test('proxies, name servers and Redis say where they lead and how they are reached', () => {
  const parsed = parseTopology(firmWith(proxy + names + cache), 'firm.yaml');
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.error));
  const component = (id: string) => parsed.value.topology.components.find((each) => each.id === id)!;
  assert.deepEqual(component('names').served, {
    leads: {
      trading: { to: 'door', as: { [serving[0]!.id]: '10.0.0.1', [serving[1]!.id]: '10.0.0.2' }, ttlSeconds: 5 },
    },
    servers: {
      'names-l': { zone: 'firm.example', keyFile: '/etc/holdfast/update.key', address: '10.0.0.53:53' },
    },
  });
  assert.deepEqual(
    ['proxy', 'names', 'cache'].map((id) => component(id).authority),
    ['none', 'none', 'delegated'],
  );
  assert.equal(component('door').served, undefined);
});

const pooler = `  pooler:
    {kind: pgbouncer, ${common}, leads: {trading: {to: store, as: {STORES}}},
     server: {address: '10.0.0.7:6432', passwordFile: /a, databasesFile: /b}, instances: {pooler-l: {host: HOST}}}
`.replace(
  'STORES',
  parsedFirm.value.topology.components
    .find(({ id }) => id === 'store')!
    .instances.filter(({ eligible }) => eligible)
    .map(({ id }, index) => `${id}: '10.0.1.${index}:5432'`)
    .join(', '),
);
const before = (id: string, instance: string) =>
  proxy.replace('{to: door, as: {LEFT: one, RIGHT: two}}', `{to: ${id}, as: {${instance}: one}}`);

test('a proxy may stand before poolers, and before no other server that is led', () => {
  assert.deepEqual(problemsOf(before('pooler', 'pooler-l') + pooler), []);
  const codes = problemsOf(before('names', 'names-l') + names).map(({ code }) => code);
  assert.deepEqual(codes, ['HF-2012']);
});

test('every kind may say who keeps it running, and be fenced by that', () => {
  const kept = "service: 'systemd:x.service', fencing: bar-service, ";
  for (const text of [proxy, names, cache, router, services])
    assert.deepEqual(problemsOf(text.replace('server: {', `server: {${kept}`)), []);
});

const refusals: readonly (readonly [string, string, string, string, string])[] = [
  ['a proxy without its socket', proxy, 'server: {socket: /run/admin.sock}, ', '', 'HF-2003'],
  ['a path that is not from the root', proxy, '/run/admin.sock', 'admin.sock', 'HF-2004'],
  ['an option of another kind', proxy, 'socket: /run/admin.sock', 'socket: /run/admin.sock, zone: a.b', 'HF-2002'],
  ['a misspelt option', proxy, 'socket: /run', 'sockt: /run', 'HF-2002'],
  ['a service of no manager', proxy, 'socket: /run/admin.sock', 'socket: /run/admin.sock, service: haproxy', 'HF-2004'],
  [
    'a service that is several',
    proxy,
    'socket: /run/admin.sock',
    "socket: /run/admin.sock, service: 'supervisord:all'",
    'HF-2004',
  ],
  [
    'a fence by no service',
    proxy,
    'socket: /run/admin.sock',
    'socket: /run/admin.sock, fencing: bar-service',
    'HF-2003',
  ],
  [
    'a fence of another kind',
    proxy,
    'socket: /run/admin.sock',
    "socket: /run/admin.sock, service: 'systemd:haproxy.service', fencing: stonith",
    'HF-2004',
  ],
  ['a proxy that is owned', proxy, 'kind: haproxy,', 'kind: haproxy, authority: owned,', 'HF-2012'],
  ['a component that leads nowhere', proxy, 'leads: {orders: {to: door, as: {LEFT: one, RIGHT: two}}},', '', 'HF-2003'],
  ['an instance that has no name there', proxy, ', RIGHT: two', '', 'HF-2003'],
  ['one name for two instances', proxy, 'RIGHT: two', 'RIGHT: one', 'HF-2007'],
  ['an instance that is not there', proxy, 'LEFT: one', 'LEFT: one, nobody: three', 'HF-2006'],
  ['a component that is not there', proxy, 'to: door', 'to: dor', 'HF-2006'],
  ['a name with a TTL of nothing whole', names, 'ttl: 5s', 'ttl: 1500ms', 'HF-2004'],
  ['a name without a TTL', names, 'ttl: 5s, ', '', 'HF-2003'],
  ['a name without addresses', names, '10.0.0.1', 'somewhere', 'HF-2004'],
  ['an address without its port', names, "'10.0.0.53:53'", "'10.0.0.53'", 'HF-2004'],
  ['a zone that is none', names, 'zone: firm.example', "zone: 'a b'", 'HF-2004'],
  ['a Redis that follows a front', cache, 'to: store', 'to: door', 'HF-2012'],
  ['a Redis that names its servers', cache, '{to: store}', '{to: store, as: {}}', 'HF-2012'],
  ['a prefix that is none', router, '10.255.0.0/24', '10.255.0.256/24', 'HF-2004'],
  ['a way to a prefix that is no address', router, '10.0.0.3', 'front', 'HF-2004'],
  ['a router without its number', router, "autonomousSystem: '65001', ", '', 'HF-2003'],
  ['a number that no router has', router, "'65001'", "'AS65001'", 'HF-2004'],
  ['a preference without its value', router, 'configFile:', 'preferences: from-chi/10, configFile:', 'HF-2004'],
  ['a service that is nowhere', services, "'a:1'", 'a', 'HF-2004'],
  ['services among the keys of the authority', services, 'services/', 'holdfast/services/', 'HF-2004'],
  ['services that lie anywhere', services, 'keyPrefix: services/', "keyPrefix: '/'", 'HF-2004'],
  ['a shared address without its prefix', proxy + shared, '10.0.0.9/24', '10.0.0.9', 'HF-2004'],
  ['a shared address that leads to a front', proxy + shared, 'to: proxy}', 'to: door}', 'HF-2012'],
  [
    'a shared address that leads to named machines',
    proxy + shared,
    'to: proxy}',
    'to: proxy, as: {proxy-l: a}}',
    'HF-2012',
  ],
  ['a TTL of a set', cache, '{to: store}', '{to: store, ttl: 5s}', 'HF-2012'],
];

for (const [what, text, piece, instead, code] of refusals)
  test(`${what} is refused (${code}), with its line and what to do`, () => {
    assert.ok(text.includes(piece), 'the piece is not there');
    const problems = problemsOf(text.replace(piece, () => instead));
    assert.deepEqual([...new Set(problems.map((problem) => problem.code))], [code], JSON.stringify(problems));
    for (const { line, column, remedy } of problems) assert.ok(line > 1 && column > 0 && remedy !== '');
  });

test('a router, a store of services and a shared address before its proxies are as they should be', () => {
  assert.deepEqual(problemsOf(proxy + shared + router + services), []);
});

test('a shared address is where its proxies are (HF-2012)', () => {
  const elsewhere = shared.replace('{host: HOST}', () => `{host: ${serving[1]!.host}}`);
  const problems = problemsOf(proxy + elsewhere);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['HF-2012'],
  );
  assert.match(problems[0]!.message, /where nothing of proxy is/);
});

test('what is no server has neither leads nor a server, and nobody to delegate to', () => {
  for (const field of ['leads: {a: {to: store}}', 'server: {zone: a.b}', 'authority: delegated']) {
    const text = firm.replace(/^( {4})kind: front$/m, (all) => `${all}\n    ${field}`);
    assert.notEqual(text, firm);
    const parsed = parseTopology(text, 'firm.yaml');
    assert.deepEqual(parsed.ok ? [] : parsed.error.map(({ code }) => code), ['HF-2012'], field);
  }
});

test('a repository of backups is named by its stanza and number, and leads nobody', () => {
  const backups = `  backups:
    {kind: pgbackrest, ${common}, server: {configFile: /etc/pgbackrest.conf, stanza: store, repository: '1'},
     instances: {backups-l: {host: HOST}}}
`;
  assert.deepEqual(problemsOf(backups), []);
  const codes = (piece: string, instead: string) => {
    assert.ok(backups.includes(piece));
    return problemsOf(backups.replace(piece, instead)).map(({ code }) => code);
  };
  assert.deepEqual(codes("repository: '1'", 'repository: first'), ['HF-2004']);
  assert.deepEqual(codes('stanza: store, ', ''), ['HF-2003']);
  assert.deepEqual(codes('server:', 'leads: {a: {to: store}}, server:'), ['HF-2012']);
});

const members = `  base:
    {kind: patroni, ${common},
     server: {scope: base, store: etcd, endpoints: 'https://10.1.0.13:2379, https://10.2.0.13:2379', passwordFile: /p},
     instances: {base-l: {host: HOST, server: {api: 'http://10.1.0.20:8008'}},
                 base-r: {host: HOST, server: {api: 'http://10.2.0.20:8008', member: right}}}}
`;
const follower = `  pooler:
    {kind: pgbouncer, ${common}, leads: {trading: {to: base, as: {base-l: '10.1.0.20:5432', base-r: '10.2.0.20:5432'}}},
     server: {passwordFile: /q, databasesFile: /r, address: '127.0.0.1:6432'}, instances: {pooler-l: {host: HOST}}}
`;

test('a database under Patroni is delegated, names its cluster and each member, and a pooler leads to it', () => {
  const parsed = parseTopology(firmWith(members + follower), 'firm.yaml');
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.error));
  const base = parsed.value.topology.components.find(({ id }) => id === 'base')!;
  assert.equal(base.authority, 'delegated');
  assert.deepEqual(
    base.instances.map(({ id }) => memberOf(base.served!, id)),
    ['base-l', 'right'],
  );
});

const memberRefusals: readonly (readonly [string, string, string, string])[] = [
  ['without its cluster', 'scope: base, ', '', 'HF-2003'],
  ['without its store', "endpoints: 'https://10.1.0.13:2379, https://10.2.0.13:2379', ", '', 'HF-2003'],
  ['without a password', ', passwordFile: /p', '', 'HF-2003'],
  ['with a store that is not known', 'store: etcd', 'store: consul', 'HF-2004'],
  ['with an endpoint that is no URL', 'https://10.2.0.13:2379', '10.2.0.13:2379', 'HF-2004'],
  ['with two REST APIs', "'http://10.1.0.20:8008'", "'http://10.1.0.20:8008,http://10.1.0.21:8008'", 'HF-2004'],
  ['with a namespace without a slash', 'scope: base', 'scope: base, namespace: service', 'HF-2004'],
  ['with a file that is not from the root', 'passwordFile: /p', 'passwordFile: p', 'HF-2004'],
  ['with a certificate without its key', 'scope: base', 'scope: base, certFile: /c', 'HF-2003'],
  ['with one member twice', 'member: right', 'member: base-l', 'HF-2007'],
  ['in two clusters', 'member: right', 'scope: other', 'HF-2012'],
  ['with a gate at one member alone', 'member: right', "gatePort: '5432'", 'HF-2012'],
  ['that asks before a promotion at one member alone', 'member: right', 'grantSocket: /run/g', 'HF-2012'],
  [
    'with a gate before a name',
    "passwordFile: /p},\n     instances: {base-l: {host: HOST, server: {api: 'http://10.1.0.20:8008'",
    "passwordFile: /p, gatePort: '5432'},\n     instances: {base-l: {host: HOST, server: {api: 'http://base-l:8008'",
    'HF-2012',
  ],
  ['that is owned', 'kind: patroni,', 'kind: patroni, authority: owned,', 'HF-2012'],
  ['that nobody leads', 'kind: patroni,', 'kind: patroni, authority: none,', 'HF-2012'],
  ['that leads somewhere', 'kind: patroni,', 'kind: patroni, leads: {a: {to: door}},', 'HF-2012'],
];

test('a gate before a port that is none is refused', () => {
  const gated = members.replace('passwordFile: /p', "passwordFile: /p, gatePort: 'sql'");
  assert.ok(problemsOf(gated).some(({ code }) => code === 'HF-2004'));
  assert.deepEqual(problemsOf(members.replace('passwordFile: /p', "passwordFile: /p, gatePort: '5432'")), []);
});

test('where Patroni asks before a promotion is a path from the root', () => {
  const asking = (socket: string) => members.replace('passwordFile: /p', `passwordFile: /p, grantSocket: ${socket}`);
  assert.ok(problemsOf(asking('grant.sock')).some(({ code }) => code === 'HF-2004'));
  assert.deepEqual(problemsOf(asking('/run/grant.sock')), []);
});

for (const [what, piece, instead, code] of memberRefusals)
  test(`a database under Patroni ${what} is refused (${code})`, () => {
    assert.ok(members.includes(piece), 'the piece is not there');
    const problems = problemsOf(members.replace(piece, () => instead));
    assert.deepEqual([...new Set(problems.map((problem) => problem.code))], [code], JSON.stringify(problems));
    for (const { remedy } of problems) assert.notEqual(remedy, '');
  });
