import assert from 'node:assert/strict';
import { test } from 'node:test';
import { marketMessage as market, PriceService as Service } from '../testing/price-service.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { PriceFollower } from './price-follower.ts';

test('a follower knows the newest quote and its age, and goes to the next service when one is gone', async () => {
  const [first, second] = [new Service(), new Service()];
  const follower = new PriceFollower([await first.listen(), await second.listen()]);
  try {
    assert.deepEqual([follower.mark('X'), follower.ageMs, follower.stale], [null, null, true]);
    await waitUntil('the first is asked', () => first.asked > 0);
    first.say(
      { t: 'subscribe-ok', instance: 'md-1', epoch: 1 },
      market('X', [[99, 1, 1]], [[102, 2, 1]], 0),
      market('Y', [], [], 7),
    );
    first.say(market('Z', [[5, 1, 1]], [], 0), { t: 'fresh', ageMs: 40, stale: false });
    await waitUntil('all is told', () => !follower.stale);
    assert.deepEqual(follower.marks(), { X: 100, Y: 7 });
    assert.ok(follower.ageMs! >= 40);
    first.say(market('X', [[99, 1, 1]], [[102, 2, 1]], 101));
    await waitUntil('the newest is known', () => follower.mark('X') === 101);
    await first.close();
    await waitUntil('the second is asked', () => second.asked > 0);
    assert.equal(follower.mark('X'), 101, 'what was known stays known');
    second.say({ t: 'fresh', ageMs: 6000, stale: true });
    await waitUntil('it is stale', () => follower.stale);
    second.say({ t: 'reject', code: 'closed' });
    await waitUntil('a service that refuses is left', () => second.sockets.size === 0 || second.asked > 1);
  } finally {
    follower.close();
    await first.close().catch(() => {});
    await second.close();
  }
});
