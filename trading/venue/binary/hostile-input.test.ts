import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ExchangeClient } from '../../testing/exchange-client.ts';
import { LineClient } from '../../testing/line-client.ts';
import { VenueUnderTest } from '../../testing/venue-under-test.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { MESSAGES, VERSION } from '../../venue-protocol/layout.ts';

let world: VenueUnderTest | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

/** The same numbers for the same seed. */
const draws = (seed: number): ((below: number) => number) => {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

const message = (draw: (below: number) => number): Buffer => {
  const layouts = Object.values(MESSAGES);
  const { type, length } = layouts[draw(layouts.length)]!;
  const bytes = Buffer.alloc(length);
  for (let at = 8; at < length; at++) bytes[at] = draw(3) === 0 ? draw(256) : 0;
  bytes.writeUInt16LE(draw(20) === 0 ? draw(0x1_0000) : length, 0);
  bytes[2] = draw(30) === 0 ? draw(256) : type;
  bytes[3] = draw(30) === 0 ? draw(256) : VERSION;
  return bytes;
};

const CONNECTIONS = Number(process.env['HOLDFAST_HOSTILE_CONNECTIONS'] ?? 150);

test('hostile members get clear rejects or are cut, the exchange goes on, and a good member loses nothing', async (context) => {
  world = await VenueUnderTest.open();
  const venue = world;
  const good = await venue.seated({ firm: 'GOOD' });
  const draw = draws(20_261_121);
  let sent = 0;
  const codes = new Map<string, number>();
  let cut = 0;
  for (let at = 0; at < CONNECTIONS; at++) {
    good.new({ id: `g${at}`, side: 0, price: 1 + (at % 9) });
    const bad = await ExchangeClient.open(venue.ports['binary']!);
    if (draw(3) > 0) bad.logon({ firm: 'BAD', session: `s${draw(4)}`, epoch: 1, next: draw(2) });
    const count = 1 + draw(40);
    for (let each = 0; each < count; each++) bad.raw(message(draw));
    sent += count;
    // What comes before it was read when this is answered; a connection that was cut answers nothing more.
    bad.status();
    await waitUntil(
      'the exchange is through with it',
      () => bad.closed || bad.received.some(({ t }) => t === 'status-end' || t === 'reject'),
    );
    for (const { t, code } of bad.received) {
      assert.notEqual(t, 'broken');
      if (t === 'reject') codes.set(String(code), (codes.get(String(code)) ?? 0) + 1);
    }
    if (bad.closed) cut += 1;
    bad.close();
  }
  await good.expect(({ id }) => id === `g${CONNECTIONS - 1}`);
  assert.deepEqual(
    good.reports().map(({ n }) => n),
    Array.from({ length: CONNECTIONS }, (_, at) => at + 1),
  );
  assert.ok(!codes.has(''), 'a reject without a reason');
  assert.ok(
    ['bad-field', 'bad-frame', 'unknown-type', 'bad-version'].every((code) => codes.has(code)),
    [...codes].join(' '),
  );
  context.diagnostic(
    `${sent} messages over ${CONNECTIONS} connections; cut ${cut}; ${[...codes].map(([code, n]) => `${code} ${n}`).join(', ')}`,
  );
  await venue.restart();
});

test('hostile lines are refused or cut off, and the exchange goes on', async () => {
  world = await VenueUnderTest.open();
  const venue = world;
  const lines = [
    'x'.repeat(70_000),
    '{"t":',
    '[]',
    'null',
    '{"t":"logon"}',
    '{"t":"logon","firm":"../../etc/passwd","session":"s","epoch":1}',
    '{"t":"logon","firm":"A","session":"s","epoch":-1}',
    '{"t":"logon","firm":"A","session":"s","epoch":1e400}',
    '{"t":"new","id":"1"}',
    '{"t":"fence","firm":"A","epoch":9007199254740993}',
    '{"t":"drop-copy","firm":"A","after":99999999}',
    '{"t":"status","firm":"A","ids":["\\u0000","é","漢字"]}',
    '{"t":"admin","token":"guess","phase":"closed"}',
    '{"t":"__proto__","__proto__":{"t":"admin"}}',
  ];
  for (const line of lines) {
    const client = await LineClient.open(venue.ports['venue']!);
    client.sendText(`${line}\n`);
    client.send({ t: 'counters' });
    await waitUntil('it is answered or cut', () => client.closed || client.received.length > 0);
    client.close();
  }
  const member = await LineClient.open(venue.ports['venue']!);
  member.send({ t: 'logon', firm: 'ACME', session: 's', epoch: 1 }, { t: 'drop-copy' });
  const order = { t: 'new', symbol: 'X', side: 'B', price: 1, qty: 1 };
  const wrong = [
    { price: 1.5 },
    { qty: -1 },
    { side: 'X' },
    { tif: 'never' },
    { type: 7 },
    { selfTrade: 'maybe' },
    { id: 'é漢' },
  ];
  member.send(...wrong.map((each, at) => ({ ...order, id: `w${at}`, ...each })), { ...order, id: 'good' });
  await member.expect(({ t, id }) => t === 'report' && id === 'good');
  assert.equal(member.received.filter(({ code }) => code === 'bad-message').length, wrong.length);
  member.close();
});
