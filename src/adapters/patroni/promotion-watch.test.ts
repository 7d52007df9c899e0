import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Epoch } from '../../core/base/ids.ts';
import { delegateEvents } from './promotion-watch.ts';
import { parseV2, type StoreView, storeView } from './store.ts';

const stored = (name: string) =>
  storeView(parseV2(readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8'), '/service/database/'));
const before = stored('store-etcd-v2-3.4.23.json');
const after = stored('store-switched-etcd-v2-3.4.23.json');
const first = delegateEvents(null, before, null).seen;

describe('what Patroni does by itself', () => {
  it('is nobody’s news at the first look', () => {
    assert.deepEqual(delegateEvents(null, after, null).events, []);
  });

  it('is told of once: the lock that moved and every timeline that began', () => {
    const { events, seen } = delegateEvents(first, after, null);
    assert.deepEqual(
      events.map((event) => [event.kind, event.kind === 'promoted' ? event.timeline : event.to, event.asked]),
      [['lock-moved', 'database-chi', null], ...[2, 3, 4, 5, 6].map((timeline) => ['promoted', timeline, null])],
    );
    assert.deepEqual(delegateEvents(seen, after, null).events, []);
  });

  it('carries the epoch in which it was asked for, and only for the member that was', () => {
    const epoch = 7 as Epoch;
    const asked = (member: string) =>
      delegateEvents(first, after, { member, epoch })
        .events.map((event) => event.asked)
        .slice(0, 2);
    assert.deepEqual(asked('database-chi'), [7, 7]);
    assert.deepEqual(asked('database-nyc'), [null, null]);
  });

  it('is told of when it began and ended between two looks', () => {
    const change = (endedTimeline: number, newPrimary: string) => ({
      endedTimeline,
      at: 1,
      reason: '',
      when: null,
      newPrimary,
    });
    const view: StoreView = { ...before, history: [change(1, 'database-chi'), change(2, 'database-nyc')] };
    const { events } = delegateEvents(first, view, null);
    assert.deepEqual(
      events.map((event) => (event.kind === 'promoted' ? `${event.member} ${event.timeline}` : event.kind)),
      ['database-chi 2', 'database-nyc 3'],
    );
  });

  it('a lock that nobody has is a change, too', () => {
    const [event] = delegateEvents(first, { ...before, leader: null }, null).events;
    assert.deepEqual(event, { kind: 'lock-moved', from: 'database-nyc', to: null, asked: null });
  });
});
