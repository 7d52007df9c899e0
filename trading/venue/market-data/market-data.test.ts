import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { JsonRecord } from '../../base/json-record.ts';
import type { ExchangeClient } from '../../testing/exchange-client.ts';
import { FeedReceiver } from '../../testing/feed-receiver.ts';
import { LineClient } from '../../testing/line-client.ts';
import { VenueUnderTest } from '../../testing/venue-under-test.ts';
import { waitUntil } from '../../testing/wait-until.ts';

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const open = async () => {
  const venue = await VenueUnderTest.open({ selfTrade: 'allow', marketData: {} });
  const receiver = new FeedReceiver();
  const recovery = await LineClient.open(venue.ports['recovery']!);
  const member = await venue.seated();
  closers.push(
    () => recovery.close(),
    () => receiver.close(),
    () => member.close(),
    () => venue.close(),
  );
  return { venue, receiver, recovery, member };
};

const flow = (member: ExchangeClient, count: number): void => {
  for (let at = 0; at < count; at++) {
    const draw = Math.imul(at + 1, 0x9e37_79b1) >>> 0;
    const price = 95 + ((draw >>> 8) % 10);
    member.new({
      id: `o${at}`,
      symbol: draw % 2 === 0 ? 'X' : 'Y',
      side: (draw >>> 4) % 2,
      price,
      quantity: 1 + (draw % 9),
    });
    if (at % 5 === 4) member.cancel({ id: `c${at}`, target: `o${at - 3}` });
  }
};

/** Books built from the messages alone. */
const booksFrom = (receiver: FeedReceiver): Map<string, number> => {
  const levels = new Map<string, number>();
  for (const { kind, symbol, side, price, volume } of [...receiver.messages.values()].sort(
    (a, b) => a.sequence - b.sequence,
  ))
    if (kind === 'level') levels.set(`${symbol} ${side} ${price}`, volume);
  return new Map([...levels].filter(([, volume]) => volume > 0));
};

const snapshot = async (recovery: LineClient): Promise<{ levels: Map<string, number>; sequence: number }> => {
  const from = recovery.received.length;
  recovery.send({ t: 'snapshot' });
  await waitUntil('the snapshot ends', () => recovery.received.slice(from).some(({ t }) => t === 'snapshot-end'));
  const told = recovery.received.slice(from);
  const levels = new Map<string, number>();
  for (const book of told.filter(({ t }) => t === 'book') as unknown as {
    symbol: string;
    bids: number[][];
    asks: number[][];
  }[])
    for (const [side, list] of [book.bids, book.asks].entries())
      for (const [price, volume] of list) levels.set(`${book.symbol} ${side} ${price}`, volume!);
  return { levels, sequence: Number(told.at(-1)!.sequence) };
};

test('books built from one feed are the exchange’s books, and every trade is told once', async () => {
  const { venue, receiver, recovery, member } = await open();
  await receiver.join(venue.ports['feedA']!);
  await waitUntil('it is joined', () => receiver.packets.A > 0);
  flow(member, 800);
  await member.expect(({ id }) => id === 'o799');
  const { levels, sequence } = await snapshot(recovery);
  await waitUntil('the feed has it all', () => receiver.highest >= sequence);
  // A machine that does much else may lose datagrams even here.
  for (const from of receiver.missing()) recovery.send({ t: 'gap', from, count: 1 });
  await waitUntil('nothing is missing', () => {
    for (const record of recovery.received.splice(0)) if (record.t === 'message') receiver.fill(record);
    return receiver.missing().length === 0;
  });
  assert.deepEqual(booksFrom(receiver), levels);
  const trades = [...receiver.messages.values()].filter(({ kind }) => kind === 'trade');
  const fills = member.reports().filter(({ kind }) => kind === 'fill');
  assert.ok(trades.length > 50);
  assert.equal(trades.length * 2, fills.length);
});

test('what one feed loses the other brings; what both lose is a gap that is filled on request', async () => {
  const { venue, receiver, recovery, member } = await open();
  await receiver.join(venue.ports['feedA']!);
  await receiver.join(venue.ports['feedB']!);
  await waitUntil('both are joined', () => receiver.packets.A > 0 && receiver.packets.B > 0);
  await venue.admin({ feed: 'A', drop: 3 });
  flow(member, 40);
  await member.expect(({ id }) => id === 'o39');
  const afterFirst = (await snapshot(recovery)).sequence;
  await waitUntil('B has it all', () => receiver.missing().length === 0 && receiver.highest >= afterFirst);
  await venue.admin({ feed: 'A', drop: 1 });
  await venue.admin({ feed: 'B', drop: 1 });
  member.new({ id: 'lost', symbol: 'X', side: 0, price: 50, quantity: 1 });
  await member.expect(({ id }) => id === 'lost');
  member.new({ id: 'seen', symbol: 'X', side: 0, price: 51, quantity: 1 });
  await member.expect(({ id }) => id === 'seen');
  const { sequence } = await snapshot(recovery);
  await waitUntil('the gap is seen', () => receiver.highest >= sequence);
  assert.ok(receiver.missing().length >= 1);
  const lost = sequence - 1;
  assert.ok(receiver.missing().includes(lost));
  recovery.send({ t: 'gap', from: lost, count: 1 });
  const filled = (await recovery.expect(({ t }) => t === 'message')) as JsonRecord;
  assert.deepEqual([filled.kind, filled.price, filled.volume], ['level', 50, 1]);
  recovery.send({ t: 'gap', from: 0, count: 1 }, { t: 'gap', from: 9_999_999, count: 1 });
  await recovery.expect(({ code }) => code === 'bad-message');
  await recovery.expect(({ t, next }) => t === 'gap-end' && next === 9_999_999);
});

test('a halt is told as a phase of its symbol', async () => {
  const { venue, receiver } = await open();
  await receiver.join(venue.ports['feedB']!);
  await waitUntil('it is joined', () => receiver.packets.B > 0);
  await venue.admin({ phase: 'halted', symbol: 'X' });
  await waitUntil('it is told', () =>
    [...receiver.messages.values()].some(({ phase, symbol }) => phase === 'halted' && symbol === 'X'),
  );
});
