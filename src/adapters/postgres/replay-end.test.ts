import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLsn } from './lsn.ts';
import { ReplayEnd } from './replay-end.ts';

const at = (replayed: string | null, replayWaits: boolean) => ({
  replayed: replayed === null ? null : parseLsn(replayed),
  end: parseLsn('0/751E000'),
  replayWaits,
});

test('what was received whole is replayed to its end', () => {
  const replay = new ReplayEnd();
  assert.equal(replay.reached(at(null, true), 0), false);
  assert.equal(replay.reached(at('0/751D000', false), 0), false);
  assert.equal(replay.reached(at('0/751E000', false), 1), true);
});

test('a record that was received in part is not waited for, once replay has looked for its end several times', () => {
  const replay = new ReplayEnd();
  assert.equal(replay.reached(at('0/751D1D8', true), 0), false);
  assert.equal(replay.reached(at('0/751D1D8', true), 600), false);
  assert.equal(replay.reached(at('0/751D1D8', true), 700), true);
});

test('replay that is busy, or held up by something else than missing WAL, is waited for', () => {
  const replay = new ReplayEnd();
  assert.equal(replay.reached(at('0/751A000', true), 0), false);
  assert.equal(replay.reached(at('0/751B000', true), 800), false, 'it went on');
  assert.equal(replay.reached(at('0/751B000', false), 1_600), false, 'it does something');
  assert.equal(replay.reached(at('0/751B000', true), 2_400), false, 'it waits again, and has only begun to');
  assert.equal(replay.reached(at('0/751B000', true), 3_200), true);
});
