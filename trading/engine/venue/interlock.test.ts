import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Interlock } from './interlock.ts';

const none = new Map<number, string>();
const quiet = { others: 0, ending: 0, differing: none };

/** Everything confirmed, by the epoch. */
const confirmed = (): Interlock => {
  const interlock = new Interlock();
  interlock.replayed('epoch');
  interlock.sent();
  interlock.answered(quiet);
  return interlock;
};

test('nothing may be risked before the session, the missed reports, what is in doubt and the positions are known', () => {
  const interlock = new Interlock();
  const steps = [() => interlock.replayed('epoch'), () => interlock.sent(), () => interlock.answered(quiet)];
  for (const step of steps) {
    assert.equal(interlock.permits(1), false);
    assert.equal(interlock.view.state, 'closed');
    assert.ok(interlock.view.waitingFor.length > 0);
    step();
  }
  assert.equal(interlock.permits(1), true);
  assert.deepEqual(interlock.view, { state: 'open', waitingFor: [], held: new Map() });
});

test('a symbol whose orders are not settled is held, the others are not', () => {
  const interlock = new Interlock();
  interlock.replayed('epoch');
  interlock.awaits(7, 1, 'orders');
  interlock.awaits(8, 1, 'cancels');
  interlock.sent();
  interlock.answered(quiet);
  assert.deepEqual([interlock.permits(1), interlock.permits(2)], [false, true]);
  assert.deepEqual(interlock.view.waitingFor, ['orders: 1 without an answer', 'cancels: 1 without an answer']);
  interlock.settled(7);
  assert.equal(interlock.permits(1), false);
  interlock.settled(8);
  assert.equal(interlock.permits(1), true);
});

test('without epochs the exchange must say that nobody else is connected and that nothing is still to be ended', () => {
  const interlock = new Interlock();
  interlock.replayed('word');
  interlock.sent();
  interlock.answered({ ...quiet, others: 1 });
  assert.equal(interlock.open, false);
  assert.match(interlock.view.waitingFor.join(), /1 other sessions/);
  interlock.answered({ ...quiet, ending: 1 });
  assert.equal(interlock.open, false);
  interlock.answered(quiet);
  assert.equal(interlock.open, true);
});

test('a position that differs holds its symbol until the exchange states another', () => {
  const interlock = confirmed();
  interlock.answered({ ...quiet, differing: new Map([[3, 'bought 4 here, 5 there']]) });
  assert.deepEqual([interlock.permits(3), interlock.permits(4)], [false, true]);
  assert.deepEqual([interlock.clear, interlock.answeredAll], [false, true]);
  interlock.answered(quiet);
  assert.equal(interlock.permits(3), true);
});

test('a lost session has to be confirmed anew', () => {
  const interlock = confirmed();
  interlock.lost('the connection is closed');
  assert.deepEqual([interlock.open, interlock.view.waitingFor], [false, ['reports: the connection is closed']]);
  interlock.replayed('epoch');
  assert.equal(interlock.open, false);
});

const events = fc.array(
  fc.oneof(
    fc.record({ t: fc.constant('lost' as const) }),
    fc.record({ t: fc.constant('replayed' as const), proof: fc.constantFrom('epoch' as const, 'word' as const) }),
    fc.record({ t: fc.constant('awaits' as const), item: fc.nat({ max: 8 }) }),
    fc.record({ t: fc.constant('sent' as const) }),
    fc.record({ t: fc.constant('settled' as const), item: fc.nat({ max: 8 }) }),
    fc.record({
      t: fc.constant('answered' as const),
      others: fc.nat({ max: 1 }),
      ending: fc.nat({ max: 1 }),
      differs: fc.nat({ max: 3 }),
    }),
  ),
  { maxLength: 40 },
);
const symbolOf = (item: number) => item % 3;

test('whatever happens in whatever order, what is permitted was confirmed, and what was confirmed is permitted', () => {
  fc.assert(
    fc.property(events, (list) => {
      const interlock = new Interlock();
      let known = { up: false, proof: 'word', sent: false, others: -1, answers: null as null | typeof quiet };
      let waiting = new Set<number>();
      for (const event of list) {
        if (event.t === 'lost') {
          interlock.lost('gone');
          known = { up: false, proof: 'word', sent: false, others: -1, answers: null };
          waiting = new Set();
        } else if (event.t === 'replayed') {
          interlock.replayed(event.proof);
          known = { ...known, up: true, proof: event.proof };
        } else if (event.t === 'awaits') {
          interlock.awaits(event.item, symbolOf(event.item), 'orders');
          waiting.add(event.item);
        } else if (event.t === 'sent') {
          interlock.sent();
          known.sent = true;
        } else if (event.t === 'settled') assert.equal(interlock.settled(event.item), waiting.delete(event.item));
        else {
          const { others, ending, differs } = event;
          const answers = { others, ending, differing: new Map(differs < 3 ? [[differs, 'differs']] : []) };
          interlock.answered(answers);
          known.others = others + ending;
          if (known.sent) known.answers = answers;
        }
        const { up, proof, sent, others, answers } = known;
        const dead = proof === 'epoch' || others === 0;
        for (const symbol of [0, 1, 2]) {
          const settled = ![...waiting].some((item) => symbolOf(item) === symbol);
          const expected = up && sent && answers !== null && dead && settled && !answers.differing.has(symbol);
          assert.equal(interlock.permits(symbol), expected);
        }
        assert.equal(interlock.clear, interlock.view.waitingFor.length === 0);
      }
    }),
    { numRuns: 500 },
  );
});
