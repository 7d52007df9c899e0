import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, drawFacts, ENGINE, FactsBuilder, OMS, suspected } from '../../../test/builders/facts.ts';
import { forSeeds } from '../../../test/builders/for-seeds.ts';
import { type ComponentId, epoch, instanceId, siteId } from '../base/ids.ts';
import { indexOf, ownedComponents } from '../topology/topology-index.ts';
import { chooseCandidate, holdsEverything } from './candidates.ts';

const choose = (world: FactsBuilder, component: ComponentId, site: string, acceptLoss = false) =>
  chooseCandidate(world.facts, indexOf(world.facts.topology).component.get(component)!, siteId(site), acceptLoss);

const UNFIT: readonly (readonly [claim: string, given: (world: FactsBuilder) => unknown, reason: RegExp])[] = [
  ['that a person has fenced', fence, /a person has fenced it/],
  [
    'whose agent is not connected',
    (w) => w.host('bravo-e1', { connected: false }),
    /agent on bravo-e1 is not connected/,
  ],
  ['on a host that is only suspected', (w) => w.host('bravo-e1', { verdict: suspected }), /host bravo-e1 is suspect/],
  ['of which only old news is known', (w) => w.instance('bravo-eng1', { fresh: false }), /stale/],
  ['that does not answer', (w) => w.observation('bravo-eng1', { process: 'frozen' }), /does not answer/],
  ['that says it is primary already', (w) => w.observation('bravo-eng1', { role: 'primary' }), /primary already/],
  ['that has ended', (w) => w.observation('bravo-eng1', { process: 'exited' }), /its process is exited/],
  ['that was never seen', (w) => w.instance('bravo-eng1', { observation: null }), /its process is unknown/],
  ['whose health is bad', (w) => w.observation('bravo-eng1', { health: 'bad', reason: 'disk full' }), /disk full/],
  ['whose own state a replay found wrong', (w) => differs(w, 'here'), /its state was not that of alfa-eng1 at 2048/],
  ['of which nobody knows whether its state is right', (w) => differs(w, 'unknown'), /no replay says that it is right/],
  ['of which nothing is known', (w) => w.facts.instances.delete(instanceId('bravo-eng1')), /nothing is known about it/],
];

function fence(world: FactsBuilder) {
  return world.change({ brakes: { ...world.facts.brakes, fenced: [instanceId('bravo-eng1')] } });
}

function differs(world: FactsBuilder, wrong: 'here' | 'upstream' | 'unknown', of = 7) {
  const difference = { sequence: 2048, upstream: instanceId('alfa-eng1'), epoch: epoch(of), wrong };
  return world.observation('bravo-eng1', { difference });
}

test('a primary whose state a replay found wrong is not chosen again while it is that process and that reign; who found it may be', () => {
  const chosen = (of: number, role: 'primary' | 'closed' = 'primary') => {
    const world = differs(new FactsBuilder(), 'upstream', of).observation('alfa-eng1', { role });
    const choice = choose(world, ENGINE, 'alfa');
    assert.equal(choose(world, ENGINE, 'bravo').chosen, 'bravo-eng1');
    return choice.rejected.find(({ instance }) => instance === 'alfa-eng1')?.reason ?? '';
  };
  assert.equal(chosen(7), 'bravo-eng1 has shown by a replay that its state is wrong');
  assert.doesNotMatch(chosen(6), /replay/, 'an earlier reign');
  assert.doesNotMatch(chosen(7, 'closed'), /replay/, 'its next reign begins with a state that is computed anew');
});

for (const [claim, given, reason] of UNFIT)
  test(`an instance ${claim} does not take over, and the reason is told`, () => {
    const world = new FactsBuilder();
    assert.equal(choose(world, ENGINE, 'bravo').chosen, 'bravo-eng1');
    given(world);
    const choice = choose(world, ENGINE, 'bravo');
    assert.equal(choice.chosen, 'bravo-eng2');
    assert.match(choice.rejected.find((each) => each.instance === 'bravo-eng1')?.reason ?? '', reason);
  });

test('what may never be primary is not chosen, also where it is the only one', () => {
  const choice = choose(new FactsBuilder(), DB, 'wit', true);
  assert.equal(choice.chosen, null);
  assert.match(choice.rejected[0]?.reason ?? '', /may never be primary/);
});

test('I9: what was not in the recorded set is chosen only by who accepts a loss, and only last', () => {
  const world = new FactsBuilder().grant(ENGINE, { promotable: [instanceId('bravo-eng2')] });
  assert.equal(choose(world, ENGINE, 'bravo', true).chosen, 'bravo-eng2');
  world.instance('bravo-eng2', { fresh: false });
  const refused = choose(world, ENGINE, 'bravo');
  assert.equal(refused.chosen, null);
  assert.match(refused.rejected[0]?.reason ?? '', /may lack acknowledged writes/);
  assert.deepEqual(
    [choose(world, ENGINE, 'bravo', true).chosen, choose(world, ENGINE, 'bravo', true).lossy],
    ['bravo-eng1', true],
  );
});

test('the old holder comes last among those that have everything, but may be started again', () => {
  const world = new FactsBuilder().revoke(ENGINE).observation('alfa-eng1', { process: 'exited' });
  assert.equal(choose(world, ENGINE, 'alfa').chosen, 'alfa-eng2');
  world.instance('alfa-eng2', { fresh: false });
  assert.deepEqual([choose(world, ENGINE, 'alfa').chosen, choose(world, ENGINE, 'alfa').lossy], ['alfa-eng1', false]);
});

test('what keeps nothing is held whole by anybody', () => {
  const { facts, record } = new FactsBuilder();
  const oms = indexOf(facts.topology).component.get(OMS)!;
  assert.equal(holdsEverything(oms, record.grants[OMS]!, instanceId('bravo-oms')), true);
});

test('over generated facts the chosen one is fit, and everybody else at the site is told why not', () => {
  let chosen = 0;
  forSeeds(400, (random) => {
    const world = drawFacts(random);
    const { facts } = world;
    const component = random.pick(ownedComponents(facts.topology, facts.group));
    const site = random.pick(facts.topology.sites).id;
    const acceptLoss = random.chance(0.3);
    const choice = choose(world, component.id, site, acceptLoss);
    const here = component.instances.filter((each) => indexOf(facts.topology).siteOfInstance.get(each.id) === site);
    const named = [...choice.rejected.map((each) => each.instance), ...(choice.chosen ? [choice.chosen] : [])];
    assert.deepEqual(named.toSorted(), here.map((each) => each.id).toSorted());
    if (choice.chosen === null) return;
    chosen += 1;
    const known = facts.instances.get(choice.chosen)!;
    const host = facts.hosts.get(known.instance.host)!;
    assert.ok(known.instance.eligible && known.fresh && host.connected && host.verdict.state === 'healthy');
    const grant = facts.record!.grants[component.id]!;
    const safe = grant.revoked
      ? [...grant.revoked.promotable, grant.revoked.instance]
      : [...grant.promotable, grant.holder];
    if (component.durability !== null) assert.equal(choice.lossy, !safe.includes(choice.chosen));
    if (choice.lossy) assert.ok(acceptLoss);
  });
  assert.ok(chosen > 150, `${chosen}`);
});
