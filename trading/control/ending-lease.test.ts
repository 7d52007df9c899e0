import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monoNowNs } from '../base/mono-clock.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { EndingLease } from './ending-lease.ts';

const inMs = (ms: number) => monoNowNs() + BigInt(Math.round(ms * 1e6));

test('the end of a lease is told when it is over and not before, whatever part of a millisecond it ends in', async () => {
  const told: boolean[] = [];
  const lease: EndingLease = new EndingLease(() => void told.push(lease.valid));
  for (let round = 0; round < 60; round++) {
    lease.set(inMs(60_000));
    lease.set(inMs(5 + round / 60));
    await waitUntil(`it is told in round ${round}`, () => told.length === round + 1, 500);
    assert.equal(told.at(-1), false);
  }
  lease.clear();
  assert.equal(lease.untilNs, null);
});
