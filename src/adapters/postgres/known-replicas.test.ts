import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownReplicas } from './known-replicas.ts';

const at = (instance: string, replyAt: number, epoch: number | null = 1) => ({ instance, epoch, replyAt });

test('a replica that is gone is missed for a while and not for ever: it may have gone back to its upstream', () => {
  const known = new KnownReplicas();
  known.hear([at('b', 1), at('c', 1)], 1_000);
  known.hear([at('b', 2)], 2_000);
  assert.deepEqual([...known.instances], ['b', 'c']);
  known.hear([at('b', 3)], 31_001);
  assert.deepEqual([...known.instances], ['b']);
  assert.equal(known.silentMs(31_001).get('c'), 30_001);
});

test('silence counts from the last new reply, and sessions of Holdfast itself are no replicas', () => {
  const known = new KnownReplicas();
  known.hear([at('b', 5), at('holdfast-b', 5)], 1_000);
  known.hear([at('b', 5)], 1_400);
  assert.equal(known.silentMs(1_500).get('b'), 500);
  known.hear([at('b', 6)], 1_600);
  assert.equal(known.silentMs(1_600).get('b'), 0);
  assert.deepEqual([...known.instances], ['b']);
  known.forget();
  assert.deepEqual([...known.instances], []);
});

test('a connection that a replica has left is not heard in place of its present one', () => {
  const known = new KnownReplicas();
  known.hear([at('b', 9, 3), at('b', 5, 1)], 1_000);
  known.hear([at('b', 9, 3), at('b', 6, 1)], 1_400);
  assert.equal(known.silentMs(1_500).get('b'), 500);
  assert.deepEqual([...known.instances], ['b']);
});
