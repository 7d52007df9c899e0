import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { after, test } from 'node:test';
import { megabitsPerSecond, testLimits } from '../../core/network/throughput.ts';
import { ThroughputSink } from './throughput-sink.ts';
import { measureThroughput } from './throughput-test.ts';

const open: { close(): void }[] = [];
after(() => {
  for (const each of open) each.close();
});
const local = (port: number) => ({ host: '127.0.0.1', port });

async function sinkOf(): Promise<ThroughputSink> {
  const sink = await ThroughputSink.listen(local(0));
  open.push(sink);
  return sink;
}

test('twenty round trips and then every byte are measured, again and again', async () => {
  const sink = await sinkOf();
  for (const bytes of [testLimits.leastBytes, 3_000_001]) {
    const { trips, tookMs, problem } = await measureThroughput(local(sink.port), bytes);
    assert.equal(problem, null);
    assert.equal(trips?.answered, 20);
    assert.ok(tookMs !== null && tookMs > 0);
    assert.ok((megabitsPerSecond({ bytes, tookMs }) ?? 0) > 0);
  }
});

test('a second measurement at the same time is turned away, and says so', async () => {
  const sink = await sinkOf();
  const first = connect(local(sink.port));
  const { promise, resolve } = Promise.withResolvers<void>();
  first.once('data', () => resolve());
  first.write('x');
  await promise;
  const { tookMs, problem } = await measureThroughput(local(sink.port), testLimits.leastBytes);
  first.destroy();
  assert.equal(tookMs, null);
  assert.notEqual(problem, null);
});

test('more than the limit is not taken, and nothing is called measured', async () => {
  const sink = await sinkOf();
  const { tookMs, problem } = await measureThroughput(local(sink.port), testLimits.mostBytes + 1);
  assert.equal(tookMs, null);
  assert.notEqual(problem, null);
});

test('who accepts and says nothing is unknown by the deadline', async () => {
  const silent = createServer({ allowHalfOpen: true }, (socket) => open.push({ close: () => socket.destroy() }));
  const { promise, resolve } = Promise.withResolvers<void>();
  silent.listen({ ...local(0) }, resolve);
  await promise;
  open.push(silent);
  const address = silent.address();
  const { trips, tookMs, problem } = await measureThroughput(
    local(typeof address === 'object' && address !== null ? address.port : 0),
    testLimits.leastBytes,
  );
  assert.deepEqual([trips, tookMs], [null, null]);
  assert.match(problem ?? '', /not over after 6000 ms, while pinging/);
});

test('nothing measured is no throughput of zero', () => {
  assert.equal(megabitsPerSecond({ bytes: 1000, tookMs: null }), null);
  assert.equal(megabitsPerSecond({ bytes: 1_000_000, tookMs: 800 }), 10);
});
