import type { Decision } from '../core/decision/decide.ts';
import type { Condition } from '../core/drill/condition.ts';
import type { Firm, PersonRequest, Policy, Scenario, ScenarioLine } from '../core/drill/scenario.ts';
import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import { currentStep, isOpen } from '../core/run/run.ts';
import type { GroupControl } from '../engine/group-control.ts';
import type { Person } from '../engine/operator-request.ts';
import { GROUP, type Shape } from './build-topology.ts';
import { ScenarioStage } from './scenario-stage.ts';
import { World } from './world.ts';

export interface Played {
  readonly story: readonly string[];
  /** Expectations that did not hold, waits that ran out, invariants that were violated; each with its line. */
  readonly failures: readonly string[];
  readonly simulatedMs: number;
}

export interface PlayOptions {
  readonly runbooks: ReadonlyMap<RunbookId, Runbook>;
  readonly trace?: (line: string) => void;
}

const SETTLED_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 20;
const DURABLE: readonly string[] = ['db', 'engine'];
const ada: Person = { name: 'ada', role: 'admin' };

/** Plays one scenario on a simulated firm. The same text always tells the same story. */
export function playScenario(scenario: Scenario, { runbooks, trace }: PlayOptions): Played {
  const player = new Player(scenario, runbooks, trace);
  player.settle();
  for (const line of scenario.lines) player.play(line);
  return { story: player.story, failures: player.failures, simulatedMs: player.world.queue.now };
}

class Player {
  readonly world: World;
  readonly stage: ScenarioStage;
  readonly story: string[] = [];
  readonly failures: string[] = [];
  #began: number | null = null;
  #told = '';
  #epoch = 0;
  readonly #holders = new Map<string, string>();
  readonly #stoppedAt = new Map<string, number>();
  readonly #promotedAt = new Map<string, number>();
  #hurtAt: number | null = null;
  #acknowledgedAt = 0;
  #longestGapMs = 0;

  constructor({ firm, policy }: Scenario, runbooks: PlayOptions['runbooks'], trace?: (line: string) => void) {
    this.world = new World({
      seed: 1,
      runbooks,
      shape: shapeOf(firm, policy),
      story: (line) => this.#tell(line),
      ...(trace ? { trace } : {}),
    });
    this.stage = new ScenarioStage(this.world);
    this.world.watch = {
      released: (component) => component === 'engine' && this.#acknowledged(),
      stopped: (instance) =>
        void (this.#stoppedAt.has(instance) || this.#stoppedAt.set(instance, this.world.queue.now)),
      promoted: (instance) => void this.#promotedAt.set(instance, this.world.queue.now),
    };
  }

  #tell(line: string): void {
    if (this.#began === null || line === this.#told) return;
    this.#told = line;
    this.story.push(`${`+${((this.world.queue.now - this.#began) / 1000).toFixed(1)}`.padStart(6)}  ${line}`);
  }

  #acknowledged(): void {
    const { now } = this.world.queue;
    if (this.#hurtAt !== null) this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#acknowledgedAt);
    this.#acknowledgedAt = now;
  }

  settle(): void {
    const { world } = this;
    world.start();
    world.load(true);
    if (!this.#until(() => world.unserved() === null && world.incomplete() === null, SETTLED_WITHIN_MS))
      this.failures.push(`the firm did not become steady: ${world.unserved() ?? world.incomplete()}`);
    world.queue.runUntil(world.queue.now + 1000, () => false);
    this.#epoch = world.record?.epoch ?? 0;
    for (const grant of Object.values(world.record?.grants ?? {}))
      if (grant.holder) this.#holders.set(grant.component, grant.holder);
    this.#stoppedAt.clear();
    this.#promotedAt.clear();
    this.#began = world.queue.now;
  }

  #until(holds: () => boolean, withinMs: number): boolean {
    const { queue } = this.world;
    const deadline = queue.now + withinMs;
    while (!holds()) {
      if (queue.now >= deadline) return false;
      queue.runUntil(Math.min(deadline, queue.now + LOOK_EVERY_MS), () => false);
    }
    return true;
  }

  play(line: ScenarioLine): void {
    const { world } = this;
    switch (line.kind) {
      case 'fault':
        this.#fault(line);
        break;
      case 'person':
        this.#person(line, line.request);
        break;
      case 'wait':
        world.queue.runUntil(world.queue.now + line.ms, () => false);
        break;
      case 'wait-until':
        if (!this.#until(() => this.#holds(line.condition), line.withinMs)) this.#failed(line, 'waited in vain');
        else this.#tell(`${line.text.replace(/, within .*/, '')}: now`);
        break;
      case 'expect':
        if (this.#holds(line.condition)) this.#tell(`${line.text}: holds`);
        else this.#failed(line, 'does not hold');
    }
    for (const { invariant, detail } of world.checkers.violations.splice(0))
      this.#failed(line, `${invariant} violated: ${detail}`);
  }

  #failed(line: ScenarioLine, why: string): void {
    this.#tell(`${line.text}: ${why.toUpperCase()}`);
    this.failures.push(`line ${line.number}, "${line.text}": ${why}`);
  }

  #fault(line: Extract<ScenarioLine, { kind: 'fault' }>): void {
    const { world, stage } = this;
    const begin = () => {
      this.#hurtAt ??= world.queue.now;
      const done = stage.hurt(line.fault);
      if (done === null) return this.#failed(line, 'there is nothing like that now');
      this.#tell(`${line.text} (${done.what})`);
      if (line.forMs !== null && done.heal !== null)
        stage.endAfter(line.forMs, done.heal, () => this.#tell(`ends: ${done.what}`));
    };
    if (line.atStep === null) return begin();
    const { atStep } = line;
    world.onStep = (step) => {
      if (step !== atStep) return;
      world.onStep = null;
      begin();
    };
  }

  #person(line: ScenarioLine, request: PersonRequest): void {
    const { world } = this;
    const group = GROUP;
    const asked = (() => {
      switch (request.kind) {
        case 'freeze':
          return world.ask(
            { kind: 'freeze', group, lift: false, reason: 'somebody looks first', minutes: null },
            ada,
            this.#answer,
          );
        case 'unfreeze':
          return world.ask({ kind: 'freeze', group, lift: true, reason: 'over', minutes: null }, ada, this.#answer);
        case 'acknowledge':
          return world.ask({ kind: 'acknowledge', group }, ada, this.#answer);
        case 'approve':
          return world.ask(
            { kind: 'approve', group, digest: this.#decision?.plan.digest ?? '', minutes: 5, acceptDataLoss: null },
            ada,
            this.#answer,
          );
        case 'move': {
          const toSite = this.stage.site(request.site);
          return world.ask(
            {
              kind: 'move',
              group,
              move: request.move,
              toSite,
              digest: null,
              overrides: [],
              reason: 'planned',
              acceptDataLoss: null,
            },
            ada,
            this.#answer,
          );
        }
      }
    })();
    this.#tell(line.text);
    if (!asked) this.#failed(line, 'nobody leads');
    world.queue.runUntil(world.queue.now + 200, () => false);
  }

  readonly #answer: NonNullable<Parameters<World['ask']>[2]> = (answer) =>
    this.#tell(`ada is answered: ${answer.kind === 'refused' ? `${answer.code}, ${answer.found}` : answer.kind}`);

  get #control(): GroupControl | null {
    const core = this.world.leader?.core;
    return core ? ([...core.groups.values()][0] ?? null) : null;
  }

  get #decision(): Decision | null {
    return this.#control?.lastDecision ?? null;
  }

  #holds(condition: Condition): boolean {
    const { world } = this;
    const { record } = world;
    if (record === null) return false;
    switch (condition.kind) {
      case 'served':
        return world.unserved() === null && record.traffic === record.activeSite;
      case 'whole':
        return (
          this.#holds({ kind: 'served' }) &&
          world.incomplete() === null &&
          Object.values(record.grants).every((grant) => grant.mode.kind === 'strict')
        );
      case 'mode':
        return Object.values(record.grants).some((grant) => grant.mode.kind === condition.mode);
      case 'active':
        return record.activeSite === condition.site;
      case 'moved':
        return (
          (this.#holders.get(condition.component) !== record.grants[condition.component]?.holder) === condition.moved
        );
      case 'takeovers':
        return record.epoch - this.#epoch === condition.count;
      case 'decision':
        return (
          this.#decision?.verdict === condition.verdict &&
          (condition.rule === null ||
            this.#decision.rules.some(({ rule, outcome }) => rule === condition.rule && outcome !== 'pass'))
        );
      case 'diagnosis':
        return this.#control?.lastDiagnoses.some(({ kind }) => kind === condition.diagnosis) ?? false;
      case 'step': {
        const run = this.#control?.run() ?? null;
        return isOpen(run) && currentStep(run)?.step.kind === condition.step;
      }
      case 'fenced-itself-first': {
        const old = this.#holders.get(condition.component)!;
        const promotedAt = this.#promotedAt.get(record.grants[condition.component]?.holder ?? '');
        const stoppedAt = this.#stoppedAt.get(old);
        return stoppedAt !== undefined && promotedAt !== undefined && stoppedAt < promotedAt;
      }
      case 'nothing-lost':
        return DURABLE.every((component) => this.#nothingLost(component));
      case 'outage-below':
        return Math.max(this.#longestGapMs, world.queue.now - this.#acknowledgedAt) < condition.ms;
      case 'faults-over':
        return this.stage.over;
    }
  }

  #nothingLost(component: string): boolean {
    const { world } = this;
    const holder = world.record?.grants[component as never]?.holder ?? null;
    const has = new Set(holder === null ? [] : world.instances.get(holder)!.log.map((entry) => entry.id));
    return [...world.checkers.acked(component)].every((id) => has.has(id));
  }
}

/** Fixed where the scenario says nothing: quick, and like the shipped example. */
function shapeOf(firm: Firm, policy: Policy): Shape {
  return {
    ...firm,
    sitePolicy: policy.site,
    instancePolicy: policy.instance,
    afterPeerLoss: policy.afterPeerLoss,
    coolDownMs: 5000,
    maxRunsPerCoolDown: 3,
    rttMs: 8,
    loneDatabase: false,
    mixedVersions: false,
    timing: {
      leaseRenewEveryMs: 400,
      selfFenceAfterMs: 1600,
      stopWithinMs: 300,
      clockRatePpm: 500,
      leaseMarginMs: 100,
      reportEveryMs: 400,
      silenceFloorMs: 1000,
      silenceCeilingMs: 2000,
      leaderRenewEveryMs: 500,
      leaderTimeoutMs: 1600,
      stepDeadlineMs: 3000,
    },
  };
}
