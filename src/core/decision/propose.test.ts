import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DB,
  drawFacts,
  ENGINE,
  FactsBuilder,
  OMS,
  seenToEnd,
  suspected,
  unheardOf,
} from '../../../test/builders/facts.ts';
import { forSeeds } from '../../../test/builders/for-seeds.ts';
import { epoch, instanceId, siteId } from '../base/ids.ts';
import { canServe, indexOf } from '../topology/topology-index.ts';
import { proposeActivation, proposeFailover, proposeRecovery, proposeSwitchover } from './propose.ts';

const moved = (intent: ReturnType<typeof proposeRecovery>) =>
  intent?.moves.map((move) => `${move.component} → ${move.to}`);

test('nothing is proposed where all is well, or nothing was ever activated', () => {
  assert.equal(proposeRecovery(new FactsBuilder().facts), null);
  assert.equal(proposeRecovery(new FactsBuilder().change({ record: null }).facts), null);
});

test('a suspicion is no reason to move anything', () => {
  assert.equal(proposeRecovery(new FactsBuilder().instance('alfa-eng1', { verdict: suspected }).facts), null);
});

test('a lost instance gives way to the one beside it; the rest stays where it is', () => {
  const intent = proposeRecovery(new FactsBuilder().instance('alfa-eng1', { verdict: seenToEnd }).facts);
  assert.deepEqual([intent?.runbook, intent?.scope, intent?.trigger], ['failover-instance', 'instance', 'PrimaryDown']);
  assert.deepEqual(moved(intent), ['engine → alfa-eng2']);
});

test('what else the returned hosts held is moved in the same run, whether they were heard of yet or not', () => {
  const world = new FactsBuilder().instance('alfa-eng1', { verdict: seenToEnd });
  for (const component of [DB, OMS]) world.lease(component, { seenMsAgo: 60_000 });
  const back = proposeRecovery(world.facts);
  assert.equal(back?.scope, 'instance');
  assert.deepEqual(moved(back), ['db → alfa-db', 'engine → alfa-eng2', 'oms → alfa-oms']);
  world.lease(DB, { seenMsAgo: 10 }).observation('alfa-db', { role: 'closed' });
  world.lease(OMS, { epoch: epoch(0) });
  assert.equal(
    moved(proposeRecovery(world.facts))?.length,
    3,
    'seen closed by its agent; never begun under this grant',
  );
  world.lease(DB, { seenMsAgo: 60_000 });
  world.instance('alfa-db', { verdict: unheardOf, fresh: false, observation: null });
  assert.equal(proposeRecovery(world.facts)?.scope, 'site', 'it is not known whether the database comes back');
});

test('a holder that its agent has started anew, and has not heard from yet, is moved with the rest although its right runs', () => {
  const world = new FactsBuilder().instance('alfa-eng1', { verdict: seenToEnd });
  world.lease(OMS, { seenMsAgo: 10 }).observation('alfa-oms', { role: 'unknown', health: 'unknown' });
  assert.deepEqual(
    moved(proposeRecovery(world.facts)),
    ['engine → alfa-eng2'],
    'its agent does not vouch for its silence',
  );
  world.instance('alfa-oms', { provedDead: true });
  assert.notDeepEqual(moved(proposeRecovery(world.facts)), ['engine → alfa-eng2']);
});

test('a right that has run out moves nothing while nothing is known to have failed', () => {
  assert.equal(proposeRecovery(new FactsBuilder().lease(DB, { seenMsAgo: 60_000 }).facts), null);
});

test('with nobody beside it everything moves to the other site together', () => {
  const intent = proposeRecovery(
    new FactsBuilder({ enginesPerSite: 1 })
      .instance('alfa-eng1', { verdict: seenToEnd })
      .observation('alfa-eng1', { process: 'frozen' }).facts,
  );
  assert.deepEqual([intent?.runbook, intent?.scope, intent?.toSite], ['failover-site', 'site', 'bravo']);
  assert.deepEqual(moved(intent), ['db → bravo-db', 'engine → bravo-eng1', 'oms → bravo-oms']);
});

test('a lost site is left as a whole, for the most preferred site that can take everything', () => {
  const world = new FactsBuilder({ servingSites: 3 }).lose('alfa');
  assert.deepEqual(
    [proposeRecovery(world.facts)?.trigger, proposeRecovery(world.facts)?.toSite],
    ['SiteDown', 'bravo'],
  );
  world.instance('bravo-db', { fresh: false });
  assert.equal(proposeRecovery(world.facts)?.toSite, 'carol');
});

test('where no site can take everything, what is missing is named for the preferred one', () => {
  const intent = proposeRecovery(new FactsBuilder().lose('alfa').lose('bravo').facts);
  assert.equal(intent?.toSite, 'bravo');
  assert.deepEqual(
    intent?.missing.map((each) => each.component),
    [DB, ENGINE, OMS],
  );
});

test('a take-over that was begun goes on, with the old holder if there is nobody else', () => {
  const world = new FactsBuilder().lose('bravo').revoke(DB);
  const intent = proposeRecovery(world.facts);
  assert.deepEqual([intent?.trigger, intent?.scope], ['NoPrimary', 'instance']);
  assert.deepEqual(moved(intent), ['db → alfa-db']);
});

test('components that are held in two sites are brought together', () => {
  const intent = proposeRecovery(new FactsBuilder().grant(OMS, { holder: instanceId('bravo-oms') }).facts);
  assert.deepEqual([intent?.trigger, intent?.scope, intent?.moves.length], ['GroupSplit', 'site', 3]);
});

test('a take-over without its last steps is finished without moving anything', () => {
  for (const change of [{ traffic: null }, { tradingEnabled: false }] as const) {
    const world = new FactsBuilder();
    const intent = proposeRecovery(world.change({ record: { ...world.record, ...change } }).facts);
    assert.deepEqual([intent?.trigger, intent?.moves], ['TakeoverUnfinished', []]);
  }
});

test('a take-over is not finished while a holder is not known to serve: the run would fail for it', () => {
  const world = new FactsBuilder();
  world.change({ record: { ...world.record, tradingEnabled: false } });
  world.lease(DB, { seenMsAgo: 60_000 }).instance('alfa-db', { verdict: unheardOf, fresh: false, observation: null });
  assert.equal(proposeRecovery(world.facts), null);
  world.instance('alfa-db', { verdict: seenToEnd });
  assert.equal(proposeRecovery(world.facts)?.trigger, 'PrimaryDown');
});

test('people name a site, or get the preferred one; the active one is no target', () => {
  const { facts } = new FactsBuilder({ servingSites: 3 });
  assert.equal(proposeFailover(facts, null, 'Grace', false)?.toSite, 'bravo');
  assert.equal(proposeFailover(facts, siteId('carol'), 'Grace', false)?.toSite, 'carol');
  assert.equal(proposeSwitchover(facts, siteId('alfa'), 'Grace'), null);
  assert.equal(proposeSwitchover(facts, siteId('bravo'), 'Grace')?.requestedBy, 'Grace');
});

test('a group is activated once in its life', () => {
  assert.equal(proposeActivation(new FactsBuilder().facts, siteId('bravo'), 'Grace'), null);
  const intent = proposeActivation(new FactsBuilder().change({ record: null }).facts, siteId('bravo'), 'Grace');
  assert.deepEqual([intent?.trigger, intent?.fromSite, intent?.moves.length], ['Activation', null, 3]);
});

test('over generated facts whatever is proposed goes to one site that may serve, each component once', () => {
  let proposed = 0;
  forSeeds(400, (random) => {
    const { facts } = drawFacts(random);
    const intent = proposeRecovery(facts, random.chance(0.3));
    if (intent === null) return;
    proposed += 1;
    const { site, siteOfInstance } = indexOf(facts.topology);
    assert.ok(canServe(site.get(intent.toSite)!));
    assert.ok(intent.moves.every((move) => siteOfInstance.get(move.to) === intent.toSite));
    const concerned = [...intent.moves, ...intent.missing].map((each) => each.component);
    assert.equal(new Set(concerned).size, concerned.length);
    if (intent.scope === 'instance') assert.equal(intent.toSite, facts.record?.activeSite);
  });
  assert.ok(proposed > 150, `${proposed}`);
});
