import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../replication/seeded-random.ts';
import { KeptSession } from './kept-session.ts';
import type { FixEntry } from './session-entry.ts';
import { readSessionImage, writeSessionImage } from './session-image.ts';

const SESSION = 'exchange é';

/** What a session writes in turn: messages, numbers set aside, what came, and at times a reset. */
const entriesOf = (seed: number, count: number): FixEntry[] => {
  const random = seededRandom(seed);
  let [nextOut, nextIn] = [1, 1];
  return Array.from({ length: count }, (): FixEntry => {
    const drawn = random();
    if (drawn < 0.01) {
      [nextOut, nextIn] = [1, 1];
      return { kind: 'fix-reset', session: SESSION };
    }
    if (drawn < 0.1) {
      nextOut += 1 + Math.floor(random() * 64);
      return { kind: 'fix-numbers', session: SESSION, next: nextOut };
    }
    if (drawn < 0.3) {
      nextIn += 1;
      return { kind: 'fix-received', session: SESSION, next: nextIn };
    }
    const seq = nextOut++;
    const fields = Buffer.from(`11=${'o'.repeat(Math.floor(random() * 40))}${seq}\u0001`);
    return { kind: 'fix-sent', session: SESSION, seq, msgType: 'D', sendingMs: seq, possResend: drawn > 0.9, fields };
  });
};

const applied = (kept: KeptSession, entries: readonly FixEntry[], from: number): KeptSession => {
  for (const [at, entry] of entries.entries()) kept.apply(entry, from + at);
  return kept;
};

/** Its numbers, and what it answers to every one of them; `entries` is the journal, from its first entry on. */
const told = (kept: KeptSession, entries: readonly FixEntry[]): unknown => {
  kept.readWith((place) => entries[place - 1] ?? null);
  const messages = Array.from({ length: kept.numbers.nextOut }, (_, number) => {
    const message = kept.get(number);
    return message === null ? null : [message.seq, message.possResend, Buffer.from(message.fields).toString()];
  });
  return { ...kept.numbers, messages };
};

test('a restored session is the one that it was taken of, and goes on like it', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const entries = entriesOf(seed, 600);
    const taken = 50 + seed * 12;
    // Some are no longer in memory: those are where they were in the journal.
    const whole = applied(new KeptSession(SESSION, { inMemory: 64 }), entries.slice(0, taken), 1);
    const image = writeSessionImage(whole);
    const { kept, end } = readSessionImage(Buffer.concat([Buffer.alloc(3), image, Buffer.alloc(5)]), 3);
    assert.deepEqual([end, kept.session], [3 + image.length, SESSION]);
    assert.deepEqual(told(kept, entries), told(whole, entries), `seed ${seed}`);
    assert.ok(writeSessionImage(kept).equals(image));
    for (const each of [kept, whole]) applied(each, entries.slice(taken), taken + 1);
    assert.deepEqual(told(kept, entries), told(whole, entries), `seed ${seed}, later`);
  }
});

test('what the journal no longer has is answered as a number without a message, what is in memory is not asked of it', () => {
  const entries = entriesOf(7, 300).filter(({ kind }) => kind !== 'fix-reset');
  const kept = applied(new KeptSession(SESSION, { inMemory: 64 }), entries, 1);
  const { nextOut } = kept.numbers;
  const before = Array.from({ length: nextOut }, (_, seq) => entries.some((each) => 'seq' in each && each.seq === seq));
  const asked: number[] = [];
  kept.readWith((place) => {
    asked.push(place);
    return 'gone';
  });
  const answered = before.map((_, seq) => kept.get(seq) !== null);
  assert.ok(asked.length > 20);
  assert.deepEqual(answered.slice(nextOut - 64), before.slice(nextOut - 64));
  assert.equal(answered.filter(Boolean).length, before.filter(Boolean).length - asked.length);
});

test('an image that was cut off, lengthened or is of another session is none', () => {
  const image = writeSessionImage(applied(new KeptSession(SESSION), entriesOf(3, 40), 1));
  for (let length = 1; length < image.length; length++)
    assert.throws(() => readSessionImage(image.subarray(0, length), 0), /image of a FIX session|RangeError/);
  const longer = Buffer.concat([image, Buffer.alloc(8)]);
  longer.writeUInt32LE(longer.length, 0);
  assert.throws(() => readSessionImage(longer, 0), /longer than what it holds/);
  const renamed = Buffer.from(image);
  renamed.write('E', 32);
  assert.throws(() => readSessionImage(renamed, 0), /holds something else/);
});
