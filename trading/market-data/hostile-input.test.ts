import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { idText } from '../base/id-view.ts';
import { type JsonRecord, parseRecord } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';
import { seededRandom } from '../replication/seeded-random.ts';
import { LineClient } from '../testing/line-client.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { liveClock } from '../venue/calendar/venue-clock.ts';
import { FeedMessage, JOIN, readFeedMessage } from '../venue-protocol/feed.ts';
import { MarketFeed } from './market-feed.ts';
import { MarketHours } from './market-hours.ts';
import { SimulatedExchange } from './simulated-exchange.ts';
import { SubscriberPort } from './subscriber-port.ts';

const seed = 20_263;

/** A feed's port: whoever joins is sent what the test wants. */
const feedPort = async () => {
  const socket = createSocket('udp4');
  const peers = new Set<number>();
  socket.on('message', (message, from) => {
    if (message.equals(JOIN)) peers.add(from.port);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const send = (bytes: Uint8Array, through: Socket = socket) => {
    for (const port of peers) through.send(bytes, port, '127.0.0.1');
  };
  return { socket, send, peers, address: { host: '127.0.0.1', port: socket.address().port } };
};

const snapshotOf = (exchange: SimulatedExchange): object[] => {
  const { run, sequence, books } = exchange.snapshot();
  const end = { t: 'snapshot-end', sequence, run, symbols: books.length, phase: 'continuous' };
  return [...books.map((book) => ({ t: 'book', sequence, ...book })), end];
};

const gapOf = (exchange: SimulatedExchange, { from, count }: JsonRecord): object[] => {
  const { run, next } = exchange;
  const upTo = Math.max(Number(from), Math.min(next, Number(from) + Number(count)));
  const message = new FeedMessage();
  const told = Array.from({ length: upTo - Number(from) }, (_, at) => {
    const bytes = exchange.bytes(Number(from) + at)!;
    readFeedMessage(bytes, new DataView(bytes.buffer), 0, message);
    return { t: 'message', sequence: Number(from) + at, ...message, symbol: idText(message.symbol) };
  });
  return [...told, { t: 'gap-end', next: upTo, run }];
};

test(`mutated packets, and those of anybody else, neither end a receiver nor change a book for good (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const exchange = new SimulatedExchange({ random, historyRoom: 1000 });
  for (let each = 0; each < 50; each++) exchange.happen();
  const recovery = createServer((socket) => {
    socket.on('error', () => {});
    const lines = new LineReader({
      maxLineLength: 4096,
      onLine: (line) => {
        const answers =
          parseRecord(line)?.t === 'snapshot' ? snapshotOf(exchange) : gapOf(exchange, parseRecord(line)!);
        socket.write(answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''));
      },
      onOverflow: () => socket.destroy(),
    });
    socket.setEncoding('utf8').on('data', (text: string) => lines.push(text));
  });
  await new Promise<void>((resolve) => recovery.listen(0, '127.0.0.1', resolve));
  const bound = recovery.address();
  const [a, b, stranger] = [await feedPort(), await feedPort(), await feedPort()];
  const feed = new MarketFeed(
    {
      venue: 'venue',
      a: a.address,
      b: b.address,
      recovery: { host: '127.0.0.1', port: typeof bound === 'object' && bound !== null ? bound.port : 0 },
      hours: new MarketHours({ calendar: null, clock: liveClock }),
    },
    () => {},
  );
  feed.join();
  await waitUntil('it is joined and whole', () => a.peers.size > 0 && b.peers.size > 0 && feed.synced);

  const counts = { mutated: 0, strange: 0 };
  for (let each = 0; each < 4000; each++) {
    const packet = exchange.packet('A', 1 + Math.floor(random() * 40), Math.floor(random() * 5));
    const changes = 1 + Math.floor(random() * 4);
    // Its run stays: another one would be believed, as it has to be.
    for (let change = 0; change < changes; change++) {
      const at = Math.floor(random() * packet.length);
      if (at < 8 || at >= 16) packet[at] = Math.floor(random() * 256);
    }
    const cut = random() < 0.2 ? packet.subarray(0, Math.floor(random() * packet.length)) : packet;
    if (random() < 0.1) {
      counts.strange += 1;
      for (const port of a.peers) stranger.socket.send(cut, port, '127.0.0.1');
    } else {
      counts.mutated += 1;
      a.send(cut);
    }
    if (each % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const heartbeat = () => {
    for (const [port, name] of [
      [a, 'A'],
      [b, 'B'],
    ] as const)
      port.send(exchange.packet(name, exchange.next, 0));
  };
  feed.takeSnapshot();
  await waitUntil('it is whole and fresh again', () => {
    heartbeat();
    return feed.ready && feed.sequence === exchange.next - 1;
  });
  console.log(
    `${counts.mutated} mutated packets, ${counts.strange} of a stranger; ${feed.figures.unreadable} unreadable`,
  );
  assert.ok(feed.figures.unreadable! > 500);
  feed.leave();
  for (const { socket } of [a, b, stranger]) socket.close();
  recovery.close();
});

test(`a subscriber that sends nonsense is refused, and one that sends a line without end is cut (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const nobody = { host: '127.0.0.1', port: 1 };
  const hours = new MarketHours({ calendar: null, clock: liveClock });
  const feed = new MarketFeed({ venue: 'venue', a: nobody, b: nobody, recovery: nobody, hours }, () => {});
  const port = new SubscriberPort({
    feeds: [feed],
    open: () => true,
    introduction: () => ({ instance: 'md', epoch: 1 }),
  });
  const listening = await port.listen({ host: '127.0.0.1', port: 0 });
  const client = await LineClient.open(listening);
  const words = [
    '"t"',
    '"subscribe"',
    '"book"',
    '"symbols"',
    '"depth"',
    '[',
    ']',
    '{',
    '}',
    ':',
    ',',
    '-1',
    '1e400',
    'null',
    '"\\u0000"',
    '\u{1F4A5}',
  ];
  const sent = 3000;
  for (let each = 0; each < sent; each++) {
    const count = 1 + Math.floor(random() * 12);
    client.sendText(`${Array.from({ length: count }, () => words[Math.floor(random() * words.length)]).join('')}\n`);
  }
  for (const depth of [-1, 1.5, 1e9, 'x', null]) client.send({ t: 'subscribe', depth });
  for (const symbols of [5, [5], [''], {}]) client.send({ t: 'subscribe', symbols });
  await waitUntil('every line is refused', () => client.received.filter(({ t }) => t === 'reject').length === sent + 9);
  const endless = await LineClient.open(listening);
  endless.sendText('x'.repeat(200_000));
  await waitUntil('it is cut', () => endless.closed);
  const other = await LineClient.open(listening);
  other.send({ t: 'subscribe' });
  await other.expect(({ t }) => t === 'subscribe-ok');
  console.log(`${sent + 9} lines refused`);
  for (const each of [client, other]) each.close();
  await port.close();
});
