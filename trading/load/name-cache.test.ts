import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NameAnswer, NameCache } from './name-cache.ts';

const servers = ['near:53', 'far:53'];
const ttlMs = 5000;

function world() {
  const said = new Map<string, string | null>(servers.map((server) => [server, '10.1.0.1']));
  const asked: string[] = [];
  let now = 0;
  const cache = new NameCache({
    name: 'trading.firm.test',
    servers,
    nowMs: () => now,
    ask: async (server): Promise<NameAnswer | null> => {
      asked.push(server);
      const address = said.get(server) ?? null;
      return address === null ? null : { addresses: [address], ttlMs };
    },
  });
  return { cache, said, asked, pass: (ms: number) => (now += ms) };
}

test('an answer is kept for as long as it may be, and no longer', async () => {
  const { cache, said, asked, pass } = world();
  await cache.refresh();
  for (const server of servers) said.set(server, '10.2.0.1');
  pass(ttlMs - 1);
  await cache.refresh();
  assert.deepEqual([asked.length, cache.addresses()], [2, ['10.1.0.1']]);
  pass(1);
  await cache.refresh();
  assert.deepEqual([asked.length, cache.addresses(), cache.changedAtMs], [4, ['10.2.0.1'], ttlMs]);
});

test('where servers differ, every address is tried', async () => {
  const { cache, said } = world();
  said.set('far:53', '10.2.0.1');
  await cache.refresh();
  assert.deepEqual(cache.addresses(), ['10.1.0.1', '10.2.0.1']);
});

test('a server that answers no more counts no more, unless nobody answers', async () => {
  const { cache, said, pass } = world();
  await cache.refresh();
  said.set('near:53', null);
  said.set('far:53', '10.2.0.1');
  pass(ttlMs);
  await cache.refresh();
  assert.deepEqual(cache.addresses(), ['10.2.0.1']);
  said.set('far:53', null);
  pass(ttlMs);
  await cache.refresh();
  assert.deepEqual(cache.addresses(), ['10.2.0.1'], 'the former answer');
});

test('who has to know an address asks again where nobody answered in time, and gives up by its deadline', async () => {
  let now = 0;
  let answersFrom = 4;
  let asked = 0;
  const ask = async (): Promise<NameAnswer | null> => {
    asked += 1;
    return asked < answersFrom ? null : { addresses: ['10.1.0.1'], ttlMs };
  };
  // Time goes on with each look at the clock.
  const cache = () => new NameCache({ name: 'trading.firm.test', servers, nowMs: () => (now += 20), ask });
  const patient = cache();
  await patient.known(5000);
  assert.deepEqual(patient.addresses(), ['10.1.0.1']);
  answersFrom = Number.POSITIVE_INFINITY;
  const [hasty, begun] = [cache(), now];
  await hasty.known(500);
  assert.deepEqual(hasty.addresses(), []);
  assert.ok(now - begun >= 500 && now - begun <= 1000, `${now - begun} ms`);
});

test('a server that does not answer is asked again soon, and never twice at once', async () => {
  const { cache, said, asked, pass } = world();
  said.set('near:53', null);
  await Promise.all([cache.refresh(), cache.refresh()]);
  assert.equal(asked.length, servers.length);
  pass(99);
  await cache.refresh();
  assert.equal(asked.length, servers.length);
  pass(1);
  await cache.refresh();
  assert.deepEqual(asked.slice(servers.length), ['near:53']);
});
