import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, ENGINE, FactsBuilder, OMS } from '../../test/builders/facts.ts';
import { planOf } from '../../test/builders/plans.ts';
import { epoch, instanceId, revision, runId, siteId } from '../core/base/ids.ts';
import type { Intent } from '../core/decision/intent.ts';
import { proposeRecovery, proposeSwitchover } from '../core/decision/propose.ts';
import { foldRun, type RunState } from '../core/run/run.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { answeredByFacts } from './answered-by-facts.ts';
import { AuthorityMirror } from './authority-mirror.ts';
import type { Transaction } from './authority-port.ts';
import type { ControllerEffect } from './controller-effects.ts';
import { adoptable, DelegateAdoption, delegatesArrived } from './delegate-adoption.ts';
import type { GroupSurroundings } from './group-surroundings.ts';
import { granted, revoked } from './record-change.ts';
import { routeUnder } from './served-routes.ts';
import { fencingProofs, ordersFor } from './step-orders.ts';

const run = runId('trading-8');
const world = () => new FactsBuilder({ delegatedDatabase: true, servers: true }).underDelegate('alfa-db');
const named = (at: FactsBuilder) => adoptable(at.facts).map(({ holder, lock }) => `${holder} ${lock}`);

/** The record says what was confirmed. */
function adopt(at: FactsBuilder): FactsBuilder {
  const delegates = Object.fromEntries(adoptable(at.facts).map((each) => [each.component, each]));
  return at.change({ record: { ...at.record, delegates: { ...at.record.delegates, ...delegates } } });
}

function opened(at: FactsBuilder, intent: Intent): RunState {
  const { wallMs: when, leadership } = at.facts;
  const event = {
    kind: 'opened',
    run,
    plan: planOf(intent, at.facts),
    automatic: true,
    by: 'policy automatic',
    at: when,
    detectedAt: when,
    lastGoodAt: null,
    decidedAt: when,
  } as const;
  return foldRun([
    { number: 1, run, term: leadership.term, epoch: at.record.epoch, controller: 'bravo', events: [event] },
  ])!;
}

/** A planned move after its grant. */
function moving(intent = (at: FactsBuilder): Intent => proposeSwitchover(at.facts, siteId('bravo'), 'Grace')!) {
  const at = adopt(world());
  const state = opened(at, intent(at));
  at.change({ record: revoked(at.facts, state.plan, run, 'one'), run: state });
  at.change({ record: granted(at.facts, state.plan) });
  return { at, state };
}

const pooler = (at: FactsBuilder, id: string) => {
  const { instance, component } = indexOf(at.facts.topology);
  const known = instance.get(instanceId(id))!;
  return routeUnder(at.record, component.get(known.component)!, known, at.facts.topology)?.routes;
};

test('what is confirmed is adopted once, also where nobody asked for it, and what leads to it follows', () => {
  const at = world();
  assert.deepEqual(pooler(at, 'alfa-pooler'), { trading: null }, 'nobody is led to whom nobody has confirmed');
  assert.deepEqual(named(at), ['alfa-db 20']);
  adopt(at);
  assert.deepEqual([named(at), pooler(at, 'alfa-pooler')], [[], { trading: 'alfa-db' }]);
  at.underDelegate('bravo-db', { since: 40 });
  assert.deepEqual(named(at), ['bravo-db 40']);
  adopt(at);
  assert.deepEqual(
    [pooler(at, 'alfa-pooler'), pooler(at, 'bravo-pooler')],
    [{ trading: 'bravo-db' }, { trading: 'bravo-db' }],
    'clients are still led to the site that has the traffic: its pooler leads on',
  );
});

test('while nobody is confirmed the record stays as it is', () => {
  const at = adopt(world()).underDelegate(null);
  assert.deepEqual(named(at), []);
  assert.equal(at.record.delegates?.[DB]?.holder, 'alfa-db');
});

test('a look from before the last adoption changes nothing, unless everybody sees that lock: a store made anew', () => {
  const at = adopt(world().underDelegate('bravo-db', { since: 40 }));
  at.underDelegate('alfa-db', { since: 20 });
  at.observation('bravo-db', { delegate: null });
  assert.deepEqual(named(at), []);
  at.underDelegate('alfa-db', { since: 20 });
  assert.deepEqual(named(at), ['alfa-db 20']);
});

test('from its revocation on nobody is led to what moves, and only the chosen one is adopted', () => {
  const { at, state } = moving();
  assert.deepEqual([at.record.delegates?.[DB]?.holder, pooler(at, 'alfa-pooler')], [null, { trading: null }]);
  assert.deepEqual(named(at), [], 'the former primary is still confirmed');
  assert.ok(!delegatesArrived(state, at.facts));
  at.underDelegate('bravo-db', { since: 40 });
  assert.deepEqual(named(at), ['bravo-db 40']);
  adopt(at);
  assert.ok(delegatesArrived(state, at.facts));
  assert.deepEqual(pooler(at, 'bravo-pooler'), { trading: 'bravo-db' });
  at.underDelegate('alfa-db', { since: 41 });
  assert.ok(!delegatesArrived(state, at.facts), 'its delegate has promoted another one since');
});

test('where its delegate asks before it promotes a run writes down whom it moves it to, until somebody is adopted', () => {
  const at = adopt(new FactsBuilder({ delegatedDatabase: true, askingDatabase: true }).underDelegate('alfa-db'));
  const state = opened(at, proposeSwitchover(at.facts, siteId('bravo'), 'Grace')!);
  at.change({ record: revoked(at.facts, state.plan, run, 'one'), run: state });
  assert.deepEqual(at.record.delegates?.[DB]?.moving, { run, to: 'bravo-db' });
  at.underDelegate('bravo-db', { since: 40 });
  assert.deepEqual([adoptable(at.facts)[0]?.holder, adoptable(at.facts)[0]?.moving], ['bravo-db', undefined]);
  assert.equal(moving().at.record.delegates?.[DB]?.moving, undefined, 'nobody asks there');
});

test('a run that ends without having moved it leaves it to be adopted where it is', () => {
  const { at } = moving();
  at.change({ run: null });
  assert.deepEqual(named(at), ['alfa-db 20']);
});

test('its delegate is asked before what depends on it is promoted, by the agent of the candidate, at the raised epoch', () => {
  const { at, state } = moving();
  const orders = ordersFor({ kind: 'promote-components' }, state, at.facts);
  assert.deepEqual(
    orders.map(({ target }) => target),
    ['bravo-db', 'bravo-eng1', 'bravo-oms'],
  );
  const [first] = orders;
  assert.deepEqual(first?.order, {
    kind: 'perform',
    instance: 'bravo-db',
    action: { kind: 'take-over', epoch: 8, former: 'alfa-db', planned: true },
  });
  assert.ok(first.required && first.inSequence && first.confirm === null && first.host === 'bravo-d');
  const barrier = ordersFor({ kind: 'barrier' }, state, at.facts);
  assert.ok(
    barrier.some(({ host, required }) => host === 'bravo-d' && required),
    'its agent stores the epoch first',
  );
});

test('unplanned nobody in particular has to give way', () => {
  const { at, state } = moving((known) => {
    known.lose('alfa');
    return proposeRecovery(known.facts)!;
  });
  const [first] = ordersFor({ kind: 'promote-components' }, state, at.facts);
  assert.deepEqual(first?.order.kind === 'perform' && first.order.action, {
    kind: 'take-over',
    epoch: 8,
    former: 'alfa-db',
    planned: false,
  });
});

/** A run that replaces a primary whose own agent saw it end. */
function replacing() {
  const at = adopt(world());
  const nothing = { process: 'exited', role: 'closed', health: 'bad', reason: 'nothing is left' } as const;
  at.observation('alfa-db', nothing);
  const state = opened(at, proposeRecovery(at.facts)!);
  const record = revoked(at.facts, state.plan, run, at.record.incarnation);
  at.change({ record: { ...record, run }, run: state });
  return { at, state };
}
const goneProof = (epochOf: number) => ({
  method: 'process-dead' as const,
  scope: instanceId('alfa-db'),
  epoch: epoch(epochOf),
  sticky: { heal: true, reboot: false },
  evidence: 'nothing is left',
  lock: { since: 20, renewed: 31 },
});

test('the agent of a primary that has ended is asked for a proof, and the step waits until it was tried', () => {
  const { at, state } = replacing();
  const [asked, ...others] = ordersFor({ kind: 'fence' }, state, at.facts);
  assert.deepEqual(others, []);
  assert.deepEqual(asked?.order, {
    kind: 'perform',
    instance: 'alfa-db',
    action: { kind: 'prove-gone', epoch: at.record.epoch },
  });
  assert.deepEqual([asked.host, asked.required, asked.awaited], ['alfa-d', false, true]);
  assert.equal(answeredByFacts('fence', state, at.facts), null, 'facts alone do not answer it');
  at.host('alfa-d', { connected: false });
  assert.deepEqual(ordersFor({ kind: 'fence' }, state, at.facts), [], 'nobody is there to prove it');
});

test('with the proof its lock need not be waited for; without it the take-over says nothing of it', () => {
  const { at, state } = replacing();
  const asked = (proofs: RunState['proofs']) => {
    const [order] = ordersFor({ kind: 'promote-components' }, { ...state, proofs }, at.facts);
    return order?.order.kind === 'perform' ? order.order.action : null;
  };
  const plain = { kind: 'take-over', epoch: at.record.epoch, former: 'alfa-db', planned: false };
  const proof = goneProof(at.record.epoch);
  assert.deepEqual(asked([proof]), { ...plain, gone: { since: 20, renewed: 31 } });
  assert.deepEqual(asked([]), plain);
  assert.deepEqual(asked([{ ...proof, scope: instanceId('bravo-db') }]), plain, 'it is of somebody else');
  assert.deepEqual(fencingProofs(state, at.facts, [proof]), [proof], 'it is kept with the run');
  assert.deepEqual(fencingProofs(state, at.facts, [{ ...proof, scope: instanceId('wit-db') }]), []);
});

/** A site whose database is behind gates is lost, and the run for that has taken it out of the record. */
function shutting(seenMsAgo: number) {
  const at = new FactsBuilder({ delegatedDatabase: true, gatedDatabase: true, servers: true }).underDelegate('alfa-db');
  adopt(at).lose('alfa');
  at.facts.leases.set(DB, {
    holder: instanceId('alfa-db'),
    epoch: epoch(7),
    revision: revision(40),
    gate: { kind: 'nftables', boundMs: 50 },
    seenMsAgo: 10,
  });
  const state = opened(at, proposeRecovery(at.facts)!);
  at.change({ record: { ...revoked(at.facts, state.plan, run, at.record.incarnation), run }, run: state });
  for (const component of [DB, ENGINE, OMS]) at.lease(component, { seenMsAgo });
  return { at, state };
}

test('behind gates a run writes down whose was open last, and its fence waits until all have closed', () => {
  const { at, state } = shutting(10);
  assert.deepEqual(at.record.delegates?.[DB]?.left, { instance: 'alfa-db', lock: 20, leaseRevision: 40 });
  for (const component of [ENGINE, OMS]) at.lease(component, { seenMsAgo: 60_000 });
  assert.equal(fencingProofs(state, at.facts, []), null, 'only its gate may still be open');
  at.lease(DB, { seenMsAgo: at.facts.successorWaitMs });
  const proofs = fencingProofs(state, at.facts, []) ?? [];
  assert.ok(proofs.some(({ scope, method }) => scope === 'alfa-db' && method === 'lease-expired'));
  const [order] = ordersFor({ kind: 'promote-components' }, { ...state, proofs }, at.facts);
  assert.deepEqual(order?.order.kind === 'perform' && order.order.action, {
    kind: 'take-over',
    epoch: at.record.epoch,
    former: 'alfa-db',
    planned: false,
    shut: { since: 20 },
  });
});

test('what cannot be known of a gate, and a primary that answers, are not waited for', () => {
  const { at, state } = shutting(60_000);
  at.lease(DB, { gate: null });
  assert.ok(fencingProofs(state, at.facts, [])?.every(({ scope }) => scope !== 'alfa-db'));
  at.lease(DB, { gate: { kind: 'nftables', boundMs: 50 }, seenMsAgo: 10 });
  const { facts } = at.instance('alfa-db', { fresh: true, ageMs: 10 });
  assert.ok(
    fencingProofs(state, facts, [])?.every(({ scope }) => scope !== 'alfa-db'),
    'it is asked to give way',
  );
});

test('whose gate was open last stays written down for the next run, is over once somebody is adopted, and is no gate’s word after a restore', () => {
  const { at, state } = shutting(10);
  at.lease(DB, { revision: revision(41) });
  const again = revoked(at.facts, state.plan, run, at.record.incarnation);
  assert.deepEqual(again.delegates?.[DB]?.left, { instance: 'alfa-db', lock: 20, leaseRevision: 40 });
  at.underDelegate('bravo-db', { since: 40 });
  const [adopted] = adoptable(at.change({ run: null }).facts);
  assert.deepEqual([adopted?.holder, adopted?.left], ['bravo-db', undefined]);
});

test('the record is written under the leader’s key and the record’s revision, and evidence says whether a run asked for it', () => {
  const transactions: Transaction[] = [];
  const effects: ControllerEffect[] = [];
  let answer: (committed: boolean) => void = () => {};
  const adoption = new DelegateAdoption({
    topology: world().facts.topology,
    mirror: new AuthorityMirror(),
    leadership: { comparison: () => ({ key: 'leader', revision: 5 }) },
    emit: (effect: ControllerEffect) => effects.push(effect),
    transact: (body: Transaction, _: number, then: (outcome: object, now: number, wall: number) => void) => {
      transactions.push(body);
      answer = (committed) => then(committed ? { kind: 'committed', revision: 31 } : { kind: 'conflict' }, 0, 0);
    },
  } as unknown as GroupSurroundings);
  const said = () => effects.flatMap((effect) => (effect.kind === 'evidence' ? [effect.entry] : []));
  const at = world();
  let again = 0;
  assert.ok(adoption.work(at.facts, () => again++));
  assert.ok(adoption.busy);
  assert.deepEqual(
    transactions[0]?.compare.map(({ key }) => key),
    ['leader', 'group/trading'],
  );
  answer(false);
  assert.deepEqual([adoption.busy, again, said()], [false, 0, []]);
  adoption.work(at.facts, () => again++);
  answer(true);
  assert.equal(again, 1);
  const { kind, data } = said()[0]!;
  assert.deepEqual(
    [kind, data],
    ['delegate-adopted', { component: DB, holder: 'alfa-db', lock: 20, from: null, asked: 'not by this group' }],
  );
  const move = moving();
  move.at.underDelegate('bravo-db', { since: 40 });
  adoption.work(move.at.facts, () => again++);
  answer(true);
  assert.match(JSON.stringify(said().at(-1)), /by this run/);
  assert.ok(!adoption.work(adopt(world()).facts, () => again++), 'nothing is new');
  assert.equal(epoch(7), adoptable(world().facts)[0]?.epoch);
});
