import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { createPki, type LabPki } from '../../lab/pki.ts';
import { OperatorApi } from '../../src/controller/operator-api.ts';
import type { OperatorAnswer, OperatorRequest, Person } from '../../src/core/operator/operator-request.ts';
import { HoldfastClient } from '../../src/wire/client.ts';
import { HoldfastError } from '../../src/wire/holdfast-error.ts';
import type { ApiEvent } from '../../src/wire/operator-api.ts';
import { readTlsFiles } from '../../src/wire/peer-identity.ts';
import { freePort } from '../../trading/testing/free-ports.ts';
import { eventually } from './firm-under-test.ts';

let directory: string;
let pki: LabPki;
let strangers: LabPki;
const closers: (() => unknown)[] = [];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast api é-'));
  const plan = {
    organisation: 'test',
    machines: [
      { name: 'controller/east', role: 'controller' as const, ips: [] },
      { name: 'controller/west', role: 'controller' as const, ips: [] },
      { name: 'agent/east-1', role: 'agent' as const, ips: [] },
    ],
    operators: [
      { name: 'ada', role: 'admin' as const },
      { name: 'olga', role: 'observer' as const },
    ],
    evidenceOwners: [],
  };
  pki = await createPki({ directory: join(directory, 'ours'), ...plan });
  strangers = await createPki({ directory: join(directory, 'strangers'), ...plan });
});
after(() => rmSync(directory, { recursive: true, force: true }));
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Served {
  readonly api: OperatorApi;
  readonly asked: { readonly request: OperatorRequest; readonly person: Person }[];
  readonly turnedAway: string[];
}

async function serving(
  answer: (request: OperatorRequest) => OperatorAnswer | null,
  site = 'east',
  port = 0,
  metrics: (() => string) | null = null,
): Promise<Served> {
  const asked: Served['asked'] = [];
  const turnedAway: string[] = [];
  const api = await OperatorApi.listen({
    host: '127.0.0.1',
    port,
    identity: readTlsFiles(pki.identity(`controller/${site}`)),
    ask: async (request, person) => {
      asked.push({ request, person });
      return answer(request);
    },
    history: ({ after }) => [{ number: after + 1, at: 1, revision: 2, key: 'group/trading', value: { epoch: 1 } }],
    metrics,
    turnedAway: (who, reason) => turnedAway.push(`${who}: ${reason}`),
    statusEveryMs: 50,
  });
  closers.push(() => api.close());
  return { api, asked, turnedAway };
}

function clientOf(
  controllers: readonly { readonly id: string; readonly port: number }[],
  person = 'ada',
  from = pki,
): HoldfastClient {
  const client = new HoldfastClient({
    controllers: controllers.map((controller) => ({ ...controller, host: '127.0.0.1' })),
    identity: readTlsFiles(from.identity(person.includes('/') ? person : `operator/${person}`)),
    deadlineMs: 15_000,
  });
  closers.push(() => client.close());
  return client;
}

/** A plain exchange, without the client's care. */
function plain(
  port: number,
  options: {
    readonly as?: { readonly pki: LabPki; readonly name: string };
    readonly method?: string;
    readonly path?: string;
    readonly body?: string;
  },
) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string; type: string }>();
  const identity = options.as === undefined ? {} : readTlsFiles(options.as.pki.identity(options.as.name));
  const outgoing = request(
    {
      host: '127.0.0.1',
      port,
      method: options.method ?? 'GET',
      path: options.path ?? '/v1/status',
      agent: false,
      ...identity,
      rejectUnauthorized: false,
    },
    (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, type: String(response.headers['content-type']) }),
      );
    },
  );
  outgoing.on('error', reject);
  outgoing.end(options.body);
  return promise;
}

const refusedWith = (code: string) => (cause: unknown) => cause instanceof HoldfastError && cause.code === code;

test('nobody without a certificate of this firm learns more than 401', async () => {
  const { api, asked, turnedAway } = await serving(() => ({ kind: 'ok', result: 'secret' }));
  const without = await plain(api.port, {});
  const stranger = await plain(api.port, { as: { pki: strangers, name: 'operator/ada' }, path: '/v1/nowhere' });
  for (const answer of [without, stranger]) {
    assert.equal(answer.status, 401);
    assert.deepEqual(JSON.parse(answer.body).error.found, 'not authenticated');
  }
  assert.equal(without.body, stranger.body);
  assert.equal(asked.length, 0);
  assert.equal(turnedAway.length, 2);
});

test('a machine is not a person', async () => {
  const { api, asked } = await serving(() => ({ kind: 'ok', result: null }));
  const answer = await plain(api.port, { as: { pki, name: 'agent/east-1' } });
  assert.equal(answer.status, 403);
  assert.equal(asked.length, 0);
});

test('an observer may look, and may not freeze', async () => {
  const { api, asked, turnedAway } = await serving(() => ({ kind: 'ok', result: { fine: true } }));
  const olga = clientOf([{ id: 'east', port: api.port }], 'olga');
  assert.deepEqual(await olga.status(), { fine: true });
  const freeze: OperatorRequest = { kind: 'freeze', group: 'trading', lift: false, reason: 'because', minutes: null };
  await assert.rejects(olga.ask(freeze), refusedWith('HF-3107'));
  assert.deepEqual(
    asked.map(({ request, person }) => [request.kind, person.name, person.role]),
    [['status', 'olga', 'observer']],
  );
  assert.match(turnedAway[0] ?? '', /observer olga: may not freeze/);
});

test('a request is parsed before anybody sees it: unknown kinds, wrong shapes and long bodies are refused', async () => {
  const { api, asked } = await serving(() => ({ kind: 'ok', result: null }));
  const post = (body: string) =>
    plain(api.port, { as: { pki, name: 'operator/ada' }, method: 'POST', path: '/v1/requests', body });
  assert.equal((await post('nonsense')).status, 400);
  assert.equal((await post('{"request":{"kind":"shell","command":"rm"}}')).status, 400);
  assert.match((await post('{"request":{"kind":"freeze","group":7}}')).body, /request.group/);
  assert.equal((await post(`{"request":{"kind":"status","pad":"${'x'.repeat(70_000)}"}}`)).status, 413);
  assert.equal((await plain(api.port, { as: { pki, name: 'operator/ada' }, path: '/v1/requests' })).status, 405);
  assert.equal((await plain(api.port, { as: { pki, name: 'operator/ada' }, path: '/v2/status' })).status, 404);
  assert.equal(asked.length, 0);
});

test('figures are told to whoever may look, as Prometheus reads them; a machine and a stranger get none', async () => {
  const { api } = await serving(
    () => null,
    'east',
    0,
    () => '# HELP x y\nx 1\n',
  );
  const asking = (name: string, from = pki) => plain(api.port, { as: { pki: from, name }, path: '/metrics' });
  const { status, body, type } = await asking('operator/olga');
  assert.deepEqual([status, body, type], [200, '# HELP x y\nx 1\n', 'text/plain; version=0.0.4; charset=utf-8']);
  assert.equal((await asking('agent/east-1')).status, 403);
  assert.equal((await asking('operator/olga', strangers)).status, 401);
  assert.equal((await plain(api.port, { path: '/metrics' })).status, 401);
  const post = { as: { pki, name: 'operator/ada' }, method: 'POST', path: '/metrics' };
  assert.equal((await plain(api.port, post)).status, 405);
});

test('where the topology asks for no figures there are none', async () => {
  const { api } = await serving(() => null);
  const answer = await plain(api.port, { as: { pki, name: 'operator/ada' }, path: '/metrics' });
  assert.equal(answer.status, 404);
});

test('the client finds the controller that leads and keeps to it', async () => {
  const east = await serving((request) =>
    request.kind === 'status' ? { kind: 'ok', result: null } : { kind: 'not-leading', leader: 'west' },
  );
  const west = await serving((request) => ({ kind: 'ok', result: request.kind }), 'west');
  const client = clientOf([
    { id: 'east', port: east.api.port },
    { id: 'west', port: west.api.port },
  ]);
  const acknowledge: OperatorRequest = { kind: 'acknowledge', group: 'trading' };
  assert.deepEqual(await client.ask(acknowledge), { kind: 'ok', result: 'acknowledge' });
  await client.ask(acknowledge);
  const changes = ({ asked }: Served) => asked.filter(({ request }) => request.kind === 'acknowledge').length;
  assert.equal(changes(east), 1);
  assert.equal(changes(west), 2);
});

test('the client does not take the word of a controller that is cut off from the authority and still believes that it leads', async () => {
  const status = (id: string, leader: string, heardMsAgo: number) => ({
    controller: { id, leading: id === leader },
    leader: { controller: leader },
    authority: { heardMsAgo },
  });
  const east = await serving((request) =>
    request.kind === 'status'
      ? { kind: 'ok', result: status('east', 'east', 60_000) }
      : { kind: 'refused', code: 'HF-4114', tried: '', found: '', next: '', result: null },
  );
  let westHeardMsAgo = 20;
  const west = await serving(
    (request) => ({
      kind: 'ok',
      result: request.kind === 'status' ? status('west', 'west', westHeardMsAgo) : request.kind,
    }),
    'west',
  );
  const controllers = [
    { id: 'east', port: east.api.port },
    { id: 'west', port: west.api.port },
  ];
  assert.deepEqual(await clientOf(controllers).status(), status('west', 'west', 20));
  assert.deepEqual(await clientOf(controllers).ask({ kind: 'acknowledge', group: 'trading' }), {
    kind: 'ok',
    result: 'acknowledge',
  });
  westHeardMsAgo = 90_000;
  assert.deepEqual(await clientOf(controllers).status(), status('east', 'east', 60_000), 'better than no answer');
});

test('the client does without controllers that are not there', async () => {
  const dead = await freePort();
  const west = await serving(() => ({ kind: 'ok', result: 'here' }), 'west');
  const client = clientOf([
    { id: 'east', port: dead },
    { id: 'west', port: west.api.port },
  ]);
  assert.equal(await client.status(), 'here');
  assert.deepEqual(await client.ask({ kind: 'acknowledge', group: 'trading' }), { kind: 'ok', result: 'here' });
});

test('the client does not talk to a server that is not the controller it expects', async () => {
  const east = await serving(() => ({ kind: 'ok', result: null }));
  const client = clientOf([{ id: 'west', port: east.api.port }]);
  await assert.rejects(
    client.ask({ kind: 'status' }, { deadlineMs: 5000 }),
    (cause) => refusedWith('HF-3102')(cause) && /CA file/.test((cause as HoldfastError).next),
  );
  assert.equal(east.asked.length, 0);
});

test('a change that was sent and not answered is not repeated: it may have been done', async () => {
  const east = await serving(() => null);
  const west = await serving(() => ({ kind: 'ok', result: null }), 'west');
  const silent = await serving(() => ({ kind: 'ok', result: null }));
  void silent;
  const client = clientOf([
    { id: 'east', port: east.api.port },
    { id: 'west', port: west.api.port },
  ]);
  await assert.rejects(client.ask({ kind: 'acknowledge', group: 'trading' }), refusedWith('HF-3103'));
  assert.equal(west.asked.length, 0);
});

test('somebody who follows the status gets it at once, and again when it changes', async () => {
  let status = { epoch: 1 };
  const { api } = await serving(() => ({ kind: 'ok', result: status }));
  const client = clientOf([{ id: 'east', port: api.port }], 'olga');
  const events: ApiEvent[] = [];
  const abort = new AbortController();
  const following = client.follow({ onEvent: (event) => events.push(event), signal: abort.signal });
  await eventually('the first came', () => events.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(events.length, 1);
  status = { epoch: 2 };
  await eventually('the change came', () => events.length === 2);
  assert.deepEqual(events[1]?.event === 'status' && events[1].status, { epoch: 2 });
  abort.abort();
  await following;
});

test('the history of one controller is read page by page', async () => {
  const { api } = await serving(() => null);
  const client = clientOf([{ id: 'east', port: api.port }]);
  const [entry] = await client.history({ controller: 'east', after: 41 });
  assert.equal(entry?.number, 42);
});
