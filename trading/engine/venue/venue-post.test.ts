import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEntries } from '../../testing/journalled.ts';
import type { Entry } from '../entry.ts';
import { OrderState } from '../order-state.ts';
import { Takeover } from './takeover.ts';
import type { OnTakeover } from './venue-config.ts';
import { VenuePost } from './venue-post.ts';
import type { VenueAnswers, VenueSession } from './venue-session.ts';

/** A session that is ready and remembers what it was given. */
class SessionUnderTest implements VenueSession {
  readonly waitsForRelease = false;
  readonly ready = true;
  readonly missed = 0;
  readonly idBytes = 32;
  readonly symbolBytes = 16;
  readonly sent: number[] = [];
  readonly asked: (readonly number[])[] = [];
  #staged: number[] = [];
  stageItem(item: number): void {
    this.#staged.push(item);
  }
  unstage(): void {
    this.#staged = [];
  }
  flush(): void {
    this.sent.push(...this.#staged.splice(0));
  }
  inquire(orders: readonly number[]): void {
    this.asked.push(orders);
  }
  prepare(): void {}
  start(): void {}
  stop(): void {}
  tick(): void {}
  stageTest(): void {}
  expectTest(): void {}
  forgetTest(): void {}
}

const order = (id: string, more: object = {}): Entry => ({
  kind: 'order',
  id,
  client: 'c',
  symbol: 'X',
  side: 'B',
  price: 1,
  qty: 1,
  at: 1,
  ...more,
});

/** One exchange in a reign that began behind these entries. */
const reign = (entries: readonly Entry[], onTakeover: OnTakeover = 'keep') => {
  const state = new OrderState();
  applyEntries(state, [{ kind: 'venue', name: 'v', venue: 0 }, ...entries]);
  const session = new SessionUnderTest();
  const address = { name: 'v', host: '', port: 0, firm: 'ACME', password: '' };
  const terms = { symbols: [], heartbeatMs: 1000, onTakeover, fix: null, fencePort: null };
  const post = new VenuePost({ ...address, ...terms }, session);
  const about = { epoch: 2, instance: 'a', directory: '' };
  const hooks = {
    state,
    base: state.applied,
    releasedBefore: 0,
    takeover: new Takeover({ state, about, venues: ['v'] }),
    upTo: state.applied,
    may: true,
    released: () => hooks.upTo,
    letOut: () => hooks.upTo,
    mayRelease: () => hooks.may,
    cancel: (item: number) => {
      applyEntries(state, [{ kind: 'cancel', id: `~${item}`, client: 'c', target: state.ids.text(item), at: 1 }]);
      return state.items.count - 1;
    },
  };
  post.begin(0);
  const answer = (more: Partial<VenueAnswers> = {}) => {
    const quiet = { others: 0, ending: 0, unknown: new Set<number>(), positions: new Map() };
    post.answered({ last: state.venues.lastReport(0), ...quiet, ...more }, state, () => true);
  };
  const again = () => {
    post.tick(Number.MAX_SAFE_INTEGER);
    post.advance(hooks);
  };
  return { state, session, post, hooks, answer, again };
};

test('what is in doubt goes again once it is released, orders before requests, and is asked about', () => {
  const entries = [order('a'), { kind: 'cancel', id: 'c1', client: 'c', target: 'a', at: 1 } as const, order('b')];
  const { session, post, hooks, answer } = reign(entries);
  hooks.upTo = hooks.base - 1;
  post.ready('epoch', hooks.takeover);
  post.advance(hooks);
  assert.deepEqual([session.sent, session.asked, post.waitsForRelease], [[], [[]], true]);
  answer();
  hooks.upTo = hooks.base;
  post.advance(hooks);
  assert.deepEqual([session.sent, session.asked, post.waitsForRelease], [[0, 2, 1], [[], [0, 2]], false]);
  post.advance(hooks);
  assert.equal(session.sent.length, 3, 'once');
});

test('what an earlier reign released goes at once; the rest holds its symbol until it is released, sent and answered', () => {
  const { state, session, post, hooks, answer } = reign([order('a'), order('b', { symbol: 'Y' })]);
  hooks.upTo = 0;
  hooks.releasedBefore = 2;
  post.ready('epoch', hooks.takeover);
  post.advance(hooks);
  assert.deepEqual([session.sent, session.asked], [[0], [[0]]]);
  applyEntries(state, [{ kind: 'accepted', n: 1, id: 'a' }]);
  post.settled(state, 0);
  answer();
  const [x, y] = [state.items.about(0), state.items.about(1)];
  assert.deepEqual([post.interlock.permits(x), post.interlock.permits(y), post.waitsForRelease], [true, false, true]);
  post.advance(hooks);
  assert.deepEqual(session.sent, [0], 'no replica has the second one yet');
  hooks.upTo = hooks.base;
  post.advance(hooks);
  assert.deepEqual([session.sent, session.asked.at(-1)], [[0, 1], [1]]);
  applyEntries(state, [{ kind: 'accepted', n: 2, id: 'b' }]);
  post.settled(state, 1);
  answer();
  assert.equal(post.interlock.clear, true);
});

test('what is released while the exchange still answers is sent at once, asked about after the answer, and nothing twice', () => {
  const { session, post, hooks, answer } = reign([order('a'), order('b')]);
  hooks.upTo = 0;
  hooks.releasedBefore = 2;
  post.ready('epoch', hooks.takeover);
  post.advance(hooks);
  hooks.upTo = hooks.base;
  post.advance(hooks);
  assert.deepEqual([session.sent, session.asked], [[0, 1], [[0]]]);
  post.tick(Number.MAX_SAFE_INTEGER);
  post.advance(hooks);
  assert.equal(session.sent.length, 2, 'an exchange that refuses an order refuses it as often as it comes');
  answer();
  post.advance(hooks);
  assert.deepEqual(
    [session.sent, session.asked],
    [
      [0, 1],
      [[0], [1]],
    ],
  );
});

test('what the reign itself has under way is not sent again because something else is asked again', () => {
  const { state, session, post, hooks, answer, again } = reign([]);
  post.ready('epoch', hooks.takeover);
  post.advance(hooks);
  answer({ positions: new Map([['Z', { bought: 1, sold: 0 }]]) });
  applyEntries(state, [order('new')]);
  hooks.upTo = state.applied;
  again();
  assert.deepEqual([session.sent, session.asked.length], [[], 2]);
});

test('what is still in the queue of the reign leaves from there only', () => {
  const { state, session, post, hooks } = reign([order('a')]);
  applyEntries(state, [order('new')]);
  hooks.upTo = state.applied;
  hooks.letOut = () => 0;
  post.ready('epoch', hooks.takeover);
  post.advance(hooks);
  assert.deepEqual(session.sent, [0]);
});

test('without a lease nothing is sent, and it is sent when there is one', () => {
  const { session, post, hooks } = reign([order('a')]);
  hooks.may = false;
  post.ready('epoch', hooks.takeover);
  post.advance(hooks);
  assert.deepEqual([session.sent, session.asked], [[], []]);
  hooks.may = true;
  post.advance(hooks);
  assert.deepEqual(session.sent, [0]);
});

test('without epochs nothing is sent before the exchange has said that nobody else is there', () => {
  const { session, post, hooks, answer, again } = reign([order('a')]);
  post.ready('word', hooks.takeover);
  post.advance(hooks);
  assert.deepEqual([session.sent, session.asked], [[], [[]]]);
  answer({ others: 1 });
  post.advance(hooks);
  again();
  assert.deepEqual([session.sent, session.asked.length], [[], 2]);
  answer();
  post.advance(hooks);
  assert.deepEqual([session.sent, session.asked.at(-1)], [[0], [0]]);
});

test('a cancel of the policy leaves through the queue of the reign only, however often the exchange is asked', () => {
  const { state, session, post, hooks, answer, again } = reign(
    [
      order('day'),
      order('long', { tif: 'gtc' }),
      { kind: 'accepted', n: 1, id: 'day' },
      { kind: 'accepted', n: 2, id: 'long' },
    ],
    'cancel-day',
  );
  post.ready('epoch', hooks.takeover);
  post.advance(hooks);
  assert.deepEqual([state.items.count, post.interlock.unsettled.size], [3, 1]);
  answer();
  again();
  assert.deepEqual(session.sent, [], 'no replica has it yet');
  hooks.upTo = state.applied;
  answer();
  again();
  assert.deepEqual(session.sent, [2]);
  applyEntries(state, [{ kind: 'cancelled', n: 3, id: '~0', target: 'day' }]);
  assert.equal(post.settled(state, 2), true);
  answer();
  assert.equal(post.interlock.clear, true);
});
