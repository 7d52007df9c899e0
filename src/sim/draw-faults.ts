import { AUTHORITY_STEPS, type StepKind } from '../core/plan/runbook.ts';
import { GROUP } from './build-topology.ts';
import type { ControllerProcess } from './controller-process.ts';
import { FAULT_NAMES, FAULTS, type FaultName, SLOW_PROMOTIONS } from './faults.ts';
import { leaderAway } from './leader-away.ts';
import { askForFailback, askForFailover, askForRecovery } from './people.ts';
import { Random } from './random.ts';
import { stepKind } from './step-kind.ts';
import type { World } from './world.ts';

/** What looks like silence before anybody can be sure. */
const SILENT: readonly FaultName[] = [
  'site isolated',
  'host unplugged',
  'link cut',
  'one-way cut',
  'agent freeze',
  'site power',
];

/** Faults of one world: what was done to it, and what ends the faults that are still in force. */
export class FaultPlay {
  readonly world: World;
  readonly applied: FaultName[] = [];
  readonly #heals: (() => void)[] = [];

  constructor(world: World) {
    this.world = world;
  }

  /** Ends by itself after a while; some never do before the world is healed. */
  apply(name: FaultName): void {
    const { world } = this;
    const { random, queue } = world;
    if (world.tracing) world.tell(`fault: ${name}`);
    const heal = FAULTS[name](world);
    if (heal === null) return;
    this.applied.push(name);
    this.#heals.push(heal);
    if (SILENT.includes(name) && random.chance(0.15))
      queue.after(random.between(300, 2500), () => askForFailover(world));
    if (random.chance(0.15)) return;
    queue.after(random.pick([150, 700, 1800, 4000, 9000]) * random.between(0.6, 1.4), () => this.#end(heal, name));
  }

  /** In force until `ms` from now, or until everything is healed. */
  applyFor(name: string, ms: number, heal: () => void): void {
    this.#heals.push(heal);
    this.world.queue.after(ms, () => this.#end(heal, name));
  }

  #end(heal: () => void, name: string): void {
    const at = this.#heals.indexOf(heal);
    if (at < 0) return;
    this.#heals.splice(at, 1);
    const { world } = this;
    if (world.tracing) world.tell(`heals: ${name}`);
    heal();
    if (name.includes('site') && world.random.chance(0.25))
      world.queue.after(world.random.between(3, world.random.chance(0.5) ? 40 : 1500), () => askForFailback(world));
  }

  endAll(): void {
    for (const heal of this.#heals.splice(0)) heal();
  }
}

/** These alone make somebody take over, if they last. */
const DECISIVE: readonly FaultName[] = [
  'instance crash',
  'instance crash',
  'host power',
  'site power',
  'site isolated',
  'instance freeze',
  'host freeze',
  'host unplugged',
  'agent freeze beside a living database',
  'double failure',
  'double failure',
  'gate freeze, then host unplugged',
  'authority answers late, then host unplugged',
  'rogue promotion, then crash',
  'clock set back, then crash',
];

/** Swarm-drawn: each world has a few favourites, met again and again, so that some worlds combine what others never do. */
export function scheduleFaults(play: FaultPlay, untilMs: number): void {
  const { world } = play;
  const { random, queue } = world;
  const favourites = Array.from({ length: random.whole(1, 5) }, () => random.pick(FAULT_NAMES));
  const gapMs = random.pick([1200, 3000, 6000]);
  const next = (at: number) => {
    if (at > untilMs) return;
    queue.at(at, () => {
      play.apply(random.chance(0.75) ? random.pick(favourites) : random.pick(FAULT_NAMES));
      next(queue.now + random.between(0.2, 2) * gapMs);
    });
  };
  if (random.chance(0.5)) {
    play.apply(random.pick(DECISIVE));
    next(queue.now + random.between(1500, 6000));
  } else next(queue.now + random.between(0, 1500));
}

/** Drawn with a generator of its own: a world in which no promotion is slow is the same with and without this. */
export function scheduleSlowPromotion(play: FaultPlay, seed: number, untilMs: number): void {
  const random = new Random(seed ^ 0x510e);
  if (!random.chance(0.2)) return;
  const { queue } = play.world;
  const name = random.pick(SLOW_PROMOTIONS);
  queue.at(random.between(queue.now, untilMs), () => play.apply(name));
}

/** Drawn apart, as a slow promotion is. */
export function scheduleWrongState(play: FaultPlay, seed: number, untilMs: number): void {
  const random = new Random(seed ^ 0x3c6e);
  if (!random.chance(0.1)) return;
  const { queue } = play.world;
  queue.at(random.between(queue.now, untilMs), () => play.apply('wrong state'));
}

/** Drawn apart, as a slow promotion is. Whoever lets writers in, or any server of the set, is killed or frozen, beside all else. */
export function scheduleLostRedis(play: FaultPlay, seed: number): void {
  const { world } = play;
  const members = [...world.instances.values()].filter(({ redis }) => redis !== null);
  const random = new Random(seed ^ 0x6ed1);
  for (let left = random.whole(1, 5); left > 0; left -= 1)
    world.queue.at(random.between(6000, 26_000), () => {
      const open = members.filter(({ routed }) => routed);
      const instance = random.pick(open.length > 0 && random.chance(0.7) ? open : members);
      const kind = random.pick(['kill', 'freeze'] as const);
      if (world.tracing) world.tell(`fault: ${kind} ${instance.id}`);
      if (kind === 'kill') return instance.die();
      instance.freeze();
      play.applyFor(`freeze ${instance.id}`, random.pick([400, 1500, 6000]), () => instance.thaw());
    });
}

/** Drawn apart, as a slow promotion is: sentinels that stood still promote somebody although the primary runs, soon after one was lost or at any time. */
export function scheduleWrongPromotion(play: FaultPlay, seed: number): void {
  const { world } = play;
  const sets = new Set([...world.instances.values()].flatMap(({ redis }) => redis ?? []));
  const random = new Random(seed ^ 0x5e47);
  for (let left = random.whole(1, 4); left > 0; left -= 1)
    world.queue.at(random.between(6000, 28_000), () => {
      if (world.tracing) world.tell('fault: sentinels stood still');
      for (const set of sets) set.promotedAnew();
    });
}

/** Drawn apart, as a slow promotion is. It takes long, so it begins at once. */
export function scheduleLeaderAway(play: FaultPlay, seed: number): void {
  const random = new Random(seed ^ 0x1f83);
  if (!random.chance(0.1)) return;
  const { world } = play;
  world.queue.after(random.between(0, 800), () => {
    if (world.tracing) world.tell('fault: leader away while a host is dark');
    play.applied.push('leader freeze');
    const { ms, heal } = leaderAway(world, random);
    play.applyFor('leader away while a host is dark', ms, heal);
  });
}

/** Drawn apart, as a slow promotion is: a planned move under way, and the leader or the target is lost while it drains. */
export function scheduleHurtDrain(play: FaultPlay, seed: number): void {
  const random = new Random(seed ^ 0xd2a1);
  if (!random.chance(0.12)) return;
  const { world } = play;
  const { queue } = world;
  const how = random.pick(['crash', 'crash', 'freeze', 'target', 'host', 'agent'] as const);
  const others = world.onStep;
  let left = 1;
  world.onStep = (step, leader) => {
    others?.(step, leader);
    if (step !== 'drain' || left === 0) return;
    left -= 1;
    if (how === 'target') loseTarget(play, leader);
    else if (how === 'host') play.apply('host power');
    else if (how === 'agent') play.apply('agent crash');
    else hurtLeader(play, step, leader, how);
  };
  queue.after(random.between(500, 3000), () => askForFailback(world));
}

/** The same while a component is recovered where it stands. */
export function scheduleHurtRecovery(play: FaultPlay, seed: number): void {
  const random = new Random(seed ^ 0x2ec0);
  if (!random.chance(0.12)) return;
  const { world } = play;
  const { queue } = world;
  const chosen = random.pick(['act', 'restart', 'check', 'none'] as const);
  const how = random.pick(['crash', 'freeze', 'host', 'agent'] as const);
  const others = world.onStep;
  let left = 1;
  world.onStep = (step, leader) => {
    others?.(step, leader);
    const kind = stepKind(leader, step);
    if (kind !== chosen || left === 0) return;
    left -= 1;
    if (how === 'host') play.apply('host power');
    else if (how === 'agent') play.apply('agent crash');
    else hurtLeader(play, kind, leader, how);
  };
  queue.after(random.between(500, 3000), () => askForRecovery(world, { name: 'rhea', role: 'operator' }));
}

export const COMMANDED_STEPS = (
  [
    'barrier',
    'fence',
    'freeze-positions',
    'promote-components',
    'move-traffic',
    'validate',
    'enable-trading',
    'residue-check',
  ] as const satisfies readonly StepKind[]
).filter((kind) => !AUTHORITY_STEPS.includes(kind));

/** A crash or a freeze of the leader, of an agent or of a target, exactly while a step is under way. */
export function hurtAtStep(play: FaultPlay, afterMs: number): void {
  const { world } = play;
  const { random, queue } = world;
  if (!random.chance(0.65)) return;
  const drawn = random.pick(COMMANDED_STEPS);
  const how = random.pick([
    'crash',
    'crash',
    'freeze',
    'instant',
    'agent',
    'host',
    'target',
    'person',
    'overtaken',
    'overtaken',
    'unreported',
  ] as const);
  const chosen = ['target', 'overtaken', 'unreported'].includes(how) ? 'promote-components' : drawn;
  let left = random.whole(1, 2);
  world.onStep = (step, leader) => {
    if (step !== chosen || left === 0 || queue.now < afterMs) return;
    left -= 1;
    switch (how) {
      case 'agent':
        return play.apply('agent crash');
      case 'host':
        return play.apply('host power');
      case 'target':
        return loseTarget(play, leader);
      case 'overtaken':
        // What the promoted one has renewed is not known yet, or is known and what was reported of it before is still fresh.
        if (random.chance(0.5)) world.authority.watchLateMs = random.between(200, 1500);
        loseTarget(play, leader);
        return void queue.after(random.between(25, 120), () => overtake(world));
      case 'unreported':
        return loseReports(play, leader);
      case 'person':
        return void queue.after(random.between(0, 30), () => overtake(world));
      default:
        return hurtLeader(play, step, leader, how);
    }
  };
}

/** A person asks for another site while a run is under way: a wider one ends a narrower one at once. */
function overtake(world: World): void {
  world.ask(
    {
      kind: 'move',
      group: GROUP,
      move: 'failover',
      toSite: null,
      digest: null,
      overrides: ['R-VERDICT'],
      reason: 'impatient',
      acceptDataLoss: null,
    },
    { name: 'grace', role: 'risk-officer' },
  );
}

function hurtLeader(
  play: FaultPlay,
  step: string,
  leader: ControllerProcess,
  how: 'crash' | 'freeze' | 'instant',
): void {
  const { world } = play;
  const { random, queue } = world;
  world.coverage.count(`leader crashed in step ${step}`);
  if (world.tracing) world.tell(`fault: leader ${how === 'freeze' ? 'frozen' : 'crashes'} in step ${step}`);
  play.applied.push('leader crash');
  let over = false;
  queue.after(how === 'instant' ? 0 : random.between(0, 40), () => {
    if (over) return;
    if (how === 'freeze') leader.freeze();
    else leader.crash();
  });
  play.applyFor('leader', random.between(1500, 6000), () => {
    over = true;
    if (how === 'freeze') leader.thaw();
    else leader.start();
  });
}

/** What the promoted one was before is all that was reported of it when it is cut off and somebody asks for another take-over. */
function loseReports(play: FaultPlay, leader: ControllerProcess): void {
  const { world } = play;
  const { random, queue } = world;
  const run = leader.core ? [...leader.core.groups.values()][0]!.run() : null;
  const move = run === null ? undefined : random.pick(run.plan.moves);
  const host = world.hosts.find((each) => each.instances.some((instance) => instance.id === move?.to));
  if (!host) return;
  if (world.tracing) world.tell(`fault: the reports of ${host.id} get lost`);
  world.unreported.add(host.id);
  let state: 'heard' | 'silent' | 'over' = 'heard';
  queue.after(random.between(80, 900), () => {
    if (state === 'over') return;
    state = 'silent';
    world.network.silence(host.id);
    queue.after(random.between(1, 200), () => overtake(world));
  });
  play.applyFor(`reports of ${host.id}`, random.between(1500, 5000), () => {
    world.unreported.delete(host.id);
    if (state === 'silent') world.network.unsilence(host.id);
    state = 'over';
  });
}

/** The instance that is about to be promoted is cut off in the middle of it, while the leader hears of renewals late. */
function loseTarget(play: FaultPlay, leader: ControllerProcess): void {
  const { world } = play;
  const { random, queue, record } = world;
  const run = leader.core ? [...leader.core.groups.values()][0]!.run() : null;
  const move = run === null ? undefined : random.pick(run.plan.moves);
  const host = world.hosts.find((each) => each.instances.some((instance) => instance.id === move?.to));
  if (!host || record === null) return;
  if (world.tracing) world.tell(`fault: ${host.id} is cut off from all but the authority`);
  play.applied.push('host unplugged');
  if (random.chance(0.5)) world.authority.slowMs = random.between(200, 1500);
  let over = false;
  queue.after(random.between(0, 40), () => !over && world.network.mute(host.id));
  play.applyFor(`${host.id} cut off`, random.between(2000, 9000), () => {
    over = true;
    world.network.unmute(host.id);
    world.authority.slowMs = 0;
    world.authority.watchLateMs = 0;
  });
}
