import type { Decision } from '../core/decision/decide.ts';
import type { Condition } from '../core/drill/condition.ts';
import { holderMeant } from '../core/drill/meant.ts';
import { currentStep, isOpen } from '../core/run/run.ts';
import type { GroupControl } from '../engine/group-control.ts';
import type { World } from './world.ts';

/** Clients send an order and a cancel at least this often. */
const PASSING_WITHIN_MS = 1500;

/** Clients write to these. */
const DURABLE: readonly string[] = ['db', 'engine'];

/** Knows the firm's steady state, watches what happens to it, and says whether a condition holds now. */
export class ScenarioJudge {
  readonly #world: World;
  #steadyEpoch = 0;
  readonly #steadyHolders = new Map<string, string>();
  readonly #stoppedAt = new Map<string, number>();
  readonly #promotedAt = new Map<string, number>();
  #hurtAt: number | null = null;
  #acknowledgedAt = 0;
  #cancelledAt = 0;
  #longestGapMs = 0;
  /** Code of the last answer to a person; null = it was no refusal, or nobody asked. */
  refusal: string | null = null;

  constructor(world: World) {
    this.#world = world;
    const { queue } = world;
    world.watch = {
      released: (component, cancel) => component === 'engine' && this.#acknowledged(cancel),
      stopped: (instance) => void (this.#stoppedAt.has(instance) || this.#stoppedAt.set(instance, queue.now)),
      promoted: (instance) => void this.#promotedAt.set(instance, queue.now),
    };
  }

  /** The firm as it is now is what "moved" and "take-over" are counted from. */
  steady(): void {
    const { record, topology } = this.#world;
    this.#steadyEpoch = record?.epoch ?? 0;
    for (const { id } of topology.components) {
      const holder = holderMeant(id, this.#world);
      if (holder !== null) this.#steadyHolders.set(id, holder);
    }
    this.#stoppedAt.clear();
    this.#promotedAt.clear();
  }

  /** Outage is measured from the first time on. */
  hurt(): void {
    this.#hurtAt ??= this.#world.queue.now;
  }

  #acknowledged(cancel: boolean): void {
    const { now } = this.#world.queue;
    if (cancel) {
      this.#cancelledAt = now;
      return;
    }
    if (this.#hurtAt !== null) this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#acknowledgedAt);
    this.#acknowledgedAt = now;
  }

  get #control(): GroupControl | null {
    const core = this.#world.leader?.core;
    return core ? ([...core.groups.values()][0] ?? null) : null;
  }

  get decision(): Decision | null {
    return this.#control?.lastDecision ?? null;
  }

  /** `faultsOver`: none is in force, and none still waits for its step. */
  holds(condition: Condition, faultsOver: boolean): boolean {
    const { record, queue } = this.#world;
    if (record === null) return false;
    switch (condition.kind) {
      case 'served':
        return (
          this.#world.unserved() === null &&
          record.traffic === record.activeSite &&
          this.#world.delegates.every(({ acknowledges }) => acknowledges)
        );
      case 'whole':
        return this.holds({ kind: 'served' }, faultsOver) && this.#world.incomplete() === null;
      case 'nothing-wrong':
        return this.#control?.lastDiagnoses.length === 0;
      case 'mode':
        return Object.values(record.grants).some((grant) => grant.mode.kind === condition.mode);
      case 'active':
        return record.activeSite === condition.site;
      case 'moved':
        return (this.#steadyHolders.get(condition.component) !== this.#holder(condition.component)) === condition.moved;
      case 'takeovers':
        return record.epoch - this.#steadyEpoch === condition.count;
      case 'decision':
        return (
          this.decision?.verdict === condition.verdict &&
          (condition.rule === null ||
            this.decision.rules.some(({ rule, outcome }) => rule === condition.rule && outcome !== 'pass'))
        );
      case 'diagnosis':
        return this.#control?.lastDiagnoses.some(({ kind }) => kind === condition.diagnosis) ?? false;
      case 'step': {
        const run = this.#control?.run() ?? null;
        return isOpen(run) && currentStep(run)?.step.kind === condition.step;
      }
      case 'refused':
        return this.refusal === condition.code;
      case 'stopped-first':
        return this.#stoppedFirst(condition.component);
      case 'nothing-lost':
        return DURABLE.every((component) => this.#nothingLost(component));
      case 'outage-below':
        return Math.max(this.#longestGapMs, queue.now - this.#acknowledgedAt) < condition.ms;
      case 'passing': {
        const at = condition.what === 'orders' ? this.#acknowledgedAt : this.#cancelledAt;
        return queue.now - at < PASSING_WITHIN_MS === condition.passing;
      }
      case 'faults-over':
        return faultsOver;
    }
  }

  #holder(component: string): string | null {
    return holderMeant(component, this.#world);
  }

  #stoppedFirst(component: string): boolean {
    const stoppedAt = this.#stoppedAt.get(this.#steadyHolders.get(component) ?? '');
    const promotedAt = this.#promotedAt.get(this.#holder(component) ?? '');
    return stoppedAt !== undefined && promotedAt !== undefined && stoppedAt < promotedAt;
  }

  #nothingLost(component: string): boolean {
    const holder = this.#holder(component);
    const has = new Set(holder === null ? [] : this.#world.instances.get(holder as never)!.log.map(({ id }) => id));
    return [...this.#world.checkers.acked(component)].every((id) => has.has(id));
  }
}
