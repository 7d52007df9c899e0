import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { ExchangeClient, Told } from '../../testing/exchange-client.ts';
import { VenueUnderTest } from '../../testing/venue-under-test.ts';
import { waitUntil } from '../../testing/wait-until.ts';

let world: VenueUnderTest | null = null;
const clients: ExchangeClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await world?.close();
  world = null;
});

const open = async (settings: object = {}): Promise<VenueUnderTest> => {
  world = await VenueUnderTest.open(settings);
  return world;
};
const seated = async (in_: VenueUnderTest, logon: { readonly [name: string]: string | number } = {}) => {
  const client = await in_.seated(logon);
  clients.push(client);
  return client;
};
const brief = ({ kind, id, target, reason }: Told) => `${kind} ${id}/${target} ${reason}`.trim();
const report = (kind: string, id: string) => (message: Told) =>
  message.t === 'report' && message['kind'] === kind && (message['id'] === id || message['target'] === id);

test('orders, cancels and replaces are reported in order, with numbers without gaps, to both protocols', async () => {
  const venue = await open({ selfTrade: 'allow' });
  const member = await seated(venue);
  member.new({ id: 'o1', side: 1, price: 100, quantity: 10 });
  member.new({ id: 'o2', side: 0, price: 101, quantity: 4 });
  member.replace({ id: 'r1', target: 'o1', price: 102, quantity: 12 });
  member.cancel({ id: 'c1', target: 'r1' });
  member.cancel({ id: 'c2', target: 'o1' });
  await member.expect(report('cancel-rejected', 'c2'));
  assert.deepEqual(member.reports().map(brief), [
    'accepted o1/',
    'accepted o2/',
    'fill o1/',
    'fill o2/',
    'replaced r1/o1',
    'cancelled c1/o1',
    'cancel-rejected c2/o1 too-late',
  ]);
  assert.deepEqual(
    member.reports().map(({ n }) => n),
    [1, 2, 3, 4, 5, 6, 7],
  );
  assert.equal(member.reports()[4]!['open'], 8);
  const line = await venue.line();
  line.send({ t: 'drop-copy', firm: 'ACME', after: 0 });
  await line.expect(({ t }) => t === 'drop-copy-end');
  const lines = line.received.filter(({ t }) => t === 'report');
  assert.deepEqual(
    lines.map(({ n, kind }) => [n, kind]),
    member.reports().map(({ n, kind }) => [n, kind]),
  );
  line.close();
});

test('after a restart a member asks from where it was and gets the rest, each report once', async () => {
  const venue = await open();
  const before = await seated(venue);
  for (let at = 0; at < 3000; at++) before.new({ id: `o${at}`, side: 0, price: 1 + (at % 50) });
  await before.expect(report('accepted', 'o2999'));
  await venue.restart();
  const after = await seated(venue, { next: 1501 });
  const seen = after.reports().map(({ n }) => n);
  assert.deepEqual(
    seen,
    Array.from({ length: 1500 }, (_, at) => 1501 + at),
  );
  const strip = (each: Told) => ({ ...each });
  assert.deepEqual(after.reports().map(strip), before.reports().slice(1500).map(strip));
  after.new({ id: 'o7', side: 0, price: 8 });
  await after.expect(({ t }) => t === 'duplicate');
  after.new({ id: 'o7', side: 0, price: 9 });
  await after.expect(({ t, code }) => t === 'reject' && code === 'altered-duplicate');
  const ahead = await venue.binary();
  ahead.logon({ next: 9000, purpose: 1 });
  await ahead.expect(({ code }) => code === 'ahead');
  await ahead.ended();
});

test('an older epoch is refused, a newer one cuts, and what is cut takes no effect', async () => {
  const venue = await open();
  const old = await seated(venue, { epoch: 3 });
  await seated(venue, { epoch: 4, session: 'other' });
  await old.expect(({ t, code }) => t === 'cut' && code === 'stale-epoch');
  old.new({ id: 'late', side: 0 });
  const late = await venue.binary();
  late.logon({ epoch: 3 });
  assert.equal((await late.expect(({ t }) => t === 'reject'))['epoch'], 4);
  const fence = await venue.binary();
  fence.fence({ epoch: 9 });
  await fence.expect(({ t }) => t === 'fence-done');
  fence.fence({ epoch: 8 });
  await fence.expect(({ t, code }) => t === 'reject' && code === 'stale-epoch');
  const now = await seated(venue, { epoch: 9 });
  now.new({ id: 'own', side: 0, epoch: 8 });
  await now.expect(({ t, code }) => t === 'reject' && code === 'stale-epoch');
  now.status('late');
  assert.equal((await now.expect(({ t }) => t === 'status'))['state'], 255);
  fence.close();
});

test('without epochs the password decides, takes over, and there is no fence', async () => {
  const venue = await open({ sessions: { mode: 'credentials', passwords: { ACME: 'secret' } } });
  const wrong = await venue.binary();
  wrong.logon({ password: 'guess' });
  await wrong.expect(({ code }) => code === 'not-authorised');
  await wrong.ended();
  const stranger = await venue.binary();
  stranger.logon({ firm: 'EVIL', password: 'secret' });
  await stranger.expect(({ code }) => code === 'not-authorised');
  const first = await seated(venue, { password: 'secret', epoch: 5 });
  const second = await seated(venue, { password: 'secret', epoch: 1 });
  await first.expect(({ t, code }) => t === 'cut' && code === 'replaced');
  second.new({ id: 'o1', side: 0 });
  await second.expect(report('accepted', 'o1'));
  second.fence({ epoch: 2 });
  await second.expect(({ code }) => code === 'no-epochs');
});

test('orders of a lost session end after the grace, except the persistent ones; a goodbye and a return keep them', async () => {
  const venue = await open({ sessions: { cancelOnDisconnect: 'keep-persistent', graceMs: 300 } });
  const watcher = await seated(venue, { purpose: 1 });
  const lost = await seated(venue, { session: 'a' });
  lost.new({ id: 'day', side: 0 });
  lost.new({ id: 'gtc', side: 0, timeInForce: 1 });
  await lost.expect(report('accepted', 'gtc'));
  lost.close();
  const ended = await watcher.expect(report('cancelled', 'day'));
  assert.equal(ended['reason'], 'disconnected');
  const polite = await seated(venue, { session: 'b' });
  polite.new({ id: 'polite', side: 0 });
  await polite.expect(report('accepted', 'polite'));
  polite.logoff();
  await polite.ended();
  const off = await seated(venue, { session: 'c', cancelOnDisconnect: 1 });
  off.new({ id: 'off', side: 0 });
  await off.expect(report('accepted', 'off'));
  off.close();
  const back = await seated(venue, { session: 'd' });
  back.new({ id: 'back', side: 0 });
  await back.expect(report('accepted', 'back'));
  back.close();
  const again = await seated(venue, { session: 'd' });
  const last = await seated(venue, { session: 'e', cancelOnDisconnect: 3 });
  last.new({ id: 'all', side: 0, timeInForce: 1 });
  await last.expect(report('accepted', 'all'));
  last.close();
  await watcher.expect(report('cancelled', 'all'));
  again.status();
  await again.expect(({ t }) => t === 'status-end');
  const open_ = again.received.filter(({ t }) => t === 'status').map(({ id }) => id);
  assert.deepEqual(open_, ['gtc', 'polite', 'off', 'back']);
});

test('a member that goes silent is lost, and one that is heard is not', async () => {
  const venue = await open({ sessions: { cancelOnDisconnect: 'all', graceMs: 0 } });
  const watcher = await seated(venue, { purpose: 1 });
  const silent = await seated(venue, { session: 'silent', heartbeatMs: 40 });
  silent.new({ id: 'o1', side: 0 });
  await silent.expect(({ t }) => t === 'heartbeat');
  await watcher.expect(report('cancelled', 'o1'));
  await waitUntil('it is closed', () => silent.closed);
  assert.equal(watcher.closed, false);
});

test('a mass cancel ends what it names and says how many, once', async () => {
  const venue = await open();
  const member = await seated(venue);
  for (const [id, symbol, side] of [
    ['1', 'X', 0],
    ['2', 'X', 1],
    ['3', 'Y', 0],
    ['4', 'X', 0],
  ] as const)
    member.new({ id, symbol, side, price: side === 0 ? 10 : 20 });
  member.massCancel({ id: 'm1', symbol: 'X', side: 1 });
  assert.equal((await member.expect(({ t, id }) => t === 'mass-cancel-done' && id === 'm1'))['count'], 2);
  member.massCancel({ id: 'm2' });
  assert.equal((await member.expect(({ t, id }) => t === 'mass-cancel-done' && id === 'm2'))['count'], 2);
  member.massCancel({ id: 'm2' });
  await member.expect(({ t }) => t === 'duplicate');
  assert.deepEqual(member.reports().slice(4).map(brief), [
    'cancelled /1 mass-cancelled',
    'cancelled /4 mass-cancelled',
    'cancelled /2 mass-cancelled',
    'cancelled /3 mass-cancelled',
  ]);
});

test('a halted symbol refuses orders on every protocol until it is called again', async () => {
  const venue = await open();
  const member = await seated(venue);
  await venue.admin({ phase: 'halted', symbol: 'X' });
  member.new({ id: '1', side: 0 });
  assert.equal((await member.expect(report('rejected', '1')))['reason'], 'halted');
  member.new({ id: 'dry', side: 0, dry: 1 });
  assert.equal((await member.expect(({ t }) => t === 'dry-result'))['reason'], 'halted');
  await venue.admin({ phase: 'continuous', symbol: 'X' });
  member.new({ id: '2', side: 0 });
  await member.expect(report('accepted', '2'));
});

test('the exchange states what a firm traded by symbol, behind the reports of it, and who else is connected', async () => {
  const venue = await open({ selfTrade: 'allow' });
  const member = await seated(venue);
  member.new({ id: 'o1', side: 1, symbol: 'X', price: 100, quantity: 10 });
  member.new({ id: 'o2', side: 0, symbol: 'X', price: 101, quantity: 4 });
  member.new({ id: 'o3', side: 0, symbol: 'Y', price: 101, quantity: 4 });
  member.positions();
  const end = await member.expect(({ t }) => t === 'positions-end');
  const told = member.received.filter(({ t }) => t === 'position');
  assert.deepEqual(told, [{ t: 'position', symbol: 'X', bought: 4, sold: 4 }]);
  assert.deepEqual([end['last'], end['count']], [5, 1]);
  assert.equal(member.reports().length, 5);
  member.sessions();
  assert.equal((await member.expect(({ t }) => t === 'sessions'))['others'], 0);
  const other = await seated(venue, { session: 'another' });
  other.sessions();
  assert.deepEqual(await other.expect(({ t }) => t === 'sessions'), { t: 'sessions', others: 1, ending: 0, epoch: 1 });
});

test('where there are no epochs a member sees the session that it took over gone, and lost ones until their orders ended', async () => {
  const sessions = { mode: 'credentials', passwords: { ACME: 'p' }, cancelOnDisconnect: 'all', graceMs: 60_000 };
  const venue = await open({ sessions });
  const old = await seated(venue, { epoch: 0, password: 'p' });
  const other = await seated(venue, { epoch: 0, password: 'p', session: 'another' });
  const taker = await seated(venue, { epoch: 0, password: 'p' });
  await old.expect(({ t, code }) => t === 'cut' && code === 'replaced');
  await old.ended();
  taker.sessions();
  assert.equal((await taker.expect(({ t }) => t === 'sessions'))['others'], 1);
  other.close();
  await waitUntil('the lost one is told', async () => {
    taker.received.splice(0);
    taker.sessions();
    const { others, ending } = await taker.expect(({ t }) => t === 'sessions');
    return others === 0 && ending === 1;
  });
  assert.equal(taker.reports().length, 0);
});
