import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../src/core/base/canonical-json.ts';
import { type Revision, revision } from '../../src/core/base/ids.ts';
import type { AuthorityPort, RangeOutcome, Transaction, TransactionOutcome } from '../../src/engine/authority-port.ts';
import { LivedTime } from '../builders/lived-time.ts';
import type { AuthorityHarness } from './authority-harness.ts';
import { eventually, WatchLog } from './watch-log.ts';

const deadlineMs = 15_000;
const absent = revision(0);
type Found = Extract<RangeOutcome, { kind: 'ok' }>;

/** What the engine relies on, whatever store stands behind `AuthorityPort`. Servers are real processes. */
export function authorityContract(name: string, makeHarness: () => Promise<AuthorityHarness>): void {
  describe(`authority contract: ${name}`, { concurrency: false }, () => {
    let harness: AuthorityHarness;
    let authority: AuthorityPort;
    let cases = 0;
    const prefix = () => `case-${++cases}/`;

    before(async () => {
      harness = await makeHarness();
      authority = harness.open();
    });
    after(async () => harness?.close());

    test('it says what it is', async () => {
      await read(authority, prefix());
      assert.deepEqual([authority.kind, authority.voters], [harness.kind, harness.voters]);
    });

    test('a compare-and-set on the present revision commits and moves it', async () => {
      const key = `${prefix()}a`;
      const first = await commit(authority, put(key, 1, absent));
      const second = await commit(authority, put(key, { two: [2, null, 'ü'] }, first));
      assert.ok(second > first);
      const found = await read(authority, key);
      assert.deepEqual(found.entries, { [key]: { value: { two: [2, null, 'ü'] }, revision: second } });
      assert.ok(found.revision >= second);
    });

    test('a compare-and-set on an old revision changes nothing and shows every compared key as it is', async () => {
      const [a, b] = keys(prefix());
      const first = await commit(authority, put(a, 1, absent));
      const outcome = await authority.transact(
        {
          compare: [
            { key: a, revision: absent },
            { key: b, revision: absent },
          ],
          put: [
            { key: a, value: 9 },
            { key: b, value: 9 },
          ],
        },
        { deadlineMs },
      );
      assert.deepEqual(outcome, { kind: 'conflict', current: { [a]: { value: 1, revision: first }, [b]: null } });
      assert.equal((await read(authority, b)).entries[b], undefined);
    });

    test('all keys of a transaction change at one revision', async () => {
      const [a, b, c] = keys(prefix());
      const first = await commit(authority, put(c, 'old', absent));
      const both = await commit(authority, {
        compare: [
          { key: a, revision: absent },
          { key: c, revision: first },
        ],
        put: [
          { key: a, value: 1 },
          { key: b, value: 2 },
        ],
        remove: [c],
      });
      const found = await read(authority, a.slice(0, -1));
      assert.deepEqual(found.entries, { [a]: { value: 1, revision: both }, [b]: { value: 2, revision: both } });
    });

    test('a reader never sees half of a transaction', async () => {
      const at = prefix();
      const [a, b] = keys(at);
      await commit(authority, {
        compare: [],
        put: [
          { key: a, value: 50 },
          { key: b, value: 50 },
        ],
      });
      const reader = harness.open();
      const sums: number[] = [];
      let writing = true;
      const reading = (async () => {
        while (writing) {
          const { entries } = await read(reader, at);
          sums.push(Number(entries[a]?.value) + Number(entries[b]?.value));
        }
      })();
      for (let moved = 1; moved <= 40; moved++)
        await commit(authority, {
          compare: [],
          put: [
            { key: a, value: 50 - moved },
            { key: b, value: 50 + moved },
          ],
        });
      writing = false;
      await reading;
      assert.ok(sums.length > 0 && sums.every((sum) => sum === 100), `sums seen: ${[...new Set(sums)]}`);
    });

    test('a read that starts after a write was acknowledged sees it, from any client', async () => {
      const key = `${prefix()}a`;
      const readers = [harness.open(), harness.open(), harness.open()];
      let last = absent;
      for (let value = 0; value < 20; value++) {
        last = await commit(authority, put(key, value, last));
        for (const found of await Promise.all(readers.map((reader) => read(reader, key))))
          assert.equal(found.entries[key]?.revision, last);
      }
    });

    test('what no store could accept is refused before it is proposed', async () => {
      const key = `${prefix()}a`;
      const twice: Transaction = { compare: [], put: [{ key, value: 1 }], remove: [key] };
      assert.equal((await authority.transact(twice, { deadlineMs })).kind, 'refused');
      const nameless: Transaction = { compare: [], put: [{ key: '', value: 1 }] };
      assert.equal((await authority.transact(nameless, { deadlineMs })).kind, 'refused');
      assert.deepEqual((await read(authority, key)).entries, {});
    });

    test('a watch delivers each transaction as one event, in order, below its prefix only', async () => {
      const at = prefix();
      const [a, b] = keys(at);
      const from = await read(authority, at);
      const log = new WatchLog(authority, at, from.revision);
      const first = await commit(authority, {
        compare: [],
        put: [
          { key: a, value: 1 },
          { key: b, value: 2 },
          { key: `x${at}`, value: 3 },
        ],
      });
      const second = await commit(authority, { compare: [], put: [], remove: [a] });
      await log.until((seen) => seen.changes.length === 2, 'two changes');
      log.close();
      assert.deepEqual(
        log.changes.map((event) => [
          event.revision,
          [...event.changes].sort((left, right) => (left.key < right.key ? -1 : 1)),
        ]),
        [
          [
            first,
            [
              { key: a, value: 1 },
              { key: b, value: 2 },
            ],
          ],
          [second, [{ key: a, value: null }]],
        ],
      );
    });

    test('a watch that starts in the past delivers what happened since', async () => {
      const at = prefix();
      const from = (await read(authority, at)).revision;
      const written = await writeMany(authority, `${at}a`, 25);
      const log = new WatchLog(harness.open(), at, revision(written[9]!));
      await log.until((seen) => seen.changes.length === 15, '15 changes');
      assert.deepEqual(log.revisions, written.slice(10));
      const whole = new WatchLog(harness.open(), at, from);
      await whole.until((seen) => seen.changes.length === 25, '25 changes');
      assert.deepEqual(whole.revisions, written);
      log.close();
      whole.close();
    });

    test('a watch has no gap and no repetition over connections that are cut again and again', async () => {
      const at = prefix();
      const watcher = harness.open();
      const log = new WatchLog(watcher, at, (await read(watcher, at)).revision);
      const written: number[] = [];
      let last = absent;
      for (let value = 0; value < 80; value++) {
        if (value % 16 === 8) harness.cutConnections();
        last = await commitOrFindOut(authority, `${at}a`, value, last);
        written.push(last);
      }
      await log.until((seen) => seen.changes.length >= written.length, 'every change');
      assert.deepEqual(log.revisions, written);
      log.close();
    });

    test('a black-holed connection is reported lost within about a second, and resumes without a gap', async () => {
      const at = prefix();
      const watcher = harness.open();
      const log = new WatchLog(watcher, at, (await read(watcher, at)).revision);
      const first = await commit(authority, put(`${at}a`, 1, absent));
      await log.until((seen) => seen.changes.length === 1, 'the first change');
      const silentFromMs = log.livedMs;
      harness.blackHole();
      try {
        await log.until((seen) => seen.kinds.includes('lost'), 'lost');
      } finally {
        harness.heal();
      }
      const noticedMs = log.events.at(-1)!.livedMs - silentFromMs;
      assert.ok(noticedMs < 1600, `noticed after ${noticedMs} ms`);
      await log.until((seen) => seen.kinds.includes('resumed'), 'resumed');
      const second = await commitOrFindOut(authority, `${at}a`, 2, first);
      await log.until((seen) => seen.changes.length === 2, 'the second change');
      assert.deepEqual(log.revisions, [first, second]);
      log.close();
    });

    test('a frozen store answers unknown at the deadline; reading and a further compare-and-set resolve it', async () => {
      const at = prefix();
      const key = `${at}a`;
      const before = await commit(authority, put(key, 'before', absent));
      const log = new WatchLog(authority, at, before);
      await harness.freeze();
      let outcomes: [TransactionOutcome, RangeOutcome];
      const waiting = new LivedTime();
      try {
        outcomes = await Promise.all([
          authority.transact(put(key, 'during', before), { deadlineMs: 500 }),
          authority.range(at, { deadlineMs: 500 }),
        ]);
        assert.ok(waiting.stop() < 1000, 'the deadline was kept');
        await log.until((seen) => seen.kinds.includes('lost'), 'lost');
      } finally {
        harness.thaw();
      }
      assert.deepEqual(
        outcomes.map((outcome) => outcome.kind),
        ['unknown', 'unknown'],
      );
      await eventually(
        async () => (await authority.range(at, { deadlineMs: 1000 })).kind === 'ok',
        'an answer after the thaw',
      );
      const settled = await settle(authority, key, 'after');
      assert.ok(['before', 'during'].includes(settled.replaced as string));
      await log.until((seen) => seen.revisions.at(-1) === settled.revision, 'the last change');
      log.close();
    });

    test('answers that come after the deadline disturb nothing', async () => {
      const at = prefix();
      const client = harness.open();
      await read(client, at);
      const wanted = await commit(authority, put(`${at}a`, 'mine', absent));
      await harness.freeze();
      const late = Array.from({ length: 5 }, (_, index) => client.range(`other-${index}/`, { deadlineMs: 100 }));
      const outcomes = await Promise.all(late);
      harness.thaw();
      assert.ok(outcomes.every((outcome) => outcome.kind === 'unknown'));
      for (let again = 0; again < 5; again++)
        assert.deepEqual((await read(client, at)).entries, { [`${at}a`]: { value: 'mine', revision: wanted } });
    });

    test('of concurrent compare-and-sets on one revision exactly one commits', async () => {
      const clients = [harness.open(), harness.open(), harness.open(), harness.open()];
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 8 }), {
            minLength: 1,
            maxLength: 6,
          }),
          async (rounds) => {
            const key = `${prefix()}a`;
            let last = absent;
            for (const contenders of rounds) {
              const outcomes = await Promise.all(
                contenders.map((client, index) =>
                  clients[client]!.transact(put(key, `${client}.${index}`, last), { deadlineMs }),
                ),
              );
              const winners = outcomes.flatMap((outcome, index) =>
                outcome.kind === 'committed' ? [{ outcome, index }] : [],
              );
              assert.equal(winners.length, 1);
              assert.ok(outcomes.every((outcome) => outcome.kind === 'committed' || outcome.kind === 'conflict'));
              const { outcome, index } = winners[0]!;
              const stored = (await read(clients[0]!, key)).entries[key];
              assert.deepEqual(stored, { value: `${contenders[index]}.${index}`, revision: outcome.revision });
              assert.ok(outcome.revision > last);
              last = outcome.revision;
            }
          },
        ),
        { numRuns: 8 },
      );
    });

    test('a store that is killed and started again keeps every acknowledged write, and watches go on', async () => {
      const at = prefix();
      const watcher = harness.open();
      const { incarnation } = await read(watcher, at);
      const written = await writeMany(authority, `${at}a`, 10);
      const log = new WatchLog(watcher, at, revision(written[0]! - 1));
      await log.until((seen) => seen.changes.length === 10, 'ten changes');
      await harness.restart();
      const found = await read(authority, at);
      assert.equal(found.entries[`${at}a`]?.revision, written.at(-1));
      assert.equal(found.incarnation, incarnation);
      const next = await commitOrFindOut(authority, `${at}a`, 'next', revision(written.at(-1)!));
      await log.until((seen) => seen.changes.length === 11, 'the change after the restart');
      assert.deepEqual(log.revisions, [...written, next]);
      assert.ok(log.kinds.indexOf('lost') < log.kinds.indexOf('resumed'), String(log.kinds));
      log.close();
    });

    test('a watch from a forgotten revision ends as compacted', async () => {
      const at = prefix();
      const from = await read(authority, at);
      await writeMany(authority, `${at}a`, 5);
      await harness.compact();
      const log = new WatchLog(authority, at, from.revision);
      await log.until((seen) => seen.kinds.includes('compacted'), 'compacted');
      await commit(authority, put(`${at}b`, 1, absent));
      const fresh = new WatchLog(authority, at, revision((await read(authority, at)).revision - 1));
      await fresh.until((seen) => seen.changes.length === 1, 'a watch from now works');
      assert.deepEqual(log.kinds, ['compacted']);
      fresh.close();
    });

    test('a closed client answers at once and never as committed', async () => {
      const client = harness.open();
      await client.close();
      const outcome = await client.transact(put(`${prefix()}a`, 1, absent), { deadlineMs });
      assert.equal(outcome.kind, 'refused');
      assert.equal((await client.range('', { deadlineMs })).kind, 'unknown');
    });

    test('data that went back is another incarnation: old revisions are refused, watches end, all clients agree', async () => {
      const at = prefix();
      const key = `${at}a`;
      const marks: { incarnation: string; revision: Revision }[] = [];
      const veteran = harness.open({ onHighestSeen: (mark) => marks.push(mark) });
      const original = await read(veteran, at);
      const kept = await commit(veteran, put(key, 'kept', absent));
      await harness.snapshot();
      const lostWrites = await writeMany(veteran, `${at}b`, 20);
      const log = new WatchLog(veteran, at, revision(lostWrites.at(-1)!));
      await harness.rollBack();

      assert.equal(marks.at(-1)?.revision, lostWrites.at(-1));
      await log.until((seen) => seen.kinds.includes('compacted'), 'the watch ends');
      await eventually(
        async () => (await veteran.transact(put(key, 'stale', kept), { deadlineMs: 2000 })).kind === 'refused',
        'a compare-and-set on revisions of the lost history is refused',
      );
      const found = await read(veteran, at);
      assert.notEqual(found.incarnation, original.incarnation);
      assert.deepEqual(Object.keys(found.entries), [key]);
      assert.equal(found.entries[key]?.value, 'kept');

      const restarted = harness.open({
        highestSeen: { incarnation: original.incarnation, revision: revision(lostWrites.at(-1)!) },
      });
      const newcomer = harness.open();
      for (const client of [restarted, newcomer, authority])
        assert.equal((await read(client, at)).incarnation, found.incarnation, 'every client reads one incarnation');
      const again = await commit(veteran, put(key, 'after', found.entries[key]!.revision));
      assert.ok(again > found.revision - 1);
    });

    test('a client that was away notices by its kept mark that the data went back', async () => {
      const at = prefix();
      const first = harness.open();
      const original = await read(first, at);
      await harness.snapshot();
      const written = await writeMany(first, `${at}b`, 20);
      await first.close();
      await harness.rollBack();
      const second = harness.open({
        highestSeen: { incarnation: original.incarnation, revision: revision(written.at(-1)!) },
      });
      const found = await read(second, at);
      assert.notEqual(found.incarnation, original.incarnation);
      assert.deepEqual(found.entries, {});
    });
  });
}

const keys = (prefix: string): [string, string, string] => [`${prefix}a`, `${prefix}b`, `${prefix}c`];

const put = (key: string, value: Json, at: Revision): Transaction => ({
  compare: [{ key, revision: at }],
  put: [{ key, value }],
});

/** Reads until it is answered: for moments at which the store may just be electing or starting. */
export async function read(authority: AuthorityPort, prefix: string): Promise<Found> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await authority.range(prefix, { deadlineMs });
    if (outcome.kind === 'ok') return outcome;
    if (attempt === 3) throw new Error(`no answer to a read: ${outcome.reason}`);
  }
}

export async function commit(authority: AuthorityPort, transaction: Transaction): Promise<Revision> {
  const outcome = await authority.transact(transaction, { deadlineMs });
  if (outcome.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(outcome)}`);
  return outcome.revision;
}

/** A write whose outcome may be unknown: looks, and repeats only what certainly did not happen. */
async function commitOrFindOut(authority: AuthorityPort, key: string, value: Json, at: Revision): Promise<Revision> {
  for (;;) {
    const outcome = await authority.transact(put(key, value, at), { deadlineMs });
    if (outcome.kind === 'committed') return outcome.revision;
    const stored = (await read(authority, key)).entries[key];
    if (stored !== undefined && stored.revision > at) {
      assert.deepEqual(stored.value, value);
      return stored.revision;
    }
  }
}

/** Puts a value over whatever is there; afterwards nothing older can still commit. */
async function settle(
  authority: AuthorityPort,
  key: string,
  value: Json,
): Promise<{ replaced: Json; revision: Revision }> {
  for (;;) {
    const stored = (await read(authority, key)).entries[key];
    const outcome = await authority.transact(put(key, value, stored?.revision ?? absent), { deadlineMs });
    if (outcome.kind === 'committed') return { replaced: stored?.value ?? null, revision: outcome.revision };
    assert.equal(outcome.kind, 'conflict', JSON.stringify(outcome));
  }
}

async function writeMany(authority: AuthorityPort, key: string, count: number): Promise<number[]> {
  const written: number[] = [];
  let last = (await read(authority, key)).entries[key]?.revision ?? absent;
  for (let value = 0; value < count; value++) {
    last = await commit(authority, put(key, value, last));
    written.push(last);
  }
  return written;
}
