import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../replication/seeded-random.ts';
import { fixFrame } from '../testing/fix-text.ts';
import { ACCEPTOR, INITIATOR, SessionUnderTest } from '../testing/session-under-test.ts';
import { FrameReader } from './frame-reader.ts';
import { messageSpec } from './message-table.ts';

const WORLDS = Number(process.env.HOLDFAST_FIX_FUZZ ?? 300);
const TYPES = [
  '0',
  '1',
  '2',
  '3',
  '4',
  '5',
  'A',
  'D',
  'F',
  'G',
  '8',
  '9',
  'H',
  'AF',
  'q',
  'j',
  'g',
  'h',
  'f',
  'B',
  'ZZ',
  '',
];
const TAGS = [
  1, 7, 11, 16, 36, 37, 38, 40, 43, 44, 45, 54, 55, 58, 60, 95, 96, 97, 98, 108, 112, 122, 123, 141, 371, 373, 453, 448,
  447, 789, 802, 4000, 5001, 99999, 123456,
];

/** Whole frames with right checksums and anything in them. */
const hostileText = (random: () => number, nextIn: number): string => {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const value = (): string => {
    switch (Math.floor(random() * 9)) {
      case 0:
        return '';
      case 1:
        return 'Y';
      case 2:
        return String(Math.floor(random() * 20));
      case 3:
        return '-1';
      case 4:
        return '9'.repeat(1 + Math.floor(random() * 40));
      case 5:
        return '20260105-09:00:00';
      case 6:
        return String.fromCharCode(...Array.from({ length: 5 }, () => 2 + Math.floor(random() * 250))).replaceAll(
          '|',
          '!',
        );
      case 7:
        return 'x'.repeat(Math.floor(random() * 600));
      default:
        return String(nextIn - 2 + Math.floor(random() * 5));
    }
  };
  const seq = random() < 0.8 ? String(nextIn) : value();
  const fields = Array.from({ length: Math.floor(random() * 8) }, () => `${pick(TAGS)}=${value()}`);
  const type = pick(TYPES);
  if (random() < 0.7) for (const tag of messageSpec(type)?.required ?? []) fields.push(`${tag}=${value()}`);
  if (random() < 0.05) fields.push('no tag', '=x');
  const head = random() < 0.95 ? `34=${seq}` : value();
  return [`35=${type}`, head, ...fields].join('|');
};

const happen = (session: SessionUnderTest, random: () => number, nextIn: number): void => {
  const drawn = random();
  const flip = (byte: number) => (random() < 0.01 ? byte ^ 4 : byte);
  if (drawn < 0.1) session.order(`o${Math.floor(drawn * 1e6)}`);
  else if (drawn < 0.2) session.pass(random() * 40_000);
  else if (drawn < 0.3) session.receiveBytes(Buffer.from(fixFrame(hostileText(random, nextIn)).map(flip)));
  else session.receive(hostileText(random, nextIn));
};

test('whatever a peer puts into its messages, the session neither fails nor sends what is no FIX, and its numbers only grow', (context) => {
  const counts: Record<string, number> = {};
  const count = (name: string) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  for (let seed = 1; seed <= WORLDS; seed++) {
    const random = seededRandom(seed);
    const options = { ...(random() < 0.5 ? ACCEPTOR : INITIATOR), acceptReset: false, useNextExpected: random() < 0.5 };
    const session = new SessionUnderTest(options);
    for (let at = 0; at < 60; at++) {
      if (session.core.state === 'down') {
        session.connect();
        count('connections');
      }
      const { nextIn, nextOut } = session.core.numbers;
      const before = session.core.numbers;
      if (session.core.state === 'awaiting-logon' || session.core.state === 'logon-sent')
        session.receive(`35=A|34=${nextIn}|98=0|108=30${random() < 0.3 ? `|789=${nextOut}` : ''}`);
      else happen(session, random, nextIn);
      assert.ok(session.core.numbers.nextIn >= before.nextIn, `seed ${seed}`);
      assert.ok(session.core.numbers.nextOut >= before.nextOut, `seed ${seed}`);
      const reader = new FrameReader({
        onMessage: (message) => {
          count(`sent ${message.msgType}`);
          assert.equal(message.problem, null, message.toString());
        },
        onGarbled: (found) => assert.fail(`seed ${seed}: ${found}`),
      });
      for (const frame of session.frames()) reader.push(frame);
    }
    for (const { kind } of session.notices) count(kind);
    counts['delivered'] = (counts['delivered'] ?? 0) + session.delivered.length;
  }
  context.diagnostic(JSON.stringify(counts));
  if (WORLDS < 100) return;
  for (const name of ['sent 3', 'sent 5', 'sent j', 'sent 2', 'sent 4', 'garbled', 'ignored'])
    assert.ok((counts[name] ?? 0) > 0, `no world had any ${name}`);
});
