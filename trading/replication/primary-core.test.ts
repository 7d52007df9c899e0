import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBlock } from '../journal/block.ts';
import { textRecord } from '../testing/text-record.ts';
import { MemoryLog } from './memory-log.ts';
import { PrimaryCore } from './primary-core.ts';

const EPOCH = 1;

/** A primary that waits for nobody, and one replica that follows it. */
function pair() {
  const log = new MemoryLog();
  const primary = new PrimaryCore({
    instance: 'a',
    epoch: EPOCH,
    ackSet: [],
    log,
    lostAfterMs: 1_000,
    windowEntries: 100,
    stateHashAt: (sequence) => (sequence <= log.end.sequence ? `hash of ${sequence}` : null),
  });
  const write = (entry: string) => {
    log.blocks.push(
      encodeBlock({ previous: log.end, epoch: EPOCH, committed: log.released, records: [textRecord(entry)] }),
    );
    log.durable = log.end.sequence;
    primary.step({ kind: 'appended' });
    primary.step({ kind: 'local-durable' });
  };
  const says = (message: object, connection = 1) =>
    primary.step({ kind: 'message', connection, message: message as never, nowMs: 1 });
  const acknowledges = (sequence: number, state?: { sequence: number; hash: string }) => {
    primary.step({ kind: 'sent', connection: 1, sequence });
    return says({ t: 'ack', epoch: EPOCH, sequence, ...(state === undefined ? {} : { state }) });
  };
  primary.step({ kind: 'connected', connection: 1, nowMs: 0 });
  const { sequence, epoch, crc } = log.end;
  says({ t: 'hello', protocol: 1, instance: 'b', epoch: EPOCH, sequence, sequenceEpoch: epoch, crc });
  says({ t: 'start', after: 0 });
  const state = () => primary.replicas.find(({ instance }) => instance === 'b')?.state;
  return { primary, write, says, acknowledges, state };
}

test('a replica whose whole log is found in the primary’s is sent the rest at once, and not again when it starts', () => {
  const { primary, write, says } = pair();
  write('one');
  primary.step({ kind: 'connected', connection: 2, nowMs: 0 });
  const empty = { sequence: 0, sequenceEpoch: 0, crc: 0 };
  const hello = { t: 'hello', protocol: 1, instance: 'c', epoch: EPOCH, ...empty } as const;
  const effects = primary.step({ kind: 'message', connection: 2, message: hello, nowMs: 1 });
  assert.deepEqual(effects.at(-1), { kind: 'send-log', connection: 2, after: 0 });
  primary.step({ kind: 'sent', connection: 2, sequence: 1 });
  assert.deepEqual(says({ t: 'start', after: 0 }, 2), []);
  says({ t: 'ack', epoch: EPOCH, sequence: 1 }, 2);
  assert.equal(primary.replicas.find(({ instance }) => instance === 'c')?.state, 'in-sync');
});

test('a replica that has to cut its log is sent nothing before it starts', () => {
  const { primary, write, says } = pair();
  write('one');
  primary.step({ kind: 'connected', connection: 2, nowMs: 0 });
  const hello = { t: 'hello', protocol: 1, instance: 'c', epoch: EPOCH, sequence: 5, sequenceEpoch: EPOCH, crc: 7 };
  says(hello, 2);
  const matched = says({ t: 'probe', sequence: 0, sequenceEpoch: 0, crc: 0 }, 2);
  assert.deepEqual(
    matched.map((effect) => (effect.kind === 'send' ? effect.message.t : effect.kind)),
    ['matched', 'replicas-changed'],
  );
  assert.deepEqual(says({ t: 'start', after: 0 }, 2), [{ kind: 'send-log', connection: 2, after: 0 }]);
});

test('I9: a new member of the acknowledgement set is in sync only once it holds what was released without it', () => {
  const { primary, write, acknowledges, state } = pair();
  write('one');
  acknowledges(1);
  assert.equal(state(), 'in-sync');
  write('two');
  assert.equal(primary.held, 2, 'released without it');
  primary.step({ kind: 'ack-set', members: ['b'] });
  assert.equal(state(), 'catching-up');
  write('three');
  assert.equal(primary.held, 2, 'from now on it is waited for');
  acknowledges(2);
  assert.equal(state(), 'in-sync');
});

test('a member that is named again, or that lacks nothing, stays in sync', () => {
  const { primary, write, acknowledges, state } = pair();
  write('one');
  acknowledges(1);
  primary.step({ kind: 'ack-set', members: ['b'] });
  assert.equal(state(), 'in-sync');
  write('two');
  primary.step({ kind: 'ack-set', members: ['b', 'c'] });
  assert.equal(state(), 'in-sync');
});

test('a replica whose state differs is taken out: told so, cut off, reported, and its acknowledgement does not count', () => {
  const { primary, write, acknowledges, state } = pair();
  primary.step({ kind: 'ack-set', members: ['b'] });
  write('one');
  write('two');
  acknowledges(1, { sequence: 1, hash: 'hash of 1' });
  assert.equal(primary.held, 1);
  const effects = acknowledges(2, { sequence: 2, hash: 'another' });
  assert.deepEqual(
    effects.map((effect) => (effect.kind === 'send' ? effect.message.t : effect.kind)),
    ['state-differs', 'close', 'replicas-changed', 'state-differs'],
  );
  assert.deepEqual([state(), primary.held, primary.complete], ['lost', 1, false]);
  assert.equal(primary.replicas[0]?.differsAt, 2);
  const difference = { sequence: 2, primary: 'hash of 2', replica: 'another', agreeing: [] };
  assert.deepEqual(primary.replicas[0]?.difference, difference);
});

test('a hash that the primary does not know is no difference', () => {
  const { write, acknowledges, state } = pair();
  write('one');
  acknowledges(1, { sequence: 7, hash: 'of what was never written' });
  assert.equal(state(), 'in-sync');
});

test('names from outside take up only so much: whoever is gone and never counted gives way, a member never does', () => {
  const { primary } = pair();
  primary.step({ kind: 'ack-set', members: ['b'] });
  for (let at = 0; at < 500; at++) {
    const connection = 100 + at;
    primary.step({ kind: 'connected', connection, nowMs: 1 });
    const message = {
      t: 'hello',
      protocol: 1,
      instance: `stranger-${at}`,
      epoch: 0,
      sequence: 0,
      sequenceEpoch: 0,
      crc: 0,
    } as const;
    primary.step({ kind: 'message', connection, message, nowMs: 1 });
    primary.step({ kind: 'closed', connection });
  }
  assert.ok(primary.replicas.length <= 64, `${primary.replicas.length}`);
  assert.ok(primary.replicas.some(({ instance }) => instance === 'b'));
});

test('a replica that answers and acknowledges nothing of what it was sent is in step no longer, until it does', () => {
  const { primary, write, acknowledges, state } = pair();
  primary.step({ kind: 'ack-set', members: ['b'] });
  write('one');
  acknowledges(1);
  write('two');
  primary.step({ kind: 'sent', connection: 1, sequence: 2 });
  let nowMs = 100;
  const stand = (forMs: number) => {
    for (const until = nowMs + forMs; nowMs < until; nowMs += 100) {
      const message = { t: 'ack', epoch: EPOCH, sequence: 1 } as const;
      primary.step({ kind: 'message', connection: 1, message, nowMs });
      primary.step({ kind: 'tick', nowMs });
    }
  };
  stand(3_900);
  assert.deepEqual([state(), primary.complete], ['in-sync', true]);
  stand(300);
  assert.deepEqual([state(), primary.complete, primary.held], ['catching-up', false, 1]);
  primary.step({ kind: 'message', connection: 1, message: { t: 'ack', epoch: EPOCH, sequence: 2 }, nowMs });
  assert.deepEqual([state(), primary.complete, primary.held], ['in-sync', true, 2]);
  // With nothing under way it owes nothing, for however long.
  for (const until = nowMs + 20_000; nowMs < until; nowMs += 100) {
    primary.step({ kind: 'message', connection: 1, message: { t: 'ack', epoch: EPOCH, sequence: 2 }, nowMs });
    primary.step({ kind: 'tick', nowMs });
  }
  assert.equal(state(), 'in-sync');
});

test('the primary that was itself paused has not seen a replica stand still', () => {
  const { primary, write, acknowledges, state } = pair();
  write('one');
  acknowledges(1);
  primary.step({ kind: 'tick', nowMs: 100 });
  write('two');
  primary.step({ kind: 'sent', connection: 1, sequence: 2 });
  primary.step({ kind: 'tick', nowMs: 200 });
  primary.step({ kind: 'tick', nowMs: 60_000 });
  primary.step({ kind: 'tick', nowMs: 60_100 });
  assert.equal(state(), 'in-sync');
});
