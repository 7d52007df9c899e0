import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Compared, canaryCountOf } from './canary.ts';

const compared: Compared = {
  reasons: [],
  ordersAcked: 40,
  ordersLost: ['canary-1'],
  commitsAcked: 39,
  commitsLost: [],
  unknownResolved: { ordersPresent: ['canary-2'], ordersAbsent: [], commitsPresent: [], commitsAbsent: ['canary-3'] },
};

test('what was acknowledged and is gone is missing; what was never answered is counted apart', () => {
  const count = canaryCountOf(compared);
  assert.deepEqual([count.ordersMissing, count.commitsMissing, count.unanswered], [['canary-1'], [], 2]);
});

test('a book that could not be read leaves its canaries uncounted, not present', () => {
  const unread = canaryCountOf({
    ...compared,
    commitsLost: null,
    unknownResolved: { ...compared.unknownResolved, commitsPresent: null, commitsAbsent: null },
    reasons: ['the database could not be read: refused'],
  });
  assert.deepEqual([unread.commitsMissing, unread.unanswered], [null, null]);
  assert.deepEqual(unread.reasons, ['the database could not be read: refused']);
});
