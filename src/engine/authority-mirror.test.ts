import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forSeeds } from '../../test/builders/for-seeds.ts';
import { revision } from '../core/base/ids.ts';
import { AuthorityMirror } from './authority-mirror.ts';
import type { StoredValue } from './authority-port.ts';

const read = (at: number, entries: Readonly<Record<string, StoredValue>>, incarnation = 'one') =>
  [entries, { revision: revision(at), incarnation, now: at }] as const;
const at = (number: number, value: number | null = number): StoredValue => ({ value, revision: revision(number) });

test('nothing is known before the first reading', () => {
  const mirror = new AuthorityMirror();
  assert.deepEqual([mirror.loaded, mirror.heardAt, mirror.value('a'), mirror.revisionOf('a')], [false, null, null, 0]);
});

test('an older change or reading does not undo a newer one', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot(...read(5, { a: at(5) }));
  mirror.change([{ key: 'a', value: 8 }], revision(8), 10);
  mirror.change([{ key: 'a', value: 7 }], revision(7), 11);
  mirror.snapshot(...read(6, { a: at(6) }));
  assert.deepEqual([mirror.value('a'), mirror.revisionOf('a'), mirror.seenAt('a')], [8, 8, 10]);
});

test('what was removed is not brought back by what is older', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot(...read(5, { a: at(5) }));
  mirror.change([{ key: 'a', value: null }], revision(8), 10);
  mirror.snapshot(...read(6, { a: at(6) }));
  mirror.change([{ key: 'a', value: 7 }], revision(7), 12);
  mirror.learn({ a: at(6) }, 13);
  assert.equal(mirror.value('a'), null);
  mirror.change([{ key: 'a', value: 9 }], revision(9), 14);
  assert.equal(mirror.value('a'), 9);
});

test('what a reading does not have any more is not brought back by a late answer to an own change', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot(...read(10, { b: at(3) }));
  mirror.change([{ key: 'a', value: 5 }], revision(5), 11);
  assert.equal(mirror.value('a'), null);
});

test('a reading leaves alone what is newer than it, our own commit for one', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot(...read(5, {}));
  mirror.change([{ key: 'a', value: 7 }], revision(7), 10);
  mirror.snapshot(...read(6, {}));
  assert.equal(mirror.value('a'), 7);
  mirror.snapshot(...read(8, {}));
  assert.equal(mirror.value('a'), null);
});

test('another incarnation is another history: its revisions begin anew', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot(...read(50, { a: at(50), b: at(40) }));
  mirror.snapshot(...read(3, { a: at(2) }, 'two'));
  assert.deepEqual([mirror.value('a'), mirror.value('b'), mirror.revision, mirror.incarnation], [2, null, 3, 'two']);
});

test('when a key was last seen is not changed by hearing of it again', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot(...read(5, { a: at(5) }));
  mirror.change([{ key: 'a', value: 5 }], revision(5), 900);
  mirror.learn({ a: at(5) }, 901);
  assert.deepEqual([mirror.seenAt('a'), mirror.heardAt], [5, 901]);
});

test('keys below a prefix come in their order', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot(...read(5, { 'j/3': at(3), 'j/1': at(1), k: at(2), 'j/2': at(2) }));
  assert.deepEqual(
    mirror.below('j/').map(([key]) => key),
    ['j/1', 'j/2', 'j/3'],
  );
});

test('in whatever order changes, readings and answers are heard, the end shows what the authority holds', () => {
  forSeeds(500, (random) => {
    const keys = ['a', 'b', 'c', 'd'];
    const history: {
      readonly changes: readonly { key: string; value: number | null }[];
      readonly after: Record<string, StoredValue>;
    }[] = [];
    let held: Record<string, StoredValue> = {};
    for (let number = 1; number <= 20; number += 1) {
      const key = random.pick(keys);
      const value = key in held && random.chance(0.4) ? null : number;
      held = Object.fromEntries(Object.entries(held).filter(([each]) => each !== key));
      if (value !== null) held = { ...held, [key]: at(number) };
      history.push({ changes: [{ key, value }], after: held });
    }
    const mirror = new AuthorityMirror();
    const began = random.whole(1, 10);
    mirror.snapshot(...read(began, history[began - 1]!.after));
    // The watch tells everything in order; answers to own changes and further readings come in between, early or late.
    let told = began;
    while (told < history.length) {
      const other = random.whole(1, history.length);
      const { changes, after } = history[other - 1]!;
      random.pick([
        () => {
          told += 1;
          mirror.change(history[told - 1]!.changes, revision(told), told);
        },
        () => mirror.change(changes, revision(other), told),
        () => {
          // After a reading the watch goes on behind it.
          if (other >= told) told = other;
          mirror.snapshot(...read(other, after));
        },
        () =>
          mirror.learn(
            Object.fromEntries(
              changes.filter(({ value }) => value !== null).map(({ key, value }) => [key, at(other, value)]),
            ),
            told,
          ),
      ])();
      for (const [key, { value, revision: shown }] of mirror.below('')) {
        const put = history[shown - 1]!.changes[0]!;
        assert.deepEqual([put.key, put.value], [key, value], 'it never shows what never was');
      }
    }
    assert.deepEqual(
      Object.fromEntries(
        mirror.below('').map(([key, { value, revision: shown }]) => [key, { value, revision: shown }]),
      ),
      history.at(-1)!.after,
    );
  });
});
