import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, ENGINE, FactsBuilder, seenToEnd } from '../../../test/builders/facts.ts';
import { planOf } from '../../../test/builders/plans.ts';
import { confirmedPrimary } from '../authority/delegated-primary.ts';
import { epoch, instanceId, runId, siteId, wallMs } from '../base/ids.ts';
import { diagnose } from '../diagnosis/diagnose.ts';
import { foldRun } from '../run/run.ts';
import { validate } from '../validation/validate.ts';
import { decide } from './decide.ts';
import type { Intent } from './intent.ts';
import { proposeRecovery, proposeSwitchover } from './propose.ts';

const bravo = siteId('bravo');
const world = () => new FactsBuilder({ delegatedDatabase: true }).underDelegate('alfa-db');
const planned = (at: FactsBuilder) => proposeSwitchover(at.facts, bravo, 'Grace')!;
const moves = (intent: Intent | null) => (intent?.delegates ?? []).map(({ from, to }) => `${from} → ${to}`);
const why = (intent: Intent) =>
  intent.missing.flatMap(({ component, rejected }) =>
    rejected.map(({ instance, reason }) => `${component} ${instance} ${reason}`),
  );
const ruleOf = (at: FactsBuilder, intent: Intent, id: string) =>
  decide({ facts: at.facts, intent, plan: planOf(intent, at.facts), overrides: [] }).rules.find(
    ({ rule }) => rule === id,
  )!;
const primaryOf = (at: FactsBuilder) => {
  const component = at.facts.topology.components.find(({ id }) => id === DB)!;
  return confirmedPrimary(at.facts, component)?.holder ?? null;
};

test('confirmed is whom the lock names and who says so itself; a newer lock elsewhere ends that', () => {
  assert.equal(primaryOf(world()), 'alfa-db');
  assert.equal(primaryOf(world().observation('alfa-db', { role: 'standby' })), null, 'the lock alone is not enough');
  assert.equal(primaryOf(world().instance('alfa-db', { fresh: false })), null);
  assert.equal(primaryOf(world().observation('alfa-db', { delegate: null })), null, 'its own word alone is not enough');
  const moved = world();
  const newer = new FactsBuilder({ delegatedDatabase: true }).underDelegate('bravo-db', { since: 30 });
  moved.observation('bravo-db', {
    ...newer.facts.instances.get(instanceId('bravo-db'))!.observation!,
    role: 'standby',
  });
  assert.equal(primaryOf(moved), null, 'somebody has seen the lock move on');
  moved.observation('bravo-db', { role: 'primary' });
  assert.equal(primaryOf(moved), 'bravo-db');
});

test('nothing is granted of it: a planned move asks its delegate, names both, and the digest holds it', () => {
  const at = world();
  const intent = planned(at);
  assert.deepEqual(moves(intent), ['alfa-db → bravo-db']);
  assert.ok(intent.moves.every(({ component }) => component !== DB));
  assert.deepEqual(intent.missing, []);
  const plan = planOf(intent, at.facts);
  assert.notEqual(
    plan.digest,
    planOf({ ...intent, delegates: [{ ...intent.delegates![0]!, from: null }] }, at.facts).digest,
  );
  const step = plan.steps.find(({ kind }) => kind === 'promote-components')!;
  const usual = planOf({ ...intent, delegates: [] }, at.facts).steps.find(({ kind }) => kind === 'promote-components')!;
  assert.equal(step.deadlineMs - usual.deadlineMs, 10_000, 'a lock is free only after its time');
  assert.equal(ruleOf(at, intent, 'R-DEPENDENCY').outcome, 'pass');
  assert.match(ruleOf(at, intent, 'R-CANDIDATE').reason, /db → bravo-db/);
});

const refusals: readonly (readonly [string, (at: FactsBuilder) => FactsBuilder, RegExp])[] = [
  [
    'one that is no synchronous standby',
    (at) => at.underDelegate('alfa-db', { withoutLoss: [] }),
    /may lack acknowledged writes/,
  ],
  ['a paused cluster', (at) => at.underDelegate('alfa-db', { paused: true }), /paused/],
  [
    'a cluster that is known to lose data',
    (at) => at.underDelegate('alfa-db', { dangers: ['leader-key-overwritten'] }),
    /dangerous: leader-key-overwritten/,
  ],
  [
    'a store that nobody has read',
    (at) =>
      at
        .underDelegate('alfa-db', {})
        .observation('alfa-db', { delegate: null })
        .observation('bravo-db', { delegate: null })
        .observation('wit-db', { delegate: null }),
    /who has the lock is not known/,
  ],
  ['settings that were not read', (at) => at.underDelegate('alfa-db', { durability: null }), /settings were not read/],
  [
    'a primary that is not confirmed',
    (at) => at.observation('alfa-db', { role: 'unknown', health: 'unknown' }),
    /not confirmed/,
  ],
  [
    'a candidate of which nothing is known',
    (at) => at.observation('bravo-db', { role: 'unknown', health: 'unknown' }),
    /health is unknown/,
  ],
  [
    'a candidate that a person has fenced',
    (at) => at.change({ brakes: { ...at.facts.brakes, fenced: [instanceId('bravo-db')] } }),
    /a person has fenced it/,
  ],
  ['a candidate without its agent', (at) => at.host('bravo-d', { connected: false }), /not connected/],
];

for (const [what, change, reason] of refusals)
  test(`a planned move is blocked by ${what}, with the reason`, () => {
    const at = change(world());
    const intent = planned(at);
    assert.deepEqual(moves(intent), []);
    assert.match(why(intent).join('\n'), reason);
    const rule = ruleOf(at, intent, 'R-CANDIDATE');
    assert.equal(rule.outcome, 'block');
    assert.match(rule.reason, reason);
  });

test('when a site is lost its delegate is asked by itself, where the lost primary can acknowledge nothing alone', () => {
  const lost = world().lose('alfa');
  const intent = proposeRecovery(lost.facts)!;
  assert.deepEqual([intent.runbook, moves(intent)], ['failover-site', ['alfa-db → bravo-db']]);
  const weaker = world().underDelegate('alfa-db', { durability: 'preferred' }).lose('alfa');
  assert.match(why(proposeRecovery(weaker.facts)!).join('\n'), /nothing bounds what it acknowledges/);
});

const ended = (at = world()) =>
  at.observation('alfa-db', { process: 'exited', role: 'closed', health: 'bad', reason: 'nothing of it is left' });

test('what its agent could no longer read beside it, another member’s agent has: the settings are of the whole cluster', () => {
  const unread = (at: FactsBuilder) => {
    const { delegate } = at.facts.instances.get(instanceId('alfa-db'))!.observation!;
    const blind = { ...delegate!, durability: null, lockTtlMs: null, dangers: [], paused: false };
    for (const other of ['bravo-db', 'wit-db']) at.instance(other, { ageMs: 800 });
    return ended(at).observation('alfa-db', { delegate: blind }).instance('alfa-db', { ageMs: 1 });
  };
  assert.deepEqual(moves(proposeRecovery(unread(world()).facts)), ['alfa-db → bravo-db']);
  for (const [said, reason] of [
    [{ paused: true }, /paused/],
    [{ dangers: ['leader-key-overwritten'] }, /dangerous: leader-key-overwritten/],
    [{ durability: 'preferred' }, /nothing bounds what it acknowledges/],
    [{ durability: null }, /settings were not read/],
  ] as const)
    assert.match(
      JSON.stringify(proposeRecovery(unread(world().underDelegate('alfa-db', said)).facts)!.rejected),
      reason,
    );
});

test('a primary that its own agent saw end is replaced at the other site at once, and nothing else moves', () => {
  const at = ended();
  const intent = proposeRecovery(at.facts)!;
  assert.deepEqual(
    [intent.runbook, intent.scope, intent.moves, moves(intent), intent.missing, intent.toSite],
    ['failover-instance', 'instance', [], ['alfa-db → bravo-db'], [], 'alfa'],
  );
  const outcomes = decide({ facts: at.facts, intent, plan: planOf(intent, at.facts), overrides: [] });
  assert.deepEqual(
    outcomes.rules.filter(({ outcome }) => outcome !== 'pass'),
    [],
  );
  assert.match(ruleOf(at, intent, 'R-VERDICT').reason, /alfa-db: its own agent saw that it has ended/);
  assert.match(ruleOf(at, intent, 'R-FENCE').reason, /sooner once its agent proves/);
  assert.ok(diagnose(at.facts).some(({ kind, instance }) => kind === 'PrimaryDown' && instance === 'alfa-db'));
});

const stays: readonly (readonly [string, (at: FactsBuilder) => FactsBuilder])[] = [
  ['one that only does not answer', (at) => at.observation('alfa-db', { role: 'unknown', health: 'unknown' })],
  ['one of which nothing fresh is known', (at) => ended(at).instance('alfa-db', { fresh: false })],
  ['one that has not read who has the lock', (at) => ended(at).observation('alfa-db', { delegate: null })],
  [
    'one whose lock is another’s already',
    (at) =>
      at
        .underDelegate('bravo-db')
        .observation('alfa-db', { process: 'exited', role: 'closed', health: 'bad', reason: 'nothing is left' }),
  ],
];
for (const [what, change] of stays)
  test(`nobody is asked to replace ${what}`, () => {
    assert.equal(proposeRecovery(change(world()).facts), null);
  });

test('a primary that has ended is not replaced where commits are not strict, nor by one that may lack something', () => {
  for (const change of [
    { durability: 'preferred' },
    { withoutLoss: [] },
    { paused: true },
    { dangers: ['x'] },
  ] as const) {
    const at = ended(world().underDelegate('alfa-db', change));
    const intent = proposeRecovery(at.facts)!;
    assert.deepEqual(moves(intent), []);
    assert.equal(ruleOf(at, intent, 'R-CANDIDATE').outcome, 'block');
  }
});

test('what its delegate has promoted by itself at the other site is adopted by the plan, and only made sure of', () => {
  const at = world().lose('alfa');
  at.underDelegate('bravo-db', { since: 40 });
  at.instance('alfa-db', { fresh: false });
  assert.deepEqual(moves(proposeRecovery(at.facts)), ['bravo-db → bravo-db']);
});

test('an engine that gives way inside its site asks nothing of the database, wherever that is', () => {
  const at = world().instance('alfa-eng1', { verdict: seenToEnd }).underDelegate('bravo-db');
  const intent = proposeRecovery(at.facts)!;
  assert.deepEqual([intent.scope, intent.delegates], ['instance', undefined]);
  assert.equal(ruleOf(at, intent, 'R-DEPENDENCY').outcome, 'pass');
});

test('a primary at another site than the group is a split group, which nothing moves by itself, and whose remedy is named', () => {
  const at = world().underDelegate('bravo-db');
  assert.equal(proposeRecovery(at.facts), null);
  const found = diagnose(at.facts).map(({ kind, instance, summary }) => [kind, instance, summary]);
  assert.deepEqual(found, [['GroupSplit', 'bravo-db', 'db at bravo, the rest at alfa: holdfast switchover bravo']]);
  assert.deepEqual(diagnose(world().facts), []);
});

test('a lock that nobody has, and a primary without it, are diagnosed', () => {
  const free = world().underDelegate(null);
  assert.deepEqual(
    diagnose(free.facts).map(({ kind }) => kind),
    ['NoPrimary'],
  );
  const dual = world().underDelegate('bravo-db');
  dual.observation('alfa-db', { role: 'primary' });
  assert.ok(
    diagnose(dual.facts).some(({ kind, instance }) => kind === 'DualPrimarySuspected' && instance === 'alfa-db'),
  );
});

test('a run that failed before its delegate had moved is finished by asking again; one of another kind is not', () => {
  const at = world();
  const intent = proposeRecovery(world().lose('alfa').facts)!;
  const plan = planOf(intent, at.facts);
  const events = [
    {
      kind: 'opened',
      run: runId('trading-8'),
      plan,
      automatic: true,
      by: 'policy',
      at: wallMs(1),
      detectedAt: wallMs(1),
      lastGoodAt: null,
      decidedAt: wallMs(1),
    },
    { kind: 'closed', result: 'failed', reason: 'late', at: wallMs(2) },
  ] as const;
  const run = foldRun([
    {
      number: 1,
      run: runId('trading-8'),
      term: at.facts.leadership.term,
      epoch: epoch(8),
      controller: 'bravo',
      events,
    },
  ]);
  const grants = { ...at.record.grants };
  at.change({ record: { ...at.record, grants, activeSite: bravo, traffic: siteId('alfa') }, run });
  for (const component of [ENGINE, at.facts.group.components.find((id) => id === 'oms')!])
    at.grant(component, { holder: instanceId(component === ENGINE ? 'bravo-eng1' : 'bravo-oms') });
  at.lease(ENGINE, { holder: instanceId('bravo-eng1') });
  at.lease('oms' as never, { holder: instanceId('bravo-oms') });
  at.observation('bravo-eng1', { role: 'primary' }).observation('bravo-oms', { role: 'primary' });
  const again = proposeRecovery(at.facts)!;
  assert.deepEqual([again.trigger, moves(again)], ['TakeoverUnfinished', ['alfa-db → bravo-db']]);
  at.change({ run: null });
  assert.deepEqual(moves(proposeRecovery(at.facts)), []);
});

test('validation passes where the delegate’s primary is led to and its standby is in step, and says what is missing', () => {
  const led = world();
  const adopted = { component: DB, holder: instanceId('alfa-db'), lock: 20, epoch: epoch(7) };
  led.change({ record: { ...led.record, delegates: { [DB]: adopted } } });
  led.observation('alfa-db', {
    replicas: [{ instance: instanceId('bravo-db'), state: 'in-sync', acknowledgedSequence: 1, silentMs: 0 }],
  });
  const database = validate(led.facts)
    .checks.map((check) => JSON.stringify(check))
    .find((text) => text.includes('revision 20'));
  assert.ok(database?.includes('pass'), database);
  const elsewhere = world().underDelegate('bravo-db');
  elsewhere.change({
    record: { ...elsewhere.record, delegates: { [DB]: { ...adopted, holder: instanceId('bravo-db') } } },
  });
  assert.equal(validate(elsewhere.facts).verdict, 'fail');
});
