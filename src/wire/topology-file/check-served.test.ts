import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
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

const refusals: readonly (readonly [string, string, string, string, string])[] = [
  ['a proxy without its socket', proxy, 'server: {socket: /run/admin.sock}, ', '', 'HF-2003'],
  ['a path that is not from the root', proxy, '/run/admin.sock', 'admin.sock', 'HF-2004'],
  ['an option of another kind', proxy, 'socket: /run/admin.sock', 'socket: /run/admin.sock, zone: a.b', 'HF-2002'],
  ['a misspelt option', proxy, 'socket: /run', 'sockt: /run', 'HF-2002'],
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
  ['a TTL of a set', cache, '{to: store}', '{to: store, ttl: 5s}', 'HF-2012'],
];

for (const [what, text, piece, instead, code] of refusals)
  test(`${what} is refused (${code}), with its line and what to do`, () => {
    assert.ok(text.includes(piece), 'the piece is not there');
    const problems = problemsOf(text.replace(piece, () => instead));
    assert.deepEqual([...new Set(problems.map((problem) => problem.code))], [code], JSON.stringify(problems));
    for (const { line, column, remedy } of problems) assert.ok(line > 1 && column > 0 && remedy !== '');
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
