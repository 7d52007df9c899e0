import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onBeat } from './shared-beat.ts';
import { systemClock } from './system-clock.ts';

test('all members of one rhythm are called in the same turn, at whole multiples of the host’s clock', async () => {
  const everyMs = 40;
  const seen: { readonly who: string; readonly round: number }[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const note = (who: string) => () => {
    seen.push({ who, round: Math.floor(systemClock.monoMs() / everyMs) });
    if (seen.length >= 6) resolve();
  };
  const begun = Math.floor(systemClock.monoMs() / everyMs);
  const ends = [onBeat(everyMs, note('a')), onBeat(everyMs, note('b'))];
  await promise;
  for (const end of ends) end();
  assert.deepEqual(
    seen.slice(0, 4).map(({ who }) => who),
    ['a', 'b', 'a', 'b'],
  );
  // Late on a machine that does much else, but never early: each call belongs to a multiple of its own.
  const rounds = seen.filter(({ who }) => who === 'a').map(({ round }) => round);
  assert.ok(
    rounds.every((round, index) => round > (rounds[index - 1] ?? begun)),
    `begun in ${begun}, called in ${rounds.join(' ')}`,
  );
});

test('who has left is not called any more, not even in the turn in which it left', async () => {
  let called = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const endFirst = onBeat(30, () => {
    endSecond();
    resolve();
  });
  const endSecond = onBeat(30, () => {
    called += 1;
  });
  await promise;
  endFirst();
  assert.equal(called, 0);
});
