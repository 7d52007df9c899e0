import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LineResult, type LineVerdict, verdictOf } from './play-result.ts';

const lines = (...verdicts: readonly LineVerdict[]): readonly LineResult[] =>
  verdicts.map((verdict) => ({ line: 1, text: '', verdict, found: '', at: '', elapsedMs: 0 }));

test('a play holds only if every claim of it was judged and held', () => {
  assert.equal(verdictOf(lines('done', 'held', 'held')), 'held');
  assert.equal(verdictOf(lines('done', 'held', 'inconclusive')), 'inconclusive');
  assert.equal(verdictOf(lines('inconclusive', 'failed', 'held')), 'failed');
});

test('a play without a single claim that held is not held', () => {
  assert.equal(verdictOf(lines('done')), 'inconclusive');
});
