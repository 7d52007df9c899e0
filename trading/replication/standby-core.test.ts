import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBlock } from '../journal/block.ts';
import { textRecord } from '../testing/text-record.ts';
import { MemoryLog } from './memory-log.ts';
import type { StateHash } from './messages.ts';
import { StandbyCore } from './standby-core.ts';

const streaming = (options: { storedEpoch: number; answerAfterMs?: number; stateHash?: () => StateHash | null }) => {
  const log = new MemoryLog();
  const epochs = { highest: options.storedEpoch };
  const { answerAfterMs = 0, stateHash = () => null } = options;
  const core = new StandbyCore({
    instance: 'b',
    epochs,
    log,
    dialDeadlineMs: 100,
    silenceLimitMs: 100,
    answerAfterMs,
    stateHash,
  });
  core.step({ kind: 'follow', upstream: { instance: 'a', address: 'a' }, nowMs: 0 });
  core.step({ kind: 'connected', connection: 1, nowMs: 0 });
  core.step({
    kind: 'message',
    connection: 1,
    message: { t: 'matched', at: 0, epoch: options.storedEpoch, instance: 'a' },
    nowMs: 0,
  });
  assert.ok(core.connected);
  return { log, epochs, core };
};

const firstBlock = encodeBlock({
  previous: { sequence: 0, epoch: 0, crc: 0 },
  epoch: 3,
  committed: 0,
  records: [textRecord('["x"]')],
});

test('a replica refuses a frame from an older epoch than it has stored, and hangs up', () => {
  const { core, epochs } = streaming({ storedEpoch: 3 });
  epochs.highest = 4;
  const effects = core.step({ kind: 'block', connection: 1, senderEpoch: 3, block: firstBlock, nowMs: 1 });
  assert.deepEqual(
    effects.map(({ kind }) => kind),
    ['close', 'upstream-changed'],
  );
  assert.equal(core.connected, false);
});

test('a heartbeat from an older epoch is not acknowledged', () => {
  const { core, epochs } = streaming({ storedEpoch: 3 });
  epochs.highest = 4;
  const effects = core.step({
    kind: 'message',
    connection: 1,
    message: { t: 'heartbeat', epoch: 3, end: 0, released: 0 },
    nowMs: 1,
  });
  assert.ok(!effects.some(({ kind }) => kind === 'send'));
});

test('raising the epoch ends the connection to the older primary at once', () => {
  const { core, epochs } = streaming({ storedEpoch: 3 });
  epochs.highest = 4;
  assert.equal(core.step({ kind: 'epoch-raised', nowMs: 1 })[0]?.kind, 'close');
});

test('an instance of another name that answers at the address is not followed', () => {
  const core = new StandbyCore({
    instance: 'b',
    epochs: { highest: 1 },
    log: new MemoryLog(),
    dialDeadlineMs: 100,
    silenceLimitMs: 100,
  });
  core.step({ kind: 'follow', upstream: { instance: 'a', address: 'a' }, nowMs: 0 });
  core.step({ kind: 'connected', connection: 1, nowMs: 0 });
  core.step({ kind: 'message', connection: 1, message: { t: 'matched', at: 0, epoch: 1, instance: 'z' }, nowMs: 0 });
  assert.equal(core.connected, false);
});

test('only what is durable is acknowledged', () => {
  const { core, log } = streaming({ storedEpoch: 3 });
  log.blocks.push(firstBlock);
  const before = core.step({ kind: 'durable' });
  assert.deepEqual(before, [{ kind: 'send', connection: 1, message: { t: 'ack', epoch: 3, sequence: 0 } }]);
  log.durable = 1;
  const after = core.step({ kind: 'durable' });
  assert.deepEqual(after, [{ kind: 'send', connection: 1, message: { t: 'ack', epoch: 3, sequence: 1 } }]);
});

test('of quick heartbeats only some are answered, and one at once when something new is durable', () => {
  const { core, log } = streaming({ storedEpoch: 3, answerAfterMs: 150 });
  const heartbeat = (nowMs: number) =>
    core
      .step({ kind: 'message', connection: 1, message: { t: 'heartbeat', epoch: 3, end: 1, released: 0 }, nowMs })
      .filter((effect) => effect.kind === 'send').length;
  assert.deepEqual([1000, 1100, 1200, 1300, 1400].map(heartbeat), [1, 0, 1, 0, 1]);
  log.durable = 1;
  assert.equal(heartbeat(1450), 1);
});

test('a block that leaves a gap is refused', () => {
  const { core } = streaming({ storedEpoch: 3 });
  const later = encodeBlock({
    previous: { sequence: 5, epoch: 3, crc: 9 },
    epoch: 3,
    committed: 0,
    records: [textRecord('["x"]')],
  });
  const effects = core.step({ kind: 'block', connection: 1, senderEpoch: 3, block: later, nowMs: 1 });
  assert.equal(effects[0]?.kind, 'close');
});

test('silence that passed while this process itself was paused is not counted', () => {
  const { core } = streaming({ storedEpoch: 3 });
  core.step({ kind: 'tick', nowMs: 10 });
  core.step({ kind: 'tick', nowMs: 5000 });
  assert.ok(core.connected);
  core.step({ kind: 'tick', nowMs: 5040 });
  core.step({ kind: 'tick', nowMs: 5080 });
  core.step({ kind: 'tick', nowMs: 5120 });
  assert.equal(core.connected, false);
});

test('each newly noted hash of the state travels with one acknowledgement', () => {
  const hashes = [
    { sequence: 4, hash: 'a' },
    { sequence: 4, hash: 'a' },
    { sequence: 8, hash: 'b' },
  ];
  const { core } = streaming({ storedEpoch: 3, stateHash: () => hashes.shift() ?? null });
  const sent = [core.step({ kind: 'durable' }), core.step({ kind: 'durable' }), core.step({ kind: 'durable' })]
    .flat()
    .map((effect) =>
      effect.kind === 'send' && effect.message.t === 'ack' ? (effect.message.state?.hash ?? null) : 'x',
    );
  // The first went with the acknowledgement that follows the start.
  assert.deepEqual(sent, [null, 'b', null]);
});

test('told that its state differs, a standby follows nobody any more, also when asked to', () => {
  const { core } = streaming({ storedEpoch: 3 });
  const told = { t: 'state-differs', epoch: 3, sequence: 8, hash: 'theirs' } as const;
  assert.equal(core.step({ kind: 'message', connection: 1, message: told, nowMs: 1 })[0]?.kind, 'close');
  assert.equal(core.differsAt, 8);
  const effects = core.step({ kind: 'follow', upstream: { instance: 'c', address: 'c' }, nowMs: 2 });
  assert.ok(!effects.some(({ kind }) => kind === 'dial'));
  assert.deepEqual(core.step({ kind: 'tick', nowMs: 1000 }), []);
  const again = core.step({ kind: 'recomputed', nowMs: 1001 });
  assert.deepEqual(
    again.map((effect) => (effect.kind === 'dial' ? effect.address : effect.kind)),
    ['c', 'upstream-changed'],
    'with a state computed anew it follows again',
  );
  assert.equal(core.differsAt, null);
  assert.deepEqual(core.step({ kind: 'recomputed', nowMs: 1002 }), []);
});
