import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Revision } from '../core/base/ids.ts';
import { AuthorityMirror } from './authority-mirror.ts';

const revision = (number: number) => number as Revision;
const stored = (value: string, number: number) => ({ value, revision: revision(number) });

test('what is newer than a reading of everything stays as it is known', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot({ a: stored('old', 1) }, { revision: revision(5), incarnation: 'one', now: 0 });
  mirror.change([{ key: 'a', value: 'new' }], revision(9), 1);
  mirror.snapshot({ a: stored('old', 1) }, { revision: revision(6), incarnation: 'one', now: 2 });
  assert.equal(mirror.value('a'), 'new');
});

test('the revisions of another incarnation say nothing: what it has replaces what was known', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot({ a: stored('before', 9) }, { revision: revision(9), incarnation: 'one', now: 0 });
  mirror.snapshot({ a: stored('restored', 2) }, { revision: revision(4), incarnation: 'two', now: 1 });
  assert.equal(mirror.value('a'), 'restored');
  assert.equal(mirror.revisionOf('a'), 2);
});

test('what was told before the first reading does not outlive it: it may be of another incarnation', () => {
  const mirror = new AuthorityMirror();
  mirror.change([{ key: 'a', value: 'told with a command' }], revision(9), 0);
  mirror.snapshot({ a: stored('restored', 2) }, { revision: revision(4), incarnation: 'two', now: 1 });
  assert.equal(mirror.value('a'), 'restored');
});

test('what was removed is not brought back by an older reading', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot({ a: stored('there', 1) }, { revision: revision(1), incarnation: 'one', now: 0 });
  mirror.change([{ key: 'a', value: null }], revision(3), 1);
  mirror.snapshot({ a: stored('there', 1) }, { revision: revision(2), incarnation: 'one', now: 2 });
  assert.equal(mirror.value('a'), null);
});
