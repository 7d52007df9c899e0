import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineReader } from './line-reader.ts';

const reader = (maxLineLength = 100) => {
  const lines: string[] = [];
  const seen = { lines, overflows: 0, onLine: (line: string) => void lines.push(line) };
  const of: LineReader = new LineReader({
    maxLineLength,
    onLine: (line) => seen.onLine(line),
    onOverflow: () => {
      seen.overflows += 1;
    },
  });
  return { of, seen };
};

test('lines are the same however the stream is cut', () => {
  const text = 'one\n\ntwo two\nthree\n\n\nfour';
  for (let size = 1; size <= text.length; size++) {
    const { of, seen } = reader();
    for (let at = 0; at < text.length; at += size) of.push(text.slice(at, at + size));
    assert.deepEqual(seen.lines, ['one', 'two two', 'three']);
  }
});

test('a line longer than the limit is reported once, whole or in pieces, and nothing after it is read', () => {
  for (const size of [1, 7, 1000]) {
    const { of, seen } = reader(10);
    const text = `short\n${'x'.repeat(11)}\nafter\n`;
    for (let at = 0; at < text.length; at += size) of.push(text.slice(at, at + size));
    assert.deepEqual([seen.lines, seen.overflows], [['short'], 1]);
  }
});

test('held in the middle of a chunk, it hands over the rest later, in order', () => {
  const { of, seen } = reader();
  seen.onLine = (line) => {
    seen.lines.push(line);
    if (line === 'b') of.hold();
  };
  of.push('a\nb\nc\nd');
  of.push('d\ne\n');
  assert.deepEqual(seen.lines, ['a', 'b']);
  of.go();
  assert.deepEqual(seen.lines, ['a', 'b', 'c', 'dd', 'e']);
});

test('a line that comes byte by byte costs no more than its length', () => {
  const { of, seen } = reader(2_000_000);
  const startedAt = process.cpuUsage();
  for (let at = 0; at < 1_000_000; at++) of.push('x');
  of.push('\n');
  assert.equal(seen.lines[0]?.length, 1_000_000);
  // Looked through from its beginning for every byte, this takes minutes.
  assert.ok(process.cpuUsage(startedAt).user < 5_000_000);
});
