import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FactsBuilder, NOW } from '../../test/builders/facts.ts';
import { forSeeds } from '../../test/builders/for-seeds.ts';
import { planOf, siteFailover } from '../../test/builders/plans.ts';
import { epoch, runId, type Term, term } from '../core/base/ids.ts';
import { currentStep, foldRun, isOpen, type JournalEntry, type RunEvent } from '../core/run/run.ts';
import { GROUP } from '../sim/build-topology.ts';
import type { Random } from '../sim/random.ts';
import type { ActionOutcome } from './driver-port.ts';
import type { Command, CommandOutcome } from './messages.ts';
import { granted, revoked } from './record-change.ts';
import { ordersFor } from './step-orders.ts';
import { StepWork } from './step-work.ts';

const run = runId('trading-8');

/** Everything that can be asked, as a desk takes it: each key once, nothing of an older term. */
class Targets {
  /** Keys of what was really done. */
  readonly done = new Set<string>();
  #term = 0;

  take({ key, term: its, attempt, order }: Command, host: string, random: Random): CommandOutcome {
    const answer = (outcome: CommandOutcome['outcome'], repeated = false) =>
      ({ key, attempt, host, outcome, proof: null, repeated }) as CommandOutcome;
    if (its < this.#term) return answer({ kind: 'refused', code: 'stale-term', reason: 'a newer term was seen' });
    this.#term = its;
    const ok: ActionOutcome = { kind: 'ok', detail: {} };
    if (order.kind === 'confirm')
      return answer(this.done.has(key.split('?')[0]!) ? ok : { kind: 'failed', code: 'does-not-hold', reason: 'no' });
    if (this.done.has(key)) return answer(ok, true);
    if (random.chance(0.1)) return answer({ kind: 'failed', code: 'busy', reason: 'not now' });
    this.done.add(key);
    return answer(ok);
  }
}

interface Flight {
  readonly at: number;
  readonly arrive: (now: number) => void;
}

/**
 * A site failover by leaders that end at any moment, over a network that loses, delays and repeats in both directions. Each leader
 * begins with nothing but the journal.
 */
function play(random: Random) {
  const world = new FactsBuilder();
  const plan = planOf(siteFailover, world.facts);
  const targets = new Targets();
  const journal: JournalEntry[] = [];
  const sentBy: { readonly term: Term; readonly command: Command; readonly stepBegunBy: Term | null }[] = [];
  let flights: Flight[] = [];
  let now = 0;
  let leader = term(1);
  let leaders = 1;
  const write = (...events: RunEvent[]) =>
    void journal.push({ number: journal.length + 1, run, term: leader, epoch: epoch(8), controller: 'bravo', events });
  write({
    kind: 'opened',
    run,
    plan,
    automatic: true,
    by: '',
    at: NOW,
    detectedAt: NOW,
    lastGoodAt: null,
    decidedAt: NOW,
  });
  let work: StepWork | null = null;
  const travel = (arrive: Flight['arrive']) => {
    if (random.chance(0.1)) return;
    for (let copies = random.chance(0.1) ? 2 : 1; copies > 0; copies -= 1)
      flights.push({ at: now + (random.chance(0.1) ? random.between(0, 4000) : random.between(1, 20)), arrive });
  };
  for (let turn = 0; turn < 5000; turn += 1) {
    const state = foldRun(journal)!;
    if (!isOpen(state)) return { targets, journal, leaders, sentBy, plan };
    if (random.chance(0.01)) {
      leader = term(leader + 1);
      leaders += 1;
      work = null;
    }
    now += random.between(1, 60);
    const arriving = flights.filter((flight) => flight.at <= now);
    flights = flights.filter((flight) => flight.at > now);
    for (const { arrive } of arriving) arrive(now);
    const step = currentStep(state);
    if (step === null) {
      write({ kind: 'closed', result: 'completed', reason: 'every step is done', at: NOW });
      continue;
    }
    const { id, kind } = step.step;
    if (step.state === 'waiting') {
      if (kind === 'revoke') world.change({ record: revoked(world.facts, plan, run, 'one') });
      if (kind === 'grant') world.change({ record: granted(world.facts, plan) });
      write({ kind: 'step-started', step: id, attempt: step.attempts + 1, at: NOW });
      work = null;
      continue;
    }
    const context = { group: GROUP, run, step: id, term: leader, epoch: epoch(8) };
    work ??= new StepWork(context, now, step.term !== leader);
    const orders = ordersFor({ kind }, state, world.facts).filter((order) => order.required);
    if (work.doneWith(orders)) {
      write({ kind: 'step-finished', step: id, outcome: 'ok', at: NOW });
      work = null;
      continue;
    }
    const asking = work;
    for (const { host, command } of work.next(orders, now)) {
      sentBy.push({ term: leader, command, stepBegunBy: step.term });
      travel(() => {
        const outcome = targets.take(command, host, random);
        travel((at) => asking.answered(outcome, at));
      });
    }
  }
  return null;
}

test('a run that changes hands at any moment ends, and nothing in it is done twice', () => {
  const seen = { leaders: 0 };
  forSeeds(120, (random) => {
    const told = play(random);
    assert.ok(told, 'the run came to no end');
    const doneOnce = new Map<string, Set<string>>();
    for (const key of told.targets.done) {
      const [, step, ...target] = key.split('/');
      doneOnce.set(step!, (doneOnce.get(step!) ?? new Set()).add(target.join('/')));
    }
    assert.deepEqual([...(doneOnce.get('promote-components') ?? [])], ['bravo-db', 'bravo-eng1', 'bravo-oms']);
    assert.equal(told.targets.done.size, 3 + 3 + 1 + 1 + 1, [...told.targets.done].join(' '));
    const started = told.journal.flatMap(({ events }) =>
      events.flatMap((event) => (event.kind === 'step-started' ? [event.step] : [])),
    );
    assert.deepEqual(
      started,
      told.plan.steps.map((step) => step.id),
      'each step is begun once, in its order',
    );
    seen.leaders += told.leaders;
  });
  assert.ok(seen.leaders > 200, `${seen.leaders} leaders`);
});

test('a leader that finds a step begun by another asks whether it was done before it orders it again', () => {
  let asked = 0;
  forSeeds(120, (random) => {
    const told = play(random);
    const first = new Map<string, Command>();
    for (const { term: by, command, stepBegunBy } of told?.sentBy ?? []) {
      if (stepBegunBy === by) continue;
      const about = `${by} ${command.key.split('?')[0]}`;
      if (!first.has(about)) first.set(about, command);
    }
    for (const [about, command] of first) {
      if (!/promote-components|move-traffic|enable-trading/.test(about)) continue;
      assert.equal(command.order.kind, 'confirm', about);
      asked += 1;
    }
  });
  assert.ok(asked > 50, `${asked} confirmations`);
});
