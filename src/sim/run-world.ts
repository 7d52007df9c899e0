import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import { drawShape } from './build-topology.ts';
import type { Violation } from './checkers.ts';
import {
  FaultPlay,
  hurtAtStep,
  scheduleFaults,
  scheduleHurtDrain,
  scheduleHurtRecovery,
  scheduleLeaderAway,
  scheduleLostRedis,
  scheduleSlowPromotion,
  scheduleWrongPromotion,
  scheduleWrongState,
} from './draw-faults.ts';
import type { FaultName } from './faults.ts';
import { adoptAuthority, askForFailback, decideOnLoss, helpOut, isStuckOnLoss, schedulePeople } from './people.ts';
import { Random } from './random.ts';
import { World } from './world.ts';

export interface WorldResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly simulatedMs: number;
  readonly events: number;
  /** Of everything that happened, in order: the same seed always has the same one. */
  readonly fingerprint: string;
  readonly faults: readonly FaultName[];
  /** Runs that led to another epoch and were completed. */
  readonly takeovers: number;
  readonly writesAcknowledged: number;
  /** Faults met clients that were being served. */
  readonly hurtUnderLoad: boolean;
  readonly coverage: Readonly<Record<string, number>>;
}

export interface RunOptions {
  readonly seed: number;
  readonly runbooks: ReadonlyMap<RunbookId, Runbook>;
  readonly trace?: (line: string) => void;
  /** The database of the drawn firm is under a delegate, and it has servers that follow. */
  readonly delegatedDatabase?: boolean;
  /** With it: its clients come through gates. */
  readonly gatedDatabase?: boolean;
  /** With it: its delegate asks before it promotes. */
  readonly askingDatabase?: boolean;
  /** The drawn firm has servers, and its Redis is lost again and again. */
  readonly lostRedis?: boolean;
}

const SETTLE_MS = 6000;
const HEALED_WITHIN_MS = 45_000;

type Kind = 'hurt' | 'lost-site' | 'calm' | 'restored';

function drawKind(world: World): Kind {
  const drawn = world.random.fraction();
  if (drawn < 0.08) return 'lost-site';
  if (drawn < 0.11) return 'calm';
  return drawn < 0.15 ? 'restored' : 'hurt';
}

/** One world from its seed: settle, hurt it under load, heal it, and see that it is well. */
export function runWorld({
  seed,
  runbooks,
  trace,
  delegatedDatabase,
  gatedDatabase,
  askingDatabase,
  lostRedis,
}: RunOptions): WorldResult {
  const isDelegated = delegatedDatabase === true;
  const shape = {
    ...drawShape(new Random(seed)),
    delegatedDatabase: isDelegated,
    gatedDatabase: gatedDatabase === true,
    askingDatabase: askingDatabase === true,
    servers: true,
  };
  const world = new World({
    seed,
    runbooks,
    ...(trace ? { trace } : {}),
    ...(isDelegated || lostRedis === true ? { shape } : {}),
  });
  const { queue, checkers } = world;
  const violated = () => checkers.violations.length > 0;
  const play = new FaultPlay(world);
  let hurtUnderLoad = false;
  try {
    if (lostRedis === true) {
      scheduleLostRedis(play, seed);
      scheduleWrongPromotion(play, seed);
    }
    hurtUnderLoad = live(world, play, seed, violated);
  } catch (error) {
    checkers.crashed(error);
  }
  return {
    seed,
    violations: checkers.violations,
    simulatedMs: queue.now,
    events: queue.handled,
    fingerprint: queue.fingerprint,
    faults: play.applied,
    takeovers: checkers.takeovers,
    writesAcknowledged: world.writesAcknowledged,
    hurtUnderLoad,
    coverage: world.coverage.counts,
  };
}

/** @returns true when faults met clients that were being served. */
function live(world: World, play: FaultPlay, seed: number, violated: () => boolean): boolean {
  const { random, queue } = world;
  world.start();
  world.load(true);
  queue.runUntil(SETTLE_MS, violated);
  const acknowledgedBefore = world.writesAcknowledged;
  const kind = drawKind(world);
  const untilMs = SETTLE_MS + random.between(6000, 22_000);
  if (kind === 'lost-site') loseOneSite(world, play);
  if (kind === 'hurt' || kind === 'restored') {
    hurtAtStep(play, SETTLE_MS);
    scheduleFaults(play, untilMs);
    scheduleSlowPromotion(play, seed, untilMs);
    scheduleLeaderAway(play, seed);
    scheduleHurtDrain(play, seed);
    scheduleHurtRecovery(play, seed);
    scheduleWrongState(play, seed, untilMs);
    schedulePeople(world, untilMs);
  }
  if (kind === 'restored') queue.at(random.between(SETTLE_MS, untilMs), () => world.authority.backUp());
  queue.runUntil(untilMs, violated);
  const hurtUnderLoad = play.applied.length > 0 && acknowledgedBefore > 0;
  // First this: a leader that is thawed goes on at once, and what it begins must not call for another fault.
  world.onStep = null;
  play.endAll();
  world.doomed.clear();
  if (kind === 'restored') restoreAuthority(world, violated);
  else heal(world, violated);
  return hurtUnderLoad;
}

/** After the last fault: the brakes are lifted, approvals come, and within the bound everything serves and stands by again (I10). */
function heal(world: World, violated: () => boolean): void {
  const { queue, random } = world;
  if (world.tracing) world.tell('everything is healed');
  for (const controller of world.controllers) controller.wallOffsetMs = 0;
  if (random.chance(0.3)) queue.after(random.between(100, 2500), () => askForFailback(world));
  const begin = queue.now;
  while (queue.now < begin + HEALED_WITHIN_MS && !violated()) {
    queue.runUntil(queue.now + 500, violated);
    if (queue.now > begin + 3000 && world.unserved() === null && world.incomplete() === null) break;
    helpOut(world);
  }
  if (violated()) return;
  if (world.shape.instancePolicy === 'automatic') world.checkers.recovered(world.unserved() ?? world.incomplete());
  world.load(false);
  queue.runUntil(queue.now + 1500, violated);
  world.checkers.finalState();
}

/** I11: the active site is lost, nothing else happens, policy is automatic: it must be recovered within its objective. */
function loseOneSite(world: World, play: FaultPlay): void {
  const { queue } = world;
  const group = world.topology.groups[0]!;
  const before = world.record?.epoch ?? 0;
  const whole =
    world.unserved() === null &&
    world.incomplete() === null &&
    Object.values(world.record?.grants ?? {}).every((grant) => grant.mode.kind === 'strict');
  play.apply('site power');
  if (
    !whole ||
    group.sitePolicy !== 'automatic' ||
    group.instancePolicy !== 'automatic' ||
    world.shape.afterPeerLoss !== 'degrade'
  )
    return;
  const lostAt = queue.now;
  const rtoMs = 30_000;
  let servedAt: number | null = null;
  const look = () => {
    if ((world.record?.epoch ?? 0) > before && world.unserved() === null) servedAt ??= queue.now;
    if (servedAt === null && queue.now - lostAt < rtoMs) queue.after(100, look);
  };
  look();
  queue.runUntil(lostAt + rtoMs + 200, () => servedAt !== null || world.checkers.violations.length > 0);
  if (world.checkers.violations.length === 0)
    world.checkers.siteRecoveredIn(servedAt === null ? null : servedAt - lostAt, rtoMs);
}

/**
 * The authority comes back from an old backup: nothing may be promoted on its word. In half of the worlds somebody then adopts it, and
 * within the bound everything must serve again; in the others it stays blocked.
 */
function restoreAuthority(world: World, violated: () => boolean): void {
  const { queue } = world;
  world.checkers.lossAccepted = true;
  if (world.tracing) world.tell('the authority is restored from a backup');
  const restored = world.authority.restore();
  if (restored) world.coverage.count('the authority was restored');
  const epoch = world.record?.epoch ?? 0;
  queue.runUntil(queue.now + 8000, violated);
  if (!restored || violated()) return;
  world.checkers.blockedUntilAdopted(epoch, world.record?.epoch ?? 0);
  if (world.random.chance(0.5)) return;
  const begin = queue.now;
  while (queue.now < begin + HEALED_WITHIN_MS && !violated()) {
    if (world.record?.incarnation !== world.authority.incarnation) adoptAuthority(world);
    else {
      helpOut(world);
      if (isStuckOnLoss(world)) decideOnLoss(world);
    }
    queue.runUntil(queue.now + 500, violated);
    if (queue.now > begin + 3000 && world.unserved() === null && world.incomplete() === null) break;
  }
  if (violated()) return;
  if (world.shape.instancePolicy === 'automatic') world.checkers.recovered(world.unserved() ?? world.incomplete());
}
