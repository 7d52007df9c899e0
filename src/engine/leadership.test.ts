import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainShape } from '../../test/builders/facts.ts';
import { forSeeds } from '../../test/builders/for-seeds.ts';
import { controllerId, revision } from '../core/base/ids.ts';
import { keys } from './authority-keys.ts';
import { AuthorityMirror } from './authority-mirror.ts';
import type { StoredValue, Transaction, TransactionOutcome } from './authority-port.ts';
import { Leadership } from './leadership.ts';

const { timing } = plainShape;

/** One authority; who knows what of it is up to the test. */
class Store {
  revision = 1;
  readonly held = new Map<string, StoredValue>();

  read(mirror: AuthorityMirror, now: number): void {
    mirror.snapshot(Object.fromEntries(this.held), { revision: revision(this.revision), incarnation: 'one', now });
  }

  apply({ compare, put }: Transaction): TransactionOutcome {
    if (compare.some(({ key, revision: wanted }) => (this.held.get(key)?.revision ?? 0) !== wanted))
      return {
        kind: 'conflict',
        current: Object.fromEntries(compare.map(({ key }) => [key, this.held.get(key) ?? null])),
      };
    this.revision += 1;
    for (const { key, value } of put) this.held.set(key, { value, revision: revision(this.revision) });
    return { kind: 'committed', revision: revision(this.revision) };
  }
}

class Controller {
  readonly mirror = new AuthorityMirror();
  readonly leadership: Leadership;

  constructor(name: string, rank = 0) {
    this.leadership = new Leadership(controllerId(name), timing, rank);
  }

  get leading(): boolean {
    return this.leadership.leading(this.mirror);
  }

  /** Sends what it wants to send; `lost`: it is written, and nobody says so. */
  act(store: Store, now: number, lost = false): TransactionOutcome['kind'] | null {
    const next = this.leadership.next(this.mirror, now);
    if (next === null) return null;
    const written = store.apply(next.body);
    const outcome: TransactionOutcome = lost ? { kind: 'unknown', reason: 'late' } : written;
    if (outcome.kind === 'conflict') this.mirror.learn(outcome.current, now);
    this.leadership.answered(next.candidacy, outcome, next.body, this.mirror, now);
    return outcome.kind;
  }
}

function leader(): { readonly store: Store; readonly first: Controller } {
  const store = new Store();
  const first = new Controller('bravo');
  store.read(first.mirror, 0);
  assert.equal(first.act(store, 0), 'committed');
  return { store, first };
}

test('nobody stands before the authority was read', () => {
  assert.equal(new Controller('bravo').leadership.next(new AuthorityMirror(), 0), null);
});

test('the preferred one leads at once, in term 1; the next gives it time to come up', () => {
  const { store, first } = leader();
  assert.deepEqual([first.leading, first.leadership.term], [true, 1]);
  const second = new Controller('wit', 1);
  new Store().read(second.mirror, 0);
  assert.equal(second.leadership.next(second.mirror, 0), null);
  assert.equal(second.leadership.next(second.mirror, timing.leaderTimeoutMs - 1), null);
  second.mirror.heard(timing.leaderTimeoutMs);
  assert.notEqual(second.leadership.next(second.mirror, timing.leaderTimeoutMs), null);
  assert.ok(store.held.has(keys.leader));
});

test('a leader that renews keeps leading, in the same term, and its key does not change', () => {
  const { store, first } = leader();
  const before = store.held.get(keys.leader)!.revision;
  for (let now = 0; now <= 3000; now += 10) first.act(store, now);
  assert.ok(store.revision > 20);
  assert.deepEqual([first.leading, store.held.get(keys.leader)!.revision], [true, before]);
});

test('a silent leader is replaced after its time-out, in the next term, and finds itself deposed', () => {
  const { store, first } = leader();
  const second = new Controller('wit', 1);
  store.read(second.mirror, 10);
  const patience = timing.leaderTimeoutMs + timing.leaderRenewEveryMs / 2;
  second.mirror.heard(10 + patience);
  assert.equal(second.act(store, 10 + patience - 1), null);
  assert.equal(second.act(store, 10 + patience), 'committed');
  assert.deepEqual([second.leading, second.leadership.term], [true, 2]);
  assert.equal(first.act(store, 3000), 'conflict');
  assert.equal(first.leading, false);
});

test('a leader that renewed is not deposed by who had not heard of it yet', () => {
  const { store, first } = leader();
  const second = new Controller('wit', 1);
  store.read(second.mirror, 10);
  for (let now = 0; now <= 1400; now += 50) first.act(store, now);
  second.mirror.heard(1400);
  assert.equal(second.act(store, 1400), 'conflict');
  assert.deepEqual([first.act(store, 1600), first.leading, second.leading], ['committed', true, false]);
});

test('who hears nothing of the authority itself does not take the leader for silent', () => {
  const { store } = leader();
  const second = new Controller('wit', 1);
  store.read(second.mirror, 10);
  assert.equal(second.leadership.next(second.mirror, 60_000), null);
});

test('a candidacy without an answer may have been won: it leads once it sees its own name', () => {
  const store = new Store();
  const only = new Controller('bravo');
  store.read(only.mirror, 0);
  assert.equal(only.act(store, 0, true), 'unknown');
  assert.equal(only.leading, false);
  store.read(only.mirror, 50);
  assert.deepEqual([only.leading, only.leadership.term], [true, 1]);
});

test('a controller that was restarted does not lead on the word of its earlier life', () => {
  const { store } = leader();
  const again = new Controller('bravo');
  store.read(again.mirror, 20);
  assert.equal(again.leading, false);
});

test('one at a time: nothing is sent while an answer is waited for', () => {
  const store = new Store();
  const only = new Controller('bravo');
  store.read(only.mirror, 0);
  assert.notEqual(only.leadership.next(only.mirror, 0), null);
  assert.equal(only.leadership.next(only.mirror, 1), null);
});

test('I2: however answers are lost and pauses fall, a term is led by one controller, and terms only grow', () => {
  let changes = 0;
  forSeeds(150, (random) => {
    const store = new Store();
    const controllers = ['alfa', 'bravo', 'wit'].map((name, rank) => new Controller(name, rank));
    const ledBy = new Map<number, string>();
    let highest = 0;
    for (let now = 0; now < 12_000; now += random.whole(5, 60)) {
      for (const [at, controller] of controllers.entries()) {
        // Each is away for a while now and then.
        if (Math.floor(now / 2500 + at) % 3 === 0) continue;
        if (random.chance(0.5)) store.read(controller.mirror, now);
        controller.act(store, now, random.chance(0.1));
      }
      const stored = store.held.get(keys.leader)?.value as
        | { readonly controller: string; readonly term: number }
        | undefined;
      if (stored === undefined) continue;
      assert.equal(ledBy.get(stored.term) ?? stored.controller, stored.controller);
      if (!ledBy.has(stored.term)) changes += 1;
      ledBy.set(stored.term, stored.controller);
      assert.ok(stored.term >= highest);
      highest = stored.term;
      const inTerm = controllers.filter((each) => each.leading && each.leadership.term === stored.term);
      assert.ok(inTerm.length <= 1, 'one term, two leaders');
    }
  });
  assert.ok(changes > 300, `${changes} changes of leadership`);
});
