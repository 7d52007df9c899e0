import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { after, test } from 'node:test';
import { siteId } from '../../core/base/ids.ts';
import { systemClock } from '../system/system-clock.ts';
import { packetBytes, probePacket, readProbePacket } from './probe-packet.ts';
import { answersPerSecond, SiteProber } from './site-prober.ts';

const open: { close(): void }[] = [];
after(() => {
  for (const each of open) each.close();
});

const timing = { everyMs: 20, answerWithinMs: 200, windowMs: 60_000 };
const local = (port: number) => ({ host: '127.0.0.1', port });

async function proberOf(peerPort: number | null): Promise<SiteProber> {
  const peers = peerPort === null ? [] : [{ site: siteId('west'), ...local(peerPort) }];
  const prober = await SiteProber.open({ ...timing, listen: local(0), peers });
  open.push(prober);
  return prober;
}

/** Answers what it hears as `answer` says. */
async function peerOf(answer: (message: Buffer, reply: (packet: Buffer) => void) => void): Promise<Socket> {
  const socket = createSocket('udp4', (message, { port, address }) =>
    answer(message, (packet) => socket.send(packet, port, address)),
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.bind(0, '127.0.0.1', () => resolve());
  await promise;
  open.push(socket);
  return socket;
}

async function until(claim: string, holds: () => boolean): Promise<void> {
  const deadline = systemClock.monoMs() + 20_000;
  while (!holds()) {
    assert.ok(systemClock.monoMs() < deadline, claim);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('two probers measure the way to each other, and their answers are not answered', async () => {
  const west = await proberOf(null);
  const east = await proberOf(west.port);
  await until('20 answers', () => east.paths()[0]!.trips.answered >= 20);
  const [path] = east.paths();
  assert.equal(path!.to, 'west');
  assert.ok(path!.trips.p50Ms !== null && path!.trips.p50Ms < 200);
  assert.deepEqual([west.dropped, east.dropped], [0, 0]);
});

test('what is not answered is lost once its time is over, and no round trip of zero', async () => {
  const silent = await peerOf(() => {});
  const prober = await proberOf(silent.address().port);
  await until('3 lost', () => prober.paths()[0]!.trips.lostInARow >= 3);
  const [path] = prober.paths();
  assert.deepEqual([path!.trips.answered, path!.trips.maxMs, path!.answeredMsAgo], [0, null, null]);
});

test('an answer with other random bytes, and one that comes twice, change nothing', async () => {
  const liar = await peerOf((_message, reply) => reply(probePacket({ kind: 'answer', nonce: '00'.repeat(8) })));
  const prober = await proberOf(liar.address().port);
  await until('5 lies', () => prober.dropped >= 5);
  assert.equal(prober.paths()[0]!.trips.answered, 0);

  const twice = await peerOf((message, reply) => {
    const { nonce } = readProbePacket(message)!;
    for (let time = 0; time < 2; time += 1) reply(probePacket({ kind: 'answer', nonce }));
  });
  const other = await proberOf(twice.address().port);
  await until('10 answers', () => other.paths()[0]!.trips.answered >= 10);
  assert.ok(other.dropped >= 9);
  assert.equal(other.paths()[0]!.trips.lossPercent, 0);
});

test('only a probe to the byte is answered, never with more bytes, and only so often', async () => {
  const prober = await proberOf(null);
  const heard: Buffer[] = [];
  const stranger = await peerOf((message) => heard.push(message));
  const say = (packet: Buffer) => stranger.send(packet, prober.port, '127.0.0.1');
  const ask = probePacket({ kind: 'ask', nonce: 'ab'.repeat(8) });
  const unread = [ask.subarray(1), Buffer.concat([ask, ask]), Buffer.alloc(packetBytes, 1), Buffer.alloc(0)];
  for (const packet of unread) say(packet);
  await until('4 dropped', () => prober.dropped === unread.length);
  assert.equal(heard.length, 0);
  say(ask);
  await until('one answer', () => heard.length === 1);
  assert.deepEqual(
    [heard[0]!.length, readProbePacket(heard[0]!)],
    [packetBytes, { kind: 'answer', nonce: 'ab'.repeat(8) }],
  );
  for (let time = 0; time < 3 * answersPerSecond; time += 1) say(ask);
  await until('the rest is dropped', () => prober.dropped > unread.length);
});

test('an address that cannot be had is said', async () => {
  const taken = await proberOf(null);
  await assert.rejects(
    SiteProber.open({ ...timing, listen: local(taken.port), peers: [] }),
    /no probe at 127.*EADDRINUSE/,
  );
});
