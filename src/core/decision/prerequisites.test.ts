import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FactsBuilder, NOW } from '../../../test/builders/facts.ts';
import { runbooks, sha256 } from '../../../test/builders/plans.ts';
import { planDigest, siteId, wallMs } from '../base/ids.ts';
import type { Role } from '../operator/operator-request.ts';
import { buildPlan } from '../plan/build-plan.ts';
import type { PlannedMovePolicy } from '../topology/topology.ts';
import type { Brakes } from './brakes.ts';
import { decide } from './decide.ts';
import type { Facts } from './facts.ts';
import { PREREQUISITE_IDS, type PrerequisiteId } from './prerequisites.ts';
import { proposeFailover, proposeSwitchover } from './propose.ts';

const STRICT: PlannedMovePolicy = {
  approval: true,
  ticket: true,
  noticeMs: 1_800_000,
  watchMs: 1_800_000,
  outsideMarketHours: true,
};
const asked = (
  change: {
    readonly policy?: Partial<PlannedMovePolicy>;
    readonly brakes?: Partial<Brakes>;
    readonly role?: Role;
    readonly ticket?: string | null;
    readonly world?: FactsBuilder;
    readonly overrides?: readonly string[];
  } = {},
) => {
  const world = change.world ?? new FactsBuilder().observation('alfa-eng1', { figures: { activeOrders: 12 } });
  const facts: Facts = {
    ...world.facts,
    brakes: { ...world.facts.brakes, ...change.brakes },
    group: { ...world.facts.group, plannedMove: { ...STRICT, ...change.policy } },
  };
  const planned = { role: change.role ?? 'operator', ticket: change.ticket === undefined ? 'CHG-1' : change.ticket };
  const intent = proposeSwitchover(facts, siteId('bravo'), 'Grace', planned)!;
  const plan = buildPlan(intent, facts, runbooks.get('switchover-site')!, sha256);
  const decision = decide({ facts, intent, plan, overrides: change.overrides ?? [] });
  const of = (id: PrerequisiteId) => decision.prerequisites.find((each) => each.prerequisite === id)!;
  return { decision, of, plan };
};
const noticed = (msAgo: number) => ({
  notices: [{ ticket: 'CHG-1', by: 'Omar', reason: 'switch', at: wallMs(NOW - msAgo) }],
});

test('every prerequisite of a planned move is asked, and those of any other plan are none', () => {
  assert.deepEqual(
    asked().decision.prerequisites.map((each) => each.prerequisite),
    PREREQUISITE_IDS,
  );
  const { facts } = new FactsBuilder();
  const intent = proposeFailover(facts, siteId('bravo'), 'Grace', false)!;
  const plan = buildPlan(intent, facts, runbooks.get('failover-site')!, sha256);
  assert.deepEqual(decide({ facts, intent, plan }).prerequisites, []);
});

test('an approval counts when somebody authorised gave it to exactly this plan, or asks', () => {
  assert.equal(asked().of('P-APPROVAL').outcome, 'fail');
  assert.equal(asked({ role: 'approver' }).of('P-APPROVAL').outcome, 'pass');
  const { digest } = asked().plan;
  const by = (role: string, of: string) => ({
    approvals: [
      { digest: planDigest(of), by: 'Ada', role, at: wallMs(NOW), until: wallMs(NOW + 60_000), acceptsLoss: null },
    ],
  });
  assert.equal(asked({ brakes: by('approver', digest) }).of('P-APPROVAL').outcome, 'pass');
  assert.equal(asked({ brakes: by('operator', digest) }).of('P-APPROVAL').outcome, 'fail');
  assert.equal(asked({ brakes: by('approver', 'another') }).of('P-APPROVAL').outcome, 'fail');
  assert.equal(asked({ policy: { approval: false } }).of('P-APPROVAL').outcome, 'not-applicable');
});

test('a notice counts once it is old enough, and only for the ticket that it names', () => {
  assert.equal(asked().of('P-NOTICE').outcome, 'fail');
  assert.equal(asked({ brakes: noticed(1_800_000) }).of('P-NOTICE').outcome, 'pass');
  const early = asked({ brakes: noticed(600_000) }).of('P-NOTICE');
  assert.deepEqual([early.outcome, early.passesInMs], ['fail', 1_200_000]);
  assert.equal(asked({ brakes: noticed(1_800_000), ticket: 'CHG-2' }).of('P-NOTICE').outcome, 'fail');
});

test('what nobody can answer holds a move up, and what does not apply is no pass', () => {
  const silent = asked({ world: new FactsBuilder().observation('alfa-eng1', { figures: {} }) });
  assert.equal(silent.of('P-ORDERS').outcome, 'cannot-evaluate');
  assert.match(silent.decision.reason, /P-ORDERS cannot-evaluate/);
  for (const id of ['P-BACKUP', 'P-POSITIONS'] as const) assert.equal(asked().of(id).outcome, 'not-applicable');
});

test('a move proceeds when all are met, or when each that is not is overridden by name', () => {
  assert.equal(asked({ role: 'approver', brakes: noticed(1_800_000) }).decision.verdict, 'proceed');
  assert.equal(asked().decision.verdict, 'hold');
  const some = asked({ overrides: ['P-APPROVAL'] }).decision;
  assert.deepEqual([some.verdict, some.overridden], ['hold', ['P-APPROVAL']]);
  assert.equal(asked({ overrides: ['P-APPROVAL', 'P-NOTICE'] }).decision.verdict, 'proceed');
});

test('a move waits for the close of an exchange that states a calendar, and nobody who could say so holds it up', () => {
  const world = (calendar: string | null, inMarketHours?: number): FactsBuilder => {
    const built = new FactsBuilder();
    const { topology } = built.facts;
    const [venue, feeds] = [
      {
        id: 'exchange',
        title: 'Exchange',
        rttMsBySite: { alfa: 1 },
        symbols: [],
        sessions: 'epochs',
        protocol: 'binary',
        onTakeover: 'keep',
        calendar,
      } as const,
      { ...topology.components.find(({ kind }) => kind === 'front')!, kind: 'market-data' } as const,
    ];
    const components = topology.components.map((each) => (each.id === feeds.id ? feeds : each));
    built.change({ topology: { ...topology, venues: [venue], components } });
    if (inMarketHours !== undefined)
      for (const { id } of feeds.instances) built.observation(id, { figures: { inMarketHours } });
    return built;
  };
  const market = (of: FactsBuilder, outsideMarketHours = true) =>
    asked({ world: of, policy: { outsideMarketHours } }).of('P-MARKET');
  assert.equal(market(world('XNYS', 1)).outcome, 'fail');
  assert.equal(market(world('XNYS', 0)).outcome, 'pass');
  assert.equal(market(world('XNYS')).outcome, 'cannot-evaluate');
  assert.equal(market(world(null, 1)).outcome, 'not-applicable');
  assert.equal(market(world('XNYS', 1), false).outcome, 'not-applicable');
});

test('one repository with a good backup of the last day and all WAL since is enough; what does not say what it has is not believed', () => {
  const hourMs = 3_600_000;
  const world = (...figures: readonly Readonly<Record<string, number>>[]): FactsBuilder => {
    const built = new FactsBuilder();
    const { topology } = built.facts;
    const repository = { ...topology.components.find(({ kind }) => kind === 'front')!, kind: 'pgbackrest' } as const;
    const components = topology.components.map((each) => (each.id === repository.id ? repository : each));
    built.change({ topology: { ...topology, components } });
    for (const [index, { id }] of repository.instances.entries())
      built.observation(id, { figures: figures[index] ?? { lastGoodAt: 0 } });
    return built;
  };
  const outcome = (...figures: readonly Readonly<Record<string, number>>[]) =>
    asked({ world: world(...figures) }).of('P-BACKUP').outcome;
  const good = { lastGoodAt: NOW - 5 * hourMs, gaps: 0 };
  assert.equal(outcome(good), 'pass');
  assert.equal(outcome({ ...good, gaps: 2 }, good), 'pass');
  assert.equal(outcome({ ...good, gaps: 2 }), 'fail');
  assert.equal(outcome({ ...good, lastGoodAt: NOW - 27 * hourMs }), 'fail');
  assert.equal(outcome(), 'fail');
  assert.equal(outcome({}), 'cannot-evaluate');
  assert.equal(outcome({ lastGoodAt: good.lastGoodAt }), 'cannot-evaluate');
  const silent = world(good);
  for (const [id] of silent.facts.instances) silent.instance(id, { fresh: false });
  assert.equal(asked({ world: silent }).of('P-BACKUP').outcome, 'cannot-evaluate');
});
