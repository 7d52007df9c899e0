import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawFacts, ENGINE, FactsBuilder, NOW, seenToEnd } from '../../../test/builders/facts.ts';
import { forSeeds, shuffled } from '../../../test/builders/for-seeds.ts';
import { engineFailover, planOf, siteFailover, switchover } from '../../../test/builders/plans.ts';
import type { Random } from '../../sim/random.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { planDigest, siteId, wallMs } from '../base/ids.ts';
import type { AutomationPolicy } from '../topology/topology.ts';
import { type Decision, decide } from './decide.ts';
import type { Facts } from './facts.ts';
import type { Intent } from './intent.ts';
import { proposeFailover, proposeRecovery, proposeSwitchover } from './propose.ts';
import { SAFETY_RULES } from './rules/index.ts';

const decideOn = (facts: Facts, intent: Intent, overrides: readonly string[] = []): Decision =>
  decide({ facts, intent, plan: planOf(intent, facts), overrides });

/** An engine that was seen to end: every rule passes for the one beside it. */
const engineDown = (policy: AutomationPolicy = 'automatic') =>
  new FactsBuilder()
    .group({ instancePolicy: policy })
    .instance('alfa-eng1', { verdict: seenToEnd, provedDead: true })
    .observation('alfa-eng1', { process: 'exited', role: 'closed' });

const drawIntent = (random: Random, facts: Facts): Intent | null => {
  const to = random.pick(facts.topology.sites).id;
  return random.pick([
    () => proposeRecovery(facts),
    () => proposeRecovery(facts, true),
    () => proposeFailover(facts, to, 'Grace', random.chance(0.3)),
    () => proposeSwitchover(facts, to, 'Grace'),
  ])();
};

test('an engine that was seen to end is replaced where the policy is automatic', () => {
  const decision = decideOn(engineDown().facts, engineFailover);
  assert.equal(decision.verdict, 'proceed', decision.reason);
  assert.match(decision.reason, /automatic/);
});

const POLICIES: readonly (readonly [AutomationPolicy, Decision['verdict']])[] = [
  ['automatic', 'proceed'],
  ['approval', 'ask-approval'],
  ['manual', 'stand-down'],
  ['observe', 'stand-down'],
];
for (const [policy, verdict] of POLICIES)
  test(`when all rules pass, the policy "${policy}" leads to ${verdict}`, () => {
    assert.equal(decideOn(engineDown(policy).facts, engineFailover).verdict, verdict);
  });

test('a site and an instance have policies of their own', () => {
  const { facts } = engineDown('automatic').group({ sitePolicy: 'approval' });
  assert.equal(decideOn(facts, engineFailover).policy, 'automatic');
  assert.equal(decideOn(facts, siteFailover).policy, 'approval');
});

test('I5: an approval counts for exactly the plan that it names, and until it ends', () => {
  const { digest } = planOf(engineFailover, engineDown().facts);
  const verdictWith = (approval: Parameters<FactsBuilder['approve']>[0]) =>
    decideOn(engineDown('approval').approve(approval).facts, engineFailover).verdict;
  assert.equal(verdictWith({ digest }), 'proceed');
  assert.equal(verdictWith({ digest, until: wallMs(NOW + 1) }), 'proceed');
  assert.equal(verdictWith({ digest, until: NOW }), 'ask-approval');
  assert.equal(verdictWith({ digest: planDigest('another') }), 'ask-approval');
});

test('an approval does not make a rule pass', () => {
  const world = engineDown('approval').change({
    leadership: { leading: false, term: engineDown().facts.leadership.term },
  });
  world.approve({ digest: planOf(engineFailover, world.facts).digest });
  const decision = decideOn(world.facts, engineFailover);
  assert.equal(decision.verdict, 'hold');
  assert.match(decision.reason, /^R-LEADER block: another controller leads$/);
});

test('the approval that a plan with a loss consumes is the one that accepts the loss', () => {
  const lossy: Intent = { ...engineFailover, lossy: [ENGINE] };
  for (const policy of ['approval', 'automatic'] as const) {
    const world = engineDown(policy).grant(ENGINE, { ackSet: [], promotable: [] });
    const { digest } = planOf(lossy, world.facts);
    world.approve({ digest, by: 'Ada' }).approve({ digest, by: 'Linus', acceptsLoss: 'orders:12' });
    const decision = decideOn(world.facts, lossy);
    assert.equal(decision.verdict, 'proceed', decision.reason);
    assert.deepEqual([decision.approval?.by, decision.approval?.acceptsLoss], ['Linus', 'orders:12']);
    assert.match(decision.reason, /Linus/);
  }
});

test('a person overrides a rule that allows it, and nothing else', () => {
  const asked: Intent = { ...siteFailover, trigger: 'Planned', requestedBy: 'Grace' };
  const well = new FactsBuilder().facts;
  assert.equal(decideOn(well, asked).verdict, 'hold');
  const decision = decideOn(well, asked, ['R-VERDICT']);
  assert.deepEqual([decision.verdict, decision.overridden], ['proceed', ['R-VERDICT']]);
  const unfenced = new FactsBuilder().lose('alfa').lease(ENGINE, { gate: null });
  assert.match(decideOn(unfenced.facts, asked, ['R-VERDICT', 'R-FENCE']).reason, /^R-FENCE block/);
});

test('nobody overrides a rule on behalf of automation', () => {
  const decision = decideOn(new FactsBuilder().facts, siteFailover, ['R-VERDICT']);
  assert.deepEqual([decision.verdict, decision.overridden], ['hold', []]);
});

test('a planned move of a healthy platform proceeds, because a person asked for it', () => {
  const decision = decideOn(new FactsBuilder().facts, switchover);
  assert.deepEqual([decision.verdict, decision.reason], ['proceed', 'asked for by Grace']);
});

test('I6: over generated facts nothing proceeds past a rule that does not pass', () => {
  const seen = new Map<string, number>();
  forSeeds(1000, (random) => {
    const { facts } = drawFacts(random);
    const intent = drawIntent(random, facts);
    if (intent === null) return;
    const overrides = random.chance(0.3) ? SAFETY_RULES.map((rule) => rule.id) : [];
    const decision = decideOn(facts, intent, overrides);
    seen.set(decision.verdict, (seen.get(decision.verdict) ?? 0) + 1);
    assert.deepEqual(
      decision.rules.map((result) => result.rule),
      SAFETY_RULES.map((rule) => rule.id),
    );
    const stopping = decision.rules.filter(
      ({ rule, outcome }) =>
        outcome !== 'pass' &&
        !(
          intent.requestedBy !== null &&
          overrides.includes(rule) &&
          SAFETY_RULES.find(({ id }) => id === rule)?.overridable
        ),
    );
    const unmet = decision.prerequisites.filter(({ outcome }) => outcome === 'fail' || outcome === 'cannot-evaluate');
    assert.equal(decision.verdict === 'hold', stopping.length + unmet.length > 0, decision.reason);
    for (const { rule } of stopping) assert.ok(decision.reason.includes(rule));
  });
  for (const verdict of ['hold', 'proceed', 'ask-approval', 'stand-down'])
    assert.ok((seen.get(verdict) ?? 0) >= 8, `${verdict}: ${seen.get(verdict)}`);
});

test('the same facts lead to the same decision and digest, in whatever order they were gathered, and stay as they were', () => {
  forSeeds(100, (random) => {
    const { facts } = drawFacts(random);
    const before = canonicalFacts(facts);
    const intent = drawIntent(random, facts);
    if (intent === null) return;
    const decision = decideOn(facts, intent);
    assert.deepEqual(decideOn(structuredClone(facts), intent), decision);
    const reordered: Facts = {
      ...facts,
      hosts: new Map(shuffled(random, [...facts.hosts])),
      instances: new Map(shuffled(random, [...facts.instances])),
      leases: new Map(shuffled(random, [...facts.leases])),
    };
    const other = decideOn(reordered, intent);
    assert.deepEqual([other.verdict, other.plan.digest], [decision.verdict, decision.plan.digest]);
    assert.deepEqual(proposeRecovery(reordered), proposeRecovery(facts));
    assert.equal(canonicalFacts(facts), before);
  });
});

const canonicalFacts = (facts: Facts): string =>
  canonicalJson({
    ...facts,
    sites: [...facts.sites],
    hosts: [...facts.hosts],
    instances: [...facts.instances],
    leases: [...facts.leases],
  });

test('I3: over generated facts no plan promotes before a step that fences each old writer', () => {
  let plans = 0;
  forSeeds(500, (random) => {
    const { facts } = drawFacts(random);
    const intent = drawIntent(random, facts);
    if (intent === null) return;
    const { plan, verdict } = decideOn(facts, intent);
    const at = (kind: string) => plan.steps.findIndex((step) => step.kind === kind);
    for (const step of ['revoke', 'barrier', 'fence']) {
      assert.ok(at(step) >= 0 && at(step) < at('grant'), step);
      assert.equal(plan.steps[at(step)]!.pointOfNoReturn, false);
    }
    assert.ok(at('grant') < at('promote-components'));
    assert.ok(at('promote-components') < at('enable-trading'));
    assert.equal(plan.steps[at('promote-components')]!.pointOfNoReturn, true);
    for (const { component, from } of plan.moves)
      assert.equal(
        from,
        facts.record?.grants[component]?.holder ?? null,
        'the present holder is the one that gives way',
      );
    if (verdict === 'proceed') plans += 1;
  });
  assert.ok(plans > 20, `${plans} plans proceeded`);
});

test('a decision names the site that it leaves and the one that it goes to', () => {
  const intent = proposeFailover(new FactsBuilder().facts, siteId('bravo'), 'Grace', false);
  assert.deepEqual([intent?.fromSite, intent?.toSite], ['alfa', 'bravo']);
});
