import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEED_MESSAGE_BYTES, PACKET_HEADER_BYTES } from '../venue-protocol/feed.ts';
import { FeedArbiter, type FeedName, type RecoveryRequest } from './feed-arbiter.ts';

const timing = { gapWaitMs: 20, askAgainMs: 1000, runSilentMs: 5000 };

/** An arbiter that took its snapshot at `sequence`, with what it told and asked. */
const synced = (sequence: number, options: { readonly run?: number; readonly window?: number } = {}) => {
  const told: number[] = [];
  const asked: RecoveryRequest[] = [];
  const run = options.run ?? 7;
  const arbiter = new FeedArbiter({
    nowMs: 0,
    timing,
    window: options.window ?? 100,
    sink: { message: () => told.push(arbiter.sequence), ask: (request) => asked.push(request) },
  });
  assert.equal(arbiter.wantsSnapshot(run, 0), true);
  arbiter.snapshotTaken(sequence, 0);
  asked.length = 0;
  const bytes = new Uint8Array(PACKET_HEADER_BYTES + 24 * FEED_MESSAGE_BYTES);
  const packet = (feed: FeedName, first: number, count: number, nowMs: number, ofRun = run) =>
    arbiter.packet(bytes, { feed, first, count, run: ofRun }, nowMs);
  return { arbiter, told, asked, packet, run };
};

test('of two copies the first is told, and the figures say which feed brought it', () => {
  const { arbiter, told, packet } = synced(10);
  packet('A', 11, 2, 1);
  packet('B', 11, 3, 2);
  packet('A', 13, 1, 3);
  assert.deepEqual(told, [11, 12, 13]);
  assert.deepEqual([arbiter.feeds.A.first, arbiter.feeds.B.first], [2, 1]);
  assert.deepEqual([arbiter.feeds.A.duplicates, arbiter.feeds.B.duplicates], [1, 2]);
});

test('a gap waits for the other feed first, and is asked for when that does not bring it', () => {
  const { arbiter, told, asked, packet } = synced(10);
  packet('A', 11, 0, 70);
  packet('A', 13, 1, 100);
  assert.equal(arbiter.behindSinceMs, 70, 'what is missing is as old as the last moment without a gap');
  arbiter.tick(119);
  assert.deepEqual(asked, []);
  assert.equal(arbiter.dueAtMs, 120);
  arbiter.tick(120);
  assert.deepEqual(asked, [{ kind: 'gap', from: 11, count: 2 }]);
  packet('B', 11, 2, 125);
  assert.deepEqual(told, [11, 12, 13]);
  assert.equal(arbiter.dueAtMs, Number.POSITIVE_INFINITY);
});

test('a heartbeat says that something is missing', () => {
  const { arbiter, asked, packet } = synced(10);
  packet('A', 11, 0, 100);
  assert.equal(arbiter.behindSinceMs, null);
  packet('A', 14, 0, 200);
  arbiter.tick(220);
  assert.deepEqual(asked, [{ kind: 'gap', from: 11, count: 3 }]);
});

test('a request without an answer is made again, and one that brings nothing does not run hot', () => {
  const { arbiter, asked, packet } = synced(10);
  packet('A', 13, 1, 0);
  arbiter.tick(20);
  arbiter.tick(1019);
  assert.equal(asked.length, 1);
  arbiter.tick(1020);
  assert.equal(asked.length, 2);
  arbiter.gapEnded({ run: 7, next: 13 }, 1030);
  assert.equal(asked.length, 2);
  assert.equal(arbiter.dueAtMs, 2020);
});

test('what the recovery service does not know either is not believed', () => {
  const { arbiter, told, packet } = synced(10);
  packet('A', 5_000_000, 0, 0);
  arbiter.tick(20);
  arbiter.gapEnded({ run: 7, next: 11 }, 30);
  assert.equal(arbiter.behindSinceMs, null);
  packet('B', 11, 1, 40);
  assert.deepEqual(told, [11]);
});

test('who is too far behind, or asks too late, takes a snapshot and counts what only that covers', () => {
  const far = synced(10, { window: 16 });
  far.packet('A', 40, 1, 50);
  assert.equal(far.arbiter.synced, false);
  assert.deepEqual(far.asked, [{ kind: 'snapshot' }]);
  far.arbiter.snapshotTaken(40, 60);
  assert.equal(far.arbiter.figures.skipped, 30);
  const late = synced(10);
  late.packet('A', 12, 1, 50);
  late.arbiter.tick(70);
  late.arbiter.tooOld(7, 80);
  assert.deepEqual(late.asked.at(-1), { kind: 'snapshot' });
});

test('what came while a snapshot was on its way is told after it', () => {
  const { arbiter, told, packet } = synced(10);
  arbiter.startOver(5);
  packet('A', 11, 5, 10);
  assert.deepEqual(told, []);
  assert.equal(arbiter.wantsSnapshot(7, 20), true);
  arbiter.snapshotTaken(13, 20);
  assert.deepEqual(told, [14, 15]);
  assert.equal(arbiter.wantsSnapshot(7, 30), false, 'a second answer is not taken');
});

test('another run begins with a snapshot; a late packet of the older one changes nothing', () => {
  const { arbiter, told, asked, packet } = synced(10);
  packet('A', 1, 2, 10, 8);
  assert.deepEqual([arbiter.run, arbiter.synced], [8, false]);
  assert.deepEqual(asked, [{ kind: 'snapshot' }]);
  packet('B', 11, 1, 20, 7);
  assert.equal(arbiter.wantsSnapshot(7, 20), false);
  assert.equal(arbiter.run, 8);
  arbiter.snapshotTaken(1, 30);
  assert.deepEqual(told, [2]);
  assert.equal(arbiter.figures.ofOlderRun, 2);
});

test('an older run is believed when the newer one has been silent: an exchange’s clock may have been set back', () => {
  const { arbiter, packet } = synced(10);
  packet('A', 11, 0, 100);
  packet('A', 1, 0, 5100, 3);
  assert.equal(arbiter.run, 7);
  packet('A', 1, 0, 5101, 3);
  assert.deepEqual([arbiter.run, arbiter.synced], [3, false]);
});
