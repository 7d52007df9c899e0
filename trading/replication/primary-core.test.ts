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
  });
  const write = (entry: string) => {
    log.blocks.push(
      encodeBlock({ previous: log.end, epoch: EPOCH, committed: log.released, records: [textRecord(entry)] }),
    );
    log.durable = log.end.sequence;
    primary.step({ kind: 'appended' });
    primary.step({ kind: 'local-durable' });
  };
  const says = (message: object) =>
    primary.step({ kind: 'message', connection: 1, message: message as never, nowMs: 1 });
  const acknowledges = (sequence: number) => {
    primary.step({ kind: 'sent', connection: 1, sequence });
    says({ t: 'ack', epoch: EPOCH, sequence });
  };
  primary.step({ kind: 'connected', connection: 1, nowMs: 0 });
  const { sequence, epoch, crc } = log.end;
  says({ t: 'hello', protocol: 1, instance: 'b', epoch: EPOCH, sequence, sequenceEpoch: epoch, crc });
  says({ t: 'start', after: 0 });
  const state = () => primary.replicas.find(({ instance }) => instance === 'b')?.state;
  return { primary, write, acknowledges, state };
}

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
