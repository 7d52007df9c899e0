import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OperatorAnswer } from '../operator/operator-request.ts';
import type { Topology } from '../topology/topology.ts';
import { namedApproval, wordsOf } from './person-words.ts';

const view = { group: 'trading', waitingDigest: 'abc', record: null, topology: { sites: [] } as unknown as Topology };
const refused = (found: string): OperatorAnswer => ({
  kind: 'refused',
  code: 'HF-4104',
  tried: '',
  found,
  next: '',
  result: null,
});

test('a person approves the plan that waits, and nothing else', () => {
  const asked = wordsOf({ kind: 'approve' }, view);
  assert.deepEqual(asked, { kind: 'approve', group: 'trading', digest: 'abc', minutes: 5, acceptDataLoss: null });
  assert.equal(namedApproval(asked, refused('the plan is now def')), null);
});

test('who accepts a loss approves the plan that the refusal names', () => {
  const asked = wordsOf({ kind: 'approve-loss' }, view);
  const named = namedApproval(asked, refused('the plan is now def'));
  assert.deepEqual(named, { ...asked, digest: 'def' });
  assert.equal(namedApproval(named!, refused('the plan is now ghi')), null, 'once');
  assert.equal(namedApproval(asked, refused('nobody could be promoted')), null);
});

test('a person adopts the authority of their group, and says why', () => {
  const reason = 'the copy of a moment ago';
  assert.deepEqual(wordsOf({ kind: 'adopt' }, view), { kind: 'adopt', group: 'trading', reason });
});
