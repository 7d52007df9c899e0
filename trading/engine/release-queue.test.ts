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

test('an answer that is queued behind an order which has left, at the same sequence, does not make that order wait again', () => {
  const queue = new ReleaseQueue();
  const venue = { stageItem: () => {}, unstage: () => {}, flush: () => {} };
  assert.equal(queue.oldestItem, Number.POSITIVE_INFINITY);
  queue.addItem(5, venue, 0);
  queue.add(5, sink(), 'acknowledged');
  assert.equal(queue.oldestItem, 5);
  queue.release(5, () => true);
  queue.add(5, sink(), 'refused');
  assert.equal(queue.oldestItem, Number.POSITIVE_INFINITY);
  queue.addItem(6, venue, 1);
  assert.equal(queue.oldestItem, 6);
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

/** Where orders go by number, as an exchange's session is. */
const exchange = () => {
  const sent: number[][] = [];
  const staged: number[] = [];
  return {
    sent,
    stageItem: (item: number) => void staged.push(item),
    unstage: () => void staged.splice(0),
    flush: () => {
      if (staged.length > 0) sent.push(staged.splice(0));
    },
  };
};

test('orders and requests go to their exchange by number, in one write, unless they are withdrawn', () => {
  const queue = new ReleaseQueue();
  const [venue, client] = [exchange(), sink()];
  for (const item of [7, 8, 9]) {
    queue.addItem(item, venue, item);
    queue.add(item, client, `ack ${item} `, item);
  }
  queue.withdraw(new Set([8]));
  queue.release(7, () => true);
  assert.deepEqual([venue.sent, client.writes, queue.length], [[[7]], ['ack 7 '], 2]);
  queue.release(9, () => true);
  assert.deepEqual(
    [venue.sent, client.writes],
    [
      [[7], [9]],
      ['ack 7 ', 'ack 9 '],
    ],
  );
});

test('orders that were staged when permission ended are not sent, and wait', () => {
  const queue = new ReleaseQueue();
  const [first, second] = [exchange(), exchange()];
  queue.addItem(1, first, 1);
  queue.addItem(1, second, 2);
  let questions = 0;
  queue.release(1, () => ++questions === 1);
  assert.deepEqual([first.sent, second.sent, queue.length], [[[1]], [], 1]);
  queue.release(1, () => true);
  assert.deepEqual([first.sent, second.sent, queue.length], [[[1]], [[2]], 0]);
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
    for (let at = 0; at < 27_000; at++) queue.add(at, sinks[at % 3]!, `${at},`);
    let asked = 0;
    queue.release(26_999, () => asked++ < allowed);
    assert.equal(sinks.flatMap(({ writes }) => writes).length, allowed);
    queue.release(26_999, () => true);
    for (const [index, { writes }] of sinks.entries()) {
      const expected = Array.from({ length: 9000 }, (_, at) => `${at * 3 + index},`).join('');
      assert.equal(writes.join(''), expected);
    }
  }
});

const byteSink = () => {
  const writes: string[] = [];
  let staged = '';
  const sink = {
    writes,
    get receiver() {
      return sink;
    },
    stage: (bytes: Buffer, start: number, length: number) => {
      staged += bytes.toString('latin1', start, start + length);
    },
    unstage: () => {
      staged = '';
    },
    flush: () => {
      if (staged !== '') writes.push(staged);
      staged = '';
    },
  };
  return sink;
};

const addBytes = (queue: ReleaseQueue, sequence: number, to: ReturnType<typeof byteSink>, text: string, order = -1) => {
  const at = queue.reserve(text.length);
  queue.bytes.write(text, at, 'latin1');
  queue.addBytes(sequence, to, text.length, order);
};

test('messages of bytes and text leave in order, whoever is denied gets all of his later, once', () => {
  for (let allowed = 0; allowed < 9; allowed++) {
    const queue = new ReleaseQueue();
    const texts = [sink(), sink()];
    const bytes = [byteSink(), byteSink()];
    const expected = ['', '', '', ''];
    for (let at = 0; at < 3000; at++) {
      const text = `${at}:${'x'.repeat(at % 40)},`;
      if (at % 4 < 2) queue.add(at, texts[at % 2]!, text);
      else addBytes(queue, at, bytes[at % 2]!, text);
      expected[at % 4] += text;
      // Some leave between, so that the queue begins anew in the middle of its bytes.
      if (at % 700 === 699) queue.release(at - 300, () => true);
    }
    let asked = 0;
    queue.release(2999, () => asked++ < allowed);
    queue.release(2999, () => true);
    assert.equal(queue.length, 0);
    const got = [...texts, ...bytes].map(({ writes }) => writes.join(''));
    assert.deepEqual(got, expected);
  }
});

test('withdrawing takes out messages of bytes as well', () => {
  const queue = new ReleaseQueue();
  const to = byteSink();
  addBytes(queue, 1, to, 'a', 1);
  addBytes(queue, 2, to, 'bb', 2);
  addBytes(queue, 3, to, 'ccc');
  queue.withdraw(new Set([2]));
  queue.release(9, () => true);
  assert.deepEqual(to.writes, ['accc']);
});

test('what a sink queues and releases while it is being given something leaves once, in order, behind what was there', () => {
  const queue = new ReleaseQueue();
  const to = byteSink();
  const staged: number[] = [];
  const refusing = {
    stageItem: (item: number) => {
      staged.push(item);
      // More than there is room for, so that the bytes of the queue move meanwhile.
      for (let at = 0; at < 3000; at++) addBytes(queue, 10, to, `<${item}:${at}:${'y'.repeat(30)}>`);
      queue.release(10, () => true);
    },
    unstage: () => {},
    flush: () => {},
  };
  addBytes(queue, 1, to, 'first');
  queue.addItem(2, refusing, 7);
  addBytes(queue, 3, to, 'second');
  queue.addItem(4, refusing, 8);
  addBytes(queue, 5, to, 'third');
  queue.release(5, () => true);
  queue.release(10, () => true);
  const added = (item: number) => Array.from({ length: 3000 }, (_, at) => `<${item}:${at}:${'y'.repeat(30)}>`).join('');
  assert.equal(to.writes.join(''), `firstsecondthird${added(7)}${added(8)}`);
  assert.deepEqual([staged, queue.length], [[7, 8], 0]);
});

test('a queue that is never empty lets out everything once, in order, however long it goes on', () => {
  const queue = new ReleaseQueue();
  const [text, bytes] = [sink(), byteSink()];
  const sent: number[] = [];
  const items = { stageItem: (item: number) => sent.push(item), unstage: () => {}, flush: () => {} };
  const expected = ['', ''];
  const all = 60_000;
  for (let at = 0; at < all; at++) {
    const message = `${at}:${'x'.repeat(at % 30)},`;
    if (at % 3 === 0) queue.addItem(at, items, at);
    else if (at % 3 === 1) queue.add(at, text, message);
    else addBytes(queue, at, bytes, message);
    if (at % 3 > 0) expected[(at % 3) - 1] += message;
    if (at % 512 === 0) queue.release(at - 3000 - (at % 1024), () => true);
    if (at > 5000) assert.ok(queue.length > 1000);
  }
  queue.release(all, () => true);
  assert.deepEqual([text.writes.join(''), bytes.writes.join('')], expected);
  assert.deepEqual(
    sent,
    Array.from({ length: all / 3 }, (_, at) => 3 * at),
  );
});
