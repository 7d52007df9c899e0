import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { brief, FixMember, type FixMemberOptions } from '../../testing/fix-member.ts';
import { VenueUnderTest } from '../../testing/venue-under-test.ts';
import { waitUntil } from '../../testing/wait-until.ts';

let world: VenueUnderTest | null = null;
const members: FixMember[] = [];
afterEach(async () => {
  for (const member of members.splice(0)) member.close();
  await world?.close();
  world = null;
});

const SESSIONS = { ACME: {}, 'ACME-COPY': { firm: 'ACME', purpose: 'drop-copy' }, OTHER: {} };
const open = async (settings: object = {}, fix: object = {}): Promise<VenueUnderTest> => {
  world = await VenueUnderTest.open({
    selfTrade: 'allow',
    fix: { port: 0, sessions: SESSIONS, ...fix },
    ...settings,
  });
  return world;
};
const seated = async (venue: VenueUnderTest, options: Omit<FixMemberOptions, 'port'> = {}): Promise<FixMember> => {
  const member = await FixMember.up({ port: venue.ports['fix']!, ...options });
  members.push(member);
  return member;
};
const counted = (to: number, from = 1) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

test('orders, replaces and cancels are reported with sums, statuses and the chain of their ids', async () => {
  const venue = await open({}, { priceDecimals: 2 });
  const member = await seated(venue);
  member.order({ id: 'o1', side: '2', price: '1.00', quantity: '10' });
  member.order({ id: 'o2', side: '1', price: '1.01', quantity: '4' });
  member.replace('r1', 'o1', { price: '1.02', quantity: '12' });
  member.order({ id: 'o3', side: '1', price: '1.02', quantity: '2' });
  member.cancel('c1', 'r1');
  member.cancel('c2', 'o1');
  await member.expect('the refusal of c2', ({ msgType }) => msgType === '9');
  assert.deepEqual(member.received.map(brief), [
    '8 0/0 o1>',
    '8 0/0 o2>',
    '8 F/1 o1>',
    '8 F/2 o2>',
    '8 5/1 r1>o1',
    '8 0/0 o3>',
    '8 F/1 r1>',
    '8 F/2 o3>',
    '8 4/4 c1>r1',
    '9 -/4 c2>o1 too-late',
  ]);
  const traded = member.received[6]!;
  assert.deepEqual(
    [37, 17, 54, 38, 44, 32, 31, 151, 14, 6, 5001, 851].map((tag) => traded[tag]),
    ['o1', 'ACME-7', '2', '12', '1.02', '2', '1.02', '6', '6', '1.006666', '1', '1'],
  );
  assert.deepEqual(
    [37, 102, 434].map((tag) => member.received.at(-1)![tag]),
    ['o1', '0', '1'],
  );
  assert.deepEqual(member.reportNumbers(), counted(10));
});

test('what the exchange cannot do is refused in the message that belongs to it, and nothing is booked', async () => {
  const venue = await open({ symbols: ['X', 'Y'] }, { priceDecimals: 2 });
  const member = await seated(venue);
  member.order({ id: 'halves', price: '1.005' });
  member.order({ id: 'stop', more: [[99, '1.00']] });
  member.order({ id: 'expires', more: [[59, '6']] });
  member.order({ id: 'parts', quantity: '1.5' });
  member.order({ id: 'short', side: '5' });
  member.send('D', [[11, 'pegged'], [55, 'X'], [54, '1'], [38, '1'], [40, 'P']]); // biome-ignore format: one line
  member.order({ id: 'elsewhere', symbol: 'Z' });
  member.replace('r1', 'nobody', { price: '1.00', quantity: '1' });
  member.cancel('c1', 'nobody');
  member.send('q', [[11, 'm1'], [530, '4']]); // biome-ignore format: one line
  member.send('q', [[11, 'm2'], [530, '1'], [55, 'Z']]); // biome-ignore format: one line
  member.send('g', [[335, 't1'], [263, '0']]); // biome-ignore format: one line
  member.send('AF', [[584, 's1'], [585, '3']]); // biome-ignore format: one line
  await member.expect('the last answer', (each) => each[372] === 'AF');
  assert.deepEqual(
    member.received.map(
      (each) =>
        `${each.msgType} ${each[11] ?? each[379] ?? ''} ${each[103] ?? each[102] ?? each[532] ?? each[380]} ${each[58]}`,
    ),
    [
      '8 halves 99 Price (44) is missing, or is no whole number of ticks of 0.01',
      '8 stop 11 StopPx (99) is not supported',
      '8 expires 11 TimeInForce (59) must be 0, 1, 3 or 4',
      '8 parts 99 OrderQty (38) is missing, or is no whole number of lots',
      '8 short 11 Side (54) must be 1 (buy) or 2 (sell)',
      '8 pegged 11 OrdType (40) must be 1 (market) or 2 (limit)',
      '8 elsewhere 1 unknown-symbol',
      '9 r1 1 unknown-order',
      '9 c1 1 unknown-order',
      'r m1 0 MassCancelRequestType (530) must be 1 (a symbol) or 7 (all)',
      'r m2 1 unknown-symbol',
      'j  3 TradingSessionStatusRequest (g) is not offered here',
      'j  3 MassStatusReqType (585) must be 1 (a symbol that is traded here) or 7 (all)',
    ],
  );
  assert.equal(venue.server.venue.exchange.orders.count, 0);
});

test('status is told of one order, of all open ones, and of none', async () => {
  const venue = await open();
  const member = await seated(venue);
  member.order({ id: 'o1' });
  member.order({ id: 'o2', symbol: 'Y', side: '2', price: '200' });
  member.replace('r1', 'o1', { price: '99', quantity: '7' });
  member.send('H', [[11, 'o1'], [54, '1'], [790, 'q1']]); // biome-ignore format: one line
  member.send('H', [[11, 'none'], [54, '1']]); // biome-ignore format: one line
  member.send('AF', [[584, 's1'], [585, '7']]); // biome-ignore format: one line
  member.send('AF', [[584, 's2'], [585, '1'], [55, 'Y']]); // biome-ignore format: one line
  member.send('AF', [[584, 's3'], [585, '7'], [54, '2'], [55, 'Y']]); // biome-ignore format: one line
  member.send('AF', [[584, 's4'], [585, '1'], [55, 'Q']]); // biome-ignore format: one line
  await member.expect('the last answer', (each) => each[584] === 's4');
  const answers = member.received.filter((each) => each[150] === 'I');
  assert.deepEqual(
    answers.map((each) =>
      [37, 11, 39, 38, 44, 151, 584, 911, 912]
        .map((tag) => each[tag] ?? '')
        .join(' ')
        .trim(),
    ),
    [
      'o1 r1 0 7 99 7',
      'NONE none 8   0',
      'o1 r1 0 7 99 7 s1 2 N',
      'o2 o2 0 10 200 10 s1 2 Y',
      'o2 o2 0 10 200 10 s2 1 Y',
      'o2 o2 0 10 200 10 s3 1 Y',
      'NONE  8   0 s4 0 Y',
    ],
  );
  assert.equal(answers[0]![790], 'q1');
});

test('what a firm traded, and who else could act for it, is told behind its reports', async () => {
  const venue = await open();
  const member = await seated(venue);
  const binary = await venue.seated({ session: 'other' });
  member.order({ id: 'o1', quantity: '10' });
  member.order({ id: 'o2', side: '2', quantity: '4' });
  member.order({ id: 'o3', symbol: 'Y' });
  member.send('U1', [[5010, 'q1']]); // biome-ignore format: one line
  const told = await member.expect('the answer', ({ msgType }) => msgType === 'U2');
  assert.deepEqual(
    [5010, 5011, 5012, 5016, 912, 5013, 55, 5014, 5015].map((tag) => told[tag]),
    ['q1', '1', '0', '5', 'Y', '1', 'X', '4', '4'],
  );
  assert.equal(member.received.at(-1), told);
  binary.close();
});

test('a mass cancel ends what it names and says how many', async () => {
  const venue = await open();
  const member = await seated(venue);
  for (const [id, symbol, side, price] of [
    ['1', 'X', '1', '10'],
    ['2', 'X', '2', '20'],
    ['3', 'Y', '1', '10'],
  ] as const)
    member.order({ id, symbol, side, price });
  member.send('q', [[11, 'm1'], [530, '1'], [55, 'X'], [54, '2']]); // biome-ignore format: one line
  member.send('q', [[11, 'm2'], [530, '7']]); // biome-ignore format: one line
  member.send('q', [[11, 'm2'], [530, '7']], true); // biome-ignore format: one line
  await member.expect('the last answer', (each) => each[58] === 'duplicate');
  assert.deepEqual(
    member.received.slice(3).map((each) => `${brief(each)} ${each[531] ?? ''} ${each[533] ?? ''}`.trim()),
    [
      '8 4/4 2> mass-cancelled',
      'r -/- m1> 1 1',
      '8 4/4 1> mass-cancelled',
      '8 4/4 3> mass-cancelled',
      'r -/- m2> 7 2',
      'r -/- m2> duplicate 7 0',
    ],
  );
});

test('an order that comes again is booked once, and who says so is told how it stands', async () => {
  const venue = await open();
  const member = await seated(venue);
  member.order({ id: 'o1' });
  member.order({ id: 'o1', possResend: true });
  member.order({ id: 'o1' });
  member.order({ id: 'o1', price: '101', possResend: true });
  member.cancel('c1', 'o1');
  member.cancel('c1', 'o1', true);
  member.cancel('c1', 'o1');
  await member.expect('the last answer', ({ msgType }) => msgType === '9');
  assert.deepEqual(
    member.received.map((each) => `${brief(each)} ${each[103] ?? each[102] ?? ''}`.trim()),
    [
      '8 0/0 o1>',
      '8 I/0 o1> duplicate',
      '8 8/8 o1> duplicate 6',
      '8 8/8 o1> altered-duplicate 6',
      '8 4/4 c1>o1',
      '8 I/4 o1> duplicate',
      '9 -/4 c1>o1 duplicate 6',
    ],
  );
  assert.equal(venue.server.venue.exchange.orders.count, 1);
});

test('reports of a time without connection come with the next logon, also after a restart of the exchange', async () => {
  const venue = await open();
  const first = await seated(venue);
  first.order({ id: 'o1', quantity: '5' });
  await first.report('0', 'o1');
  first.close();
  const line = await venue.seated({ firm: 'OTHER', session: 'lines' });
  line.new({ id: 'x1', side: 1, price: 100, quantity: 2 });
  await line.expect(({ kind }) => kind === 'fill');
  await venue.restart();
  const lines = await venue.seated({ firm: 'OTHER', session: 'lines' });
  lines.new({ id: 'x2', side: 1, price: 100, quantity: 1 });
  await lines.expect(({ kind, id }) => kind === 'fill' && id === 'x2');
  const second = await seated(venue, { log: first.log });
  second.order({ id: 'o2', symbol: 'Y' });
  await second.report('0', 'o2');
  assert.deepEqual(
    [...first.received, ...second.received].map((each) => `${brief(each)} ${each[14]}`),
    ['8 0/0 o1> 0', '8 F/1 o1> 2', '8 F/1 o1> 3', '8 0/0 o2> 0'],
  );
  assert.deepEqual(second.reportNumbers(), [2, 3, 4]);
  assert.equal(second.received[0]!.possDup, true);
  line.close();
  lines.close();
});

test('the drop copy has every report of the firm, whatever the protocol, and takes no orders', async () => {
  const venue = await open();
  const copy = await seated(venue, { compId: 'ACME-COPY', epoch: null });
  const member = await seated(venue);
  const binary = await venue.seated({ session: 'other' });
  member.order({ id: 'o1' });
  await member.report('0', 'o1');
  binary.new({ id: 'b1', side: 1, price: 100 });
  await copy.report('F', 'b1');
  copy.order({ id: 'mine' });
  const refused = await copy.expect('the refusal', ({ msgType }) => msgType === 'j');
  assert.deepEqual([refused[380], refused[58], refused[379]], ['6', 'this session gets reports only', 'mine']);
  assert.deepEqual(copy.reportNumbers(), [1, 2, 3, 4]);
  await member.report('F', 'b1');
  assert.deepEqual(member.reportNumbers(), [1, 2, 3, 4]);
  binary.close();
});

test('an older epoch is refused, a newer one takes over, and what the old connection still sends is not looked at', async () => {
  const venue = await open();
  const old = await seated(venue, { epoch: 3 });
  const log = old.log;
  old.order({ id: 'o1' });
  await old.report('0', 'o1');
  const now = await seated(venue, { epoch: 4, log });
  old.initiator.link.send('D', Buffer.from('11=late\u0001'));
  await waitUntil('the old connection is gone', () => old.notices.some(({ kind }) => kind === 'down'));
  await waitUntil('it is refused', () => old.notices.filter(({ kind }) => kind === 'down').length > 1);
  old.close();
  now.order({ id: 'o2' });
  await now.report('0', 'o2');
  assert.equal(venue.server.venue.exchange.orders.count, 2);
  now.close();
  const late = new FixMember({ port: venue.ports['fix']!, epoch: 3, log });
  members.push(late);
  late.initiator.start();
  await waitUntil('it hears why', () =>
    late.notices.some((each) => each.kind === 'down' && /stale-epoch: the firm's epoch is 4/.test(each.reason)),
  );
  assert.ok(venue.server.port.stale.of(venue.server.port.member('ACME')).staleLogonsRefused >= 2);
});

test('a newer epoch on another protocol ends the FIX session with a reason', async () => {
  const venue = await open();
  const member = await seated(venue, { epoch: 3 });
  const line = await venue.line();
  line.send({ t: 'fence', firm: 'ACME', epoch: 5 });
  await line.expect(({ t }) => t === 'fence-ok');
  await waitUntil('it is told', () =>
    member.notices.some((each) => each.kind === 'goodbye' && /stale-epoch/.test(each.text)),
  );
  line.close();
});

test('without epochs the password decides; a second connection with it takes the session over', async () => {
  const venue = await open({ sessions: { mode: 'credentials', passwords: { ACME: 'secret', OTHER: 'other' } } });
  const wrong = new FixMember({ port: venue.ports['fix']!, epoch: null, password: 'guess' });
  members.push(wrong);
  wrong.initiator.start();
  await waitUntil('it is refused', () =>
    wrong.notices.some((each) => each.kind === 'down' && /not-authorised/.test(each.reason)),
  );
  wrong.close();
  const first = await seated(venue, { epoch: null, password: 'secret', log: wrong.log });
  const stranger = new FixMember({ port: venue.ports['fix']!, epoch: null, password: 'guess', log: first.log });
  members.push(stranger);
  stranger.initiator.start();
  await waitUntil('it is turned away', () => stranger.notices.some(({ kind }) => kind === 'down'));
  stranger.close();
  first.order({ id: 'o1' });
  await first.report('0', 'o1');
  assert.equal(first.notices.filter(({ kind }) => kind === 'down').length, 0);
});

test('orders of a lost session end after the grace; a goodbye and a takeover keep them', async () => {
  const venue = await open({ sessions: { cancelOnDisconnect: 'all', graceMs: 0 } });
  const copy = await seated(venue, { compId: 'ACME-COPY', epoch: null });
  const polite = await seated(venue);
  polite.order({ id: 'polite' });
  await polite.report('0', 'polite');
  polite.initiator.logout('bye');
  await waitUntil('it is down', () => polite.initiator.link.state === 'down');
  const lost = await seated(venue, { log: polite.log });
  lost.order({ id: 'kept' });
  await lost.report('0', 'kept');
  const taken = await seated(venue, { log: lost.log });
  lost.close();
  taken.order({ id: 'gone' });
  await taken.report('0', 'gone');
  assert.equal(copy.received.filter((each) => each[150] === '4').length, 0);
  taken.initiator.link.cut('the test pulls the plug');
  taken.close();
  await copy.expect('all three end', (each) => each[37] === 'gone' && each[150] === '4');
  assert.deepEqual(copy.received.filter((each) => each[150] === '4').map(brief), [
    '8 4/4 polite> disconnected',
    '8 4/4 kept> disconnected',
    '8 4/4 gone> disconnected',
  ]);
  const off = await seated(venue, { log: taken.log, cancelOnDisconnect: 'off' });
  off.order({ id: 'stays' });
  await off.report('0', 'stays');
  off.close();
  const after = await seated(venue, { log: off.log });
  after.send('AF', [[584, 's'], [585, '7']]); // biome-ignore format: one line
  assert.equal((await after.expect('it', (each) => each[584] === 's'))[37], 'stays');
});

test('a session that begins again at 1 is told what happens from then on, also after a restart', async () => {
  const venue = await open();
  const first = await seated(venue);
  first.order({ id: 'o1' });
  await first.report('0', 'o1');
  first.close();
  const again = await seated(venue, { session: { resetOnLogon: true } });
  again.close();
  await venue.restart();
  const after = await seated(venue, { log: again.log });
  after.order({ id: 'o2' });
  await after.report('0', 'o2');
  assert.deepEqual(after.reportNumbers(), [2]);
});

test('an order that is only to be checked is answered and not booked', async () => {
  const venue = await open();
  const member = await seated(venue);
  member.order({ id: 't1', more: [[5004, 'Y']] });
  member.order({ id: 't2', price: '0', more: [[5004, 'Y']] });
  await member.report('I', 't2');
  assert.deepEqual(
    member.received.map((each) => `${brief(each)} ${each[103] ?? ''}`.trim()),
    ['8 I/0 t1>', '8 I/8 t2> bad-order 99'],
  );
  assert.equal(venue.server.venue.exchange.orders.count, 0);
});
