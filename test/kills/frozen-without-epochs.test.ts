import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { JsonRecord } from '../../trading/base/json-record.ts';
import { isOpen } from '../../trading/testing/agreement.ts';
import { leaseIn, TradingWorld, untilReleasing } from '../../trading/testing/trading-world.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { MESSAGES, SESSIONS } from '../../trading/venue-protocol/layout.ts';
import { lengthFirst } from '../hostile/framing.ts';
import { RecordingRelay } from '../hostile/recording-relay.ts';
import { AlteringRelay } from '../integration/altering-relay.ts';

const LEASE_MS = 600_000;
const FRAMES = lengthFirst({ bytes: 2, countsItself: true });
const NAMES = new Map(Object.entries(MESSAGES).map(([name, { type }]) => [type as number, name]));

/** What an engine said to the exchange, in its order, heartbeats left out. */
const said = (relay: RecordingRelay): string[] =>
  relay.sessions
    .flatMap((bytes) => FRAMES.split(bytes))
    .map((frame) => NAMES.get(frame[2] ?? 0) ?? 'torn')
    .filter((name) => name !== 'heartbeat');

test('where sessions have no epochs a successor reconciles nothing before the exchange says that the frozen primary has no session any more', async () => {
  const sessions = { mode: 'credentials', passwords: { ACME: 'p' } };
  const world = await TradingWorld.open({ fillShare: 0, venue: { sessions } });
  after(() => world.close());
  const binary = world.venue.port('binary');
  const ofOld = await AlteringRelay.open(binary, 'binary');
  const ofNew = await AlteringRelay.open(binary, 'binary');
  const recorded = await RecordingRelay.open(ofNew.port);
  for (const relay of [ofOld, ofNew, recorded]) world.onClose(() => relay.close());
  const venue = { firm: 'ACME', password: 'p' };
  const a = await world.engine('a', { venue: { ...venue, port: ofOld.port } });
  const b = await world.engine('b', { venue: { ...venue, port: recorded.port } });
  await a.promote(1, ['b'], LEASE_MS);
  await b.follow(1, a);
  await untilReleasing(a);
  await isOpen(a);

  // In doubt: acknowledged and written to the exchange, and on its way there for as long as the primary is frozen.
  ofOld.hold(true);
  const client = await a.client('c');
  const terms = { symbol: 'X', side: 'B', price: 10, qty: 5 };
  client.send({ t: 'new', id: 'in-doubt', ...terms });
  await client.expect(({ t, id }) => t === 'ack' && id === 'in-doubt');
  a.process.signal('SIGSTOP');
  let seated = 1;
  ofNew.alterFrame = (frame) => {
    if (frame[2] === SESSIONS.type) frame.writeUInt32LE(seated, SESSIONS.fields.others[0]);
  };
  await b.must('fence', { epoch: 2 });
  const promotion = b.promote(2, [], LEASE_MS);
  const asked = (): number => said(recorded).filter((name) => name === 'sessions-request').length;
  await waitUntil('the successor has asked again and again', () => asked() >= 3);
  assert.deepEqual(
    [...new Set(said(recorded))],
    ['fence', 'logon', 'sessions-request', 'positions-request'],
    'nothing is sent or asked about orders while another session is seated',
  );
  assert.match((await b.status()).interlock!.waitingFor.join(), /session: 1 other sessions of the firm are connected/);
  assert.equal((await world.dropCopy()).length, 0);

  seated = 0;
  await promotion;
  await isOpen(b);
  const all = said(recorded);
  assert.ok(all.indexOf('new') > all.lastIndexOf('logon') && all.indexOf('new') > 3, all.join(' '));
  const { venues } = (await b.must('takeover', {})) as { venues: Readonly<Record<string, JsonRecord>> };
  assert.equal(venues['venue']!['session'], 'word');

  // Thawed, with a lease that still runs, and all that it had said let through at last.
  ofOld.hold(false);
  a.process.signal('SIGCONT');
  await a.call('lease', { epoch: 1, leaseUntilNs: leaseIn(LEASE_MS) });
  await waitUntil('the thawed one has stopped', async () => (await a.status()).role === 'fenced');
  const fresh = await b.client('c');
  fresh.send({ t: 'new', id: 'after', ...terms });
  await waitUntil('it is at the exchange', async () => (await world.dropCopy()).length >= 2);
  assert.deepEqual(
    (await world.dropCopy()).map(({ kind, id }) => `${kind} ${id}`),
    ['accepted in-doubt', 'accepted after'],
    'what was in doubt is entered once, by the successor',
  );
});
