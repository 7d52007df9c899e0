import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownTexts } from './known-texts.ts';

/** A message field of 32 bytes with this text at its beginning, and whatever behind it. */
const fieldOf = (text: string, rest: number): DataView => {
  const bytes = new Uint8Array(40).fill(rest);
  bytes.set(Buffer.from(text, 'latin1'), 3);
  return new DataView(bytes.buffer, 3, 32);
};

test('a text is found by its own bytes, whatever lies behind them', () => {
  const known = new KnownTexts();
  const names = Array.from({ length: 32 }, (_, at) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'.slice(0, at + 1));
  for (const [number, name] of names.entries()) {
    assert.equal(known.numberOf(fieldOf(name, 0), 0, name.length), -1);
    known.remember(fieldOf(name, 0xff), 0, name.length, number);
    assert.equal(known.numberOf(fieldOf(name, 0x41), 0, name.length), number, name);
  }
});

test('a text that differs in any one byte, or in its length, is another one', () => {
  const known = new KnownTexts();
  for (let length = 1; length <= 32; length++) {
    const name = 'x'.repeat(length);
    known.remember(fieldOf(name, 0), 0, length, 7);
    for (let at = 0; at < length; at++) {
      const other = `${name.slice(0, at)}y${name.slice(at + 1)}`;
      assert.equal(known.numberOf(fieldOf(other, 0), 0, length), -1, other);
    }
    assert.notEqual(known.numberOf(fieldOf(name, 0x78), 0, length), -1);
  }
  assert.equal(known.numberOf(fieldOf('x', 0), 0, 0), -1);
  assert.equal(known.numberOf(fieldOf('x', 0), 0, 33), -1);
});

test('many texts only displace each other', () => {
  const known = new KnownTexts();
  for (let number = 0; number < 5000; number++)
    known.remember(fieldOf(`S${number}`, 0), 0, `S${number}`.length, number);
  for (let number = 0; number < 5000; number++) {
    const found = known.numberOf(fieldOf(`S${number}`, 0), 0, `S${number}`.length);
    assert.ok(found === -1 || found === number);
  }
});
