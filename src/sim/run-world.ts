import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import type { Violation } from './checkers.ts';
import { FAULTS, FAULT_NAMES, type FaultName } from './faults.ts';
import { GROUP } from './build-topology.ts';
import { World } from './world.ts';

export interface WorldResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly simulatedMs: number;
  readonly events: number;
  readonly faults: readonly FaultName[];
  readonly takeovers: number;
  readonly writesAcknowledged: number;
  readonly coverage: Readonly<Record<string, number>>;
}

export interface RunOptions {
  readonly seed: number;
  readonly runbooks: ReadonlyMap<RunbookId, Runbook>;
  readonly trace?: (line: string) => void;
}

const SETTLE_MS = 6000;
const HEALED_WITHIN_MS = 45_000;

/** One world from its seed: settle, hurt it under load, heal it, and see that it is well. */
export function runWorld({ seed, runbooks, trace }: RunOptions): WorldResult {
  const world = new World({ seed, runbooks, ...(trace ? { trace } : {}) });
  const { random, queue, checkers } = world;
  const violated = () => checkers.violations.length > 0;
  const faults: FaultName[] = [];
  world.start();
  world.load(true);
  queue.runUntil(SETTLE_MS, violated);
  const singleSite = random.chance(0.08);
  const calm = !singleSite && random.chance(0.04);
  const untilMs = SETTLE_MS + random.between(6000, 22_000);
  const heals: (() => void)[] = [];
  const restored = !singleSite && !calm && random.chance(0.03);
  if (singleSite) loseOneSite(world, faults);
  else if (!calm) {
    hurtAtStep(world, heals, faults);
    scheduleFaults(world, untilMs, heals, faults);
    scheduleOperators(world, untilMs);
  }
  queue.runUntil(untilMs, violated);
  for (const heal of heals.splice(0)) heal();
  world.onStep = null;
  world.doomed.clear();
  if (restored) restoreAuthority(world);
  else heal(world, violated);
  return {
    seed,
    violations: checkers.violations,
    simulatedMs: queue.now,
    events: queue.handled,
    faults,
    takeovers: world.takeovers,
    writesAcknowledged: world.writesAcknowledged,
    coverage: world.coverage.counts,
  };
}

/** After the last fault: the brakes are lifted, approvals come, and within the bound everything serves again (I10). */
function heal(world: World, violated: () => boolean): void {
  const { queue } = world;
  world.say('everything is healed');
  for (const controller of world.controllers) controller.wallOffsetMs = 0;
  const deadline = queue.now + HEALED_WITHIN_MS;
  while (queue.now < deadline && !violated()) {
    queue.runUntil(Math.min(deadline, queue.now + 500), violated);
    if (world.unserved() === null && queue.now > deadline - HEALED_WITHIN_MS + 3000) break;
    helpOut(world);
  }
  if (violated()) return;
  if (world.shape.instancePolicy === 'automatic') world.checkers.recovered(world.unserved());
  world.load(false);
  queue.runUntil(queue.now + 1500, violated);
  world.checkers.finalState();
}

/** The person at the desk: lifts brakes, acknowledges, approves what waits, and accepts no loss. */
function helpOut(world: World): void {
  const ada = { name: 'ada', role: 'admin' } as const;
  world.ask({ kind: 'freeze', group: GROUP, lift: true, reason: 'over', minutes: null }, ada, () => {});
  world.ask({ kind: 'maintenance', group: GROUP, end: true, reason: 'over', minutes: null }, ada, () => {});
  world.ask({ kind: 'acknowledge', group: GROUP }, ada, () => {});
  const decision = world.leader?.core ? [...world.leader.core.groups.values()][0]!.lastDecision : null;
  if (decision?.verdict === 'ask-approval') world.ask({ kind: 'approve', group: GROUP, digest: decision.plan.digest, minutes: 5, acceptDataLoss: null }, ada, () => {});
  for (const instance of world.record === null ? [] : world.instances.keys()) {
    const fenced = world.authority.value<{ fenced?: string[] }>('brakes/trading')?.fenced ?? [];
    if (fenced.includes(instance)) world.ask({ kind: 'fence', group: GROUP, instance, attest: false, lift: true, reason: 'over' }, ada, () => {});
  }
}

function scheduleFaults(world: World, untilMs: number, heals: (() => void)[], faults: FaultName[]): void {
  const { random, queue } = world;
  const favourites = Array.from({ length: random.whole(1, 5) }, () => random.pick(FAULT_NAMES));
  const gapMs = random.pick([1200, 3000, 6000]);
  const next = (at: number) => {
    if (at > untilMs) return;
    queue.at(at, () => {
      apply(world, random.chance(0.75) ? random.pick(favourites) : random.pick(FAULT_NAMES), heals, faults);
      next(queue.now + random.between(0.2, 2) * gapMs);
    });
  };
  next(queue.now + random.between(0, 1500));
}

function apply(world: World, name: FaultName, heals: (() => void)[], faults: FaultName[]): void {
  const { random, queue } = world;
  world.say(`fault: ${name}`);
  const heal = FAULTS[name](world);
  if (heal === null) return;
  faults.push(name);
  heals.push(heal);
  if (random.chance(0.15)) return;
  queue.after(random.pick([150, 700, 1800, 4000, 9000]) * random.between(0.6, 1.4), () => {
    const at = heals.indexOf(heal);
    if (at < 0) return;
    heals.splice(at, 1);
    world.say(`heals: ${name}`);
    heal();
  });
}

/** A crash or a freeze of the leader, an agent or the target exactly while a step is under way. */
function hurtAtStep(world: World, heals: (() => void)[], faults: FaultName[]): void {
  const { random, queue } = world;
  if (!random.chance(0.6)) return;
  const steps = ['barrier', 'fence', 'freeze-positions', 'promote-components', 'move-traffic', 'validate', 'enable-trading', 'residue-check'];
  const chosen = random.pick(steps);
  const how = random.pick(['crash', 'freeze', 'agent', 'host', 'instant'] as const);
  let left = random.whole(1, 2);
  world.onStep = (step, leader) => {
    if (step !== chosen || left === 0 || queue.now < SETTLE_MS) return;
    left -= 1;
    if (how === 'agent' || how === 'host') return apply(world, how === 'agent' ? 'agent crash' : 'host power', heals, faults);
    world.coverage.count(`leader crashed in step ${step}`);
    world.say(`fault: leader ${how} in step ${step}`);
    faults.push('leader crash');
    queue.after(how === 'instant' ? 0 : random.between(0, 40), () => (how === 'freeze' ? leader.freeze() : leader.crash()));
    const heal = () => (how === 'freeze' ? leader.thaw() : leader.start());
    heals.push(heal);
    queue.after(random.between(1500, 6000), () => {
      if (!heals.includes(heal)) return;
      heals.splice(heals.indexOf(heal), 1);
      heal();
    });
  };
}

/** People plan moves, freeze, approve late or the wrong thing. */
function scheduleOperators(world: World, untilMs: number): void {
  const { random, queue } = world;
  const person = { name: 'grace', role: random.pick(['operator', 'approver', 'admin', 'observer'] as const) };
  const next = (at: number) => {
    if (at > untilMs) return;
    queue.at(at, () => {
      const toSite = random.chance(0.5) ? null : random.pick(world.topology.sites).id;
      const decision = world.leader?.core ? [...world.leader.core.groups.values()][0]!.lastDecision : null;
      const requests = [
        () => world.ask({ kind: 'move', group: GROUP, move: 'switchover', toSite, digest: null, overrides: [], reason: 'practice', acceptDataLoss: null }, person, () => {}),
        () => world.ask({ kind: 'move', group: GROUP, move: 'failover', toSite, digest: null, overrides: random.chance(0.4) ? ['R-VERDICT'] : [], reason: 'practice', acceptDataLoss: null }, person, () => {}),
        () => world.ask({ kind: 'freeze', group: GROUP, lift: false, reason: 'look first', minutes: 0.05 }, person, () => {}),
        () => world.ask({ kind: 'maintenance', group: GROUP, end: false, reason: 'cabling', minutes: 0.05 }, person, () => {}),
        () => world.ask({ kind: 'approve', group: GROUP, digest: random.chance(0.7) && decision ? decision.plan.digest : 'ffff', minutes: 1, acceptDataLoss: null }, person, () => {}),
        () => world.ask({ kind: 'fence', group: GROUP, instance: random.pick([...world.instances.keys()]), attest: false, lift: false, reason: 'odd noise' }, person, () => {}),
        () => world.ask({ kind: 'plan', group: GROUP, move: 'failover', toSite: null }, person, () => {}),
      ];
      random.pick(requests)();
      next(queue.now + random.between(1500, 9000));
    });
  };
  if (random.chance(0.5)) next(queue.now + random.between(500, 5000));
}

/** I11: the active site is lost, nothing else happens, policy is automatic: it must be recovered within its objective. */
function loseOneSite(world: World, faults: FaultName[]): void {
  const { queue } = world;
  const group = world.topology.groups[0]!;
  const before = world.record?.epoch ?? 0;
  const strict = world.record !== null && world.unserved() === null && Object.values(world.record.grants).every((grant) => grant.mode.kind === 'strict' && (grant.promotable.length > 0 || world.topology.components.find((component) => component.id === grant.component)?.durability === null));
  apply(world, 'site power', [], faults);
  if (!strict || group.sitePolicy !== 'automatic' || group.instancePolicy !== 'automatic' || world.shape.afterPeerLoss !== 'degrade') return;
  const lostAt = queue.now;
  const rtoMs = 30_000;
  let servedAt: number | null = null;
  const look = () => {
    if ((world.record?.epoch ?? 0) > before && world.unserved() === null) servedAt ??= queue.now;
    if (servedAt === null && queue.now - lostAt < rtoMs) queue.after(100, look);
  };
  look();
  queue.runUntil(lostAt + rtoMs + 200, () => servedAt !== null || world.checkers.violations.length > 0);
  if (world.checkers.violations.length === 0) world.checkers.siteRecoveredIn(servedAt === null ? null : servedAt - lostAt, rtoMs);
}

/** The authority comes back from an old backup: nothing may be promoted on its word. Liveness is not asked of this world. */
function restoreAuthority(world: World): void {
  const { queue } = world;
  world.checkers.lossAccepted = true;
  world.say('the authority is restored from a backup');
  world.authority.restore();
  const violated = () => world.checkers.violations.length > 0;
  queue.runUntil(queue.now + 8000, violated);
}
