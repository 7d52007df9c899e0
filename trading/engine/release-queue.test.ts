import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReleaseQueue } from './release-queue.ts';

const sink = () => {
  const writes: string[] = [];
  let waiting = '';
  return {
    writes,
    push: (text: string) => {
      waiting += text;
    },
    flush: () => {
      if (waiting !== '') writes.push(waiting);
      waiting = '';
    },
  };
};

test('only what the set holds is released, in order, one write per receiver', () => {
  const queue = new ReleaseQueue();
  const [venue, client] = [sink(), sink()];
  for (let sequence = 1; sequence <= 4; sequence++) {
    queue.add(sequence, venue, `v${sequence}`);
    queue.add(sequence, client, `c${sequence}`);
  }
  queue.release(2, () => true);
  assert.deepEqual([venue.writes, client.writes, queue.length], [['v1v2'], ['c1c2'], 4]);
  queue.release(9, () => true);
  assert.deepEqual([venue.writes, client.writes, queue.length], [['v1v2', 'v3v4'], ['c1c2', 'c3c4'], 0]);
});

test('what is withdrawn never leaves; the rest does, in order', () => {
  const queue = new ReleaseQueue();
  const client = sink();
  queue.add(1, client, 'a', 1);
  queue.add(2, client, 'b', 2);
  queue.add(2, client, 'c');
  queue.withdraw(new Set([2]));
  queue.add(3, client, 'd', 3);
  queue.release(9, () => true);
  assert.deepEqual([client.writes, queue.length], [['acd'], 0]);
});

test('without permission nothing leaves and nothing is lost', () => {
  const queue = new ReleaseQueue();
  const client = sink();
  queue.add(1, client, 'a');
  queue.release(1, () => false);
  assert.deepEqual([client.writes, queue.length], [[], 1]);
  queue.release(1, () => true);
  assert.deepEqual(client.writes, ['a']);
});

test('permission that ends between two receivers stops the second one, and each gets everything once in the end', () => {
  for (let allowed = 0; allowed < 8; allowed++) {
    const queue = new ReleaseQueue();
    const sinks = [sink(), sink(), sink()];
    for (let at = 0; at < 900; at++) queue.add(at, sinks[at % 3]!, `${at},`);
    let asked = 0;
    queue.release(899, () => asked++ < allowed);
    assert.equal(sinks.flatMap(({ writes }) => writes).length, allowed);
    queue.release(899, () => true);
    for (const [index, { writes }] of sinks.entries()) {
      const expected = Array.from({ length: 300 }, (_, at) => `${at * 3 + index},`).join('');
      assert.equal(writes.join(''), expected);
    }
  }
});
