import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Revision, revision } from '../core/base/ids.ts';
import type { AuthorityEvent } from './agent-effects.ts';
import { AuthorityFeed } from './authority-feed.ts';
import type { RangeOutcome, WatchEvent } from './authority-port.ts';

/** An authority that answers only what the test tells it to. */
class ScriptedAuthority {
  readonly watches: { readonly after: Revision; readonly tell: (event: WatchEvent) => void; closed: boolean }[] = [];
  readonly asked: string[] = [];
  answers: RangeOutcome[] = [];
  readonly kind = 'lab-only';
  readonly voters = 1;

  range = async (prefix: string): Promise<RangeOutcome> => {
    this.asked.push(prefix);
    return this.answers.shift() ?? { kind: 'unknown', reason: 'nothing scripted' };
  };
  watch = (_prefix: string, options: { afterRevision: Revision; onEvent: (event: WatchEvent) => void }) => {
    const watch = { after: options.afterRevision, tell: options.onEvent, closed: false };
    this.watches.push(watch);
    return {
      close: () => {
        watch.closed = true;
      },
    };
  };
  transact = async () => ({ kind: 'refused' as const, reason: 'not scripted' });
  close = async () => {};
}

const snapshotAt = (at: number): RangeOutcome => ({
  kind: 'ok',
  revision: revision(at),
  incarnation: 'one',
  entries: {},
});
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

function feedOf(authority: ScriptedAuthority) {
  const events: AuthorityEvent[] = [];
  const alarms: { at: number; then: () => void; off: boolean }[] = [];
  const time = { now: 0 };
  const clock = {
    monoMs: () => time.now,
    wallMs: () => time.now,
    after: (delayMs: number, then: () => void) => {
      const alarm = { at: time.now + delayMs, then, off: false };
      alarms.push(alarm);
      return () => {
        alarm.off = true;
      };
    },
  };
  const feed = new AuthorityFeed({ authority, clock, give: (event) => events.push(event) });
  const advance = async (ms: number) => {
    time.now += ms;
    for (const alarm of alarms.filter((each) => !each.off && each.at <= time.now)) {
      alarm.off = true;
      alarm.then();
    }
    await settled();
  };
  return { feed, events, advance };
}

test('a snapshot comes first, then every change after it', async () => {
  const authority = new ScriptedAuthority();
  authority.answers = [snapshotAt(7)];
  const { feed, events } = feedOf(authority);
  feed.start();
  await settled();
  assert.equal(authority.watches[0]?.after, 7);
  authority.watches[0]?.tell({ kind: 'changed', revision: revision(8), changes: [{ key: 'leader', value: 'x' }] });
  assert.deepEqual(
    events.map((event) => event.kind),
    ['authority-snapshot', 'authority-changed'],
  );
});

test('a read without an answer is repeated with growing pauses', async () => {
  const authority = new ScriptedAuthority();
  const { feed, events, advance } = feedOf(authority);
  feed.start();
  await settled();
  assert.equal(events.length, 0);
  authority.answers = [snapshotAt(3)];
  await advance(50);
  assert.equal(events[0]?.kind, 'authority-snapshot');
});

test('after a gap everything is read again, and the watch that ended is not listened to any more', async () => {
  const authority = new ScriptedAuthority();
  authority.answers = [snapshotAt(7), snapshotAt(20)];
  const { feed, events } = feedOf(authority);
  feed.start();
  await settled();
  authority.watches[0]?.tell({ kind: 'compacted' });
  await settled();
  assert.equal(authority.watches[1]?.after, 20);
  assert.equal(authority.watches[0]?.closed, true);
  authority.watches[0]?.tell({ kind: 'changed', revision: revision(8), changes: [] });
  assert.deepEqual(
    events.map((event) => event.kind),
    ['authority-snapshot', 'authority-snapshot'],
  );
});

test('asked to reload while it is reading, it reads once more afterwards', async () => {
  const authority = new ScriptedAuthority();
  authority.answers = [snapshotAt(1), snapshotAt(2)];
  const { feed, events } = feedOf(authority);
  feed.start();
  feed.reload();
  feed.reload();
  await settled();
  assert.equal(events.filter((event) => event.kind === 'authority-snapshot').length, 2);
});

test('a quiet authority counts as heard only when it answers a read', async () => {
  const authority = new ScriptedAuthority();
  authority.answers = [snapshotAt(1)];
  const { feed, events, advance } = feedOf(authority);
  feed.start();
  await settled();
  await advance(400);
  assert.equal(events.at(-1)?.kind, 'authority-snapshot');
  authority.answers = [snapshotAt(1)];
  await advance(400);
  assert.equal(events.at(-1)?.kind, 'authority-heard');
  assert.equal(authority.asked.at(-1), 'quiet/');
});
