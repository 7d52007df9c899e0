import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEntries } from '../testing/journalled.ts';
import { randomEntries } from '../testing/random-entries.ts';
import { OrderState } from './order-state.ts';
import { readImage, writeImage } from './state-image.ts';

test('a restored state is the one it was taken from, and goes on like it', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const entries = randomEntries(seed, 400);
    const state = new OrderState();
    applyEntries(state, entries.slice(0, 250));
    const restored = readImage(writeImage(state));
    assert.equal(restored.hash, state.hash);
    assert.equal(restored.recomputedHash(), state.hash);
    assert.deepEqual(restored.ordersAfter(0, 1000), state.ordersAfter(0, 1000));
    for (const each of [state, restored]) applyEntries(each, entries.slice(250));
    assert.equal(restored.hash, state.hash, `seed ${seed}`);
    assert.deepEqual(restored.pendingOrders, state.pendingOrders);
    assert.deepEqual(restored.pendingRequests, state.pendingRequests);
    assert.equal(restored.venues.nameOf(1), 'second');
    for (const symbol of state.traded.symbols())
      assert.deepEqual(
        [restored.traded.bought(symbol), restored.traded.sold(symbol)],
        [state.traded.bought(symbol), state.traded.sold(symbol)],
      );
    for (let client = 0; client < 5; client++)
      assert.equal(restored.openOf(restored.findText(`c${client}`)), state.openOf(state.findText(`c${client}`)));
  }
});

test('an image that was cut off or lengthened is none', () => {
  const state = new OrderState();
  applyEntries(state, randomEntries(1, 60));
  const image = writeImage(state);
  for (let length = 0; length < image.length; length += 7) assert.throws(() => readImage(image.subarray(0, length)));
  assert.throws(() => readImage(Buffer.concat([image, Buffer.alloc(8)])), /longer or shorter/);
});
