import { ContractError } from '../control/contract.ts';
import type { ActDetail } from '../control/recovery-action.ts';
import type { StoppedMark } from '../oms/stopped-mark.ts';
import type { EngineComparison } from './engine-comparison.ts';

/** What a recovery has to do with the reign that it belongs to. */
export interface RecoveryGround {
  readonly epoch: number;
  /** Keeps, across a restart in the same epoch, that fail-safe was ordered. */
  readonly mark: StoppedMark;
  /** What is said to engines has changed; true = the one that is heard has read it. */
  tellEngine(): Promise<boolean>;
  /** Puts the stored rules in force. */
  restoreLimits(): Promise<ActDetail>;
  /**
   * Begins exposures anew, from the first released entry on, or from what was kept where the engine no longer has that, and reads the
   * stored positions to compare them with.
   */
  startAnew(): Promise<void>;
  /** Why nothing could be begun with, so that the figures are those from before; null = nothing speaks against it. */
  impossible(): string | null;
  /** Everything released has been taken in since. */
  caughtUp(): boolean;
  /** How the figures stand. */
  figures(): ActDetail;
  /** Counts exposures anew from orders and positions; the clients that had others. */
  recount(): readonly string[];
  /** What speaks against the figures, whatever was ordered; null = nothing. */
  doubt(): string | null;
  /** Rules in force that are not the stored ones. */
  limitsThatDiffer(): Promise<readonly string[]>;
  compareWithEngine(): Promise<EngineComparison>;
  /** Lots compared with the database's, at the entry at which that stood; null = it has none. */
  storedPositions(): { readonly count: number; readonly sequence: number } | null;
}

const stages = ['ordered', 'limits', 'positions', 'exposures', 'verified'] as const;
type Stage = (typeof stages)[number];

/**
 * A recovery that people or a plan ordered (S4): fail-safe first, and it ends only when limits, positions and exposures were made anew and
 * agree with the books of the others. A step that comes before its turn is refused; one that is asked for again makes
 * what follows it undone, except that positions which were made anew are not made a second time.
 */
export class RiskRecovery {
  readonly #ground: RecoveryGround;
  #stage: Stage | null;
  #starting: Promise<void> | null = null;
  #started = false;

  constructor(ground: RecoveryGround) {
    this.#ground = ground;
    this.#stage = ground.mark.holdsFor(ground.epoch) ? 'ordered' : null;
    if (this.#stage === null) ground.mark.clear();
  }

  /** Why nothing is approved on its account; null = none is under way. */
  get failSafe(): string | null {
    switch (this.#stage) {
      case null:
        return null;
      case 'verified':
        return 'a recovery was ordered: all is verified, and fail-safe was not left';
      default:
        return `a recovery was ordered, and has come to: ${this.#stage}`;
    }
  }

  async begin(): Promise<ActDetail> {
    const { mark, epoch } = this.#ground;
    mark.set(epoch);
    this.#stage = 'ordered';
    this.#started = false;
    return { failSafe: true, engineTold: await this.#ground.tellEngine() };
  }

  async restoreLimits(): Promise<ActDetail> {
    this.#require('ordered', 'fail-safe');
    const detail = await this.#ground.restoreLimits();
    this.#stage = 'limits';
    this.#started = false;
    return detail;
  }

  /** Long journals take longer than one answer may: asked again it goes on waiting for the same beginning. */
  async recomputePositions(): Promise<ActDetail> {
    this.#require('limits', 'restore-limits');
    const deadline = performance.now() + recomputeAnswerMs;
    if (!this.#started) {
      this.#starting ??= this.#ground.startAnew().finally(() => {
        this.#starting = null;
      });
      await this.#starting;
      this.#started = true;
    }
    for (;;) {
      const impossible = this.#ground.impossible();
      if (impossible !== null) {
        this.#started = false;
        throw new Error(impossible);
      }
      if (this.#ground.caughtUp()) break;
      if (performance.now() > deadline) throw new Error('what was released is still being taken in');
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
    const doubt = this.#ground.doubt();
    if (doubt !== null) throw new Error(doubt);
    this.#stage = 'positions';
    return this.#ground.figures();
  }

  recomputeExposures(): ActDetail {
    this.#require('positions', 'recompute-positions');
    const differed = this.#ground.recount();
    this.#stage = 'exposures';
    return { ...this.#ground.figures(), clientsThatDiffered: differed.length };
  }

  async verify(): Promise<ActDetail> {
    this.#require('exposures', 'recompute-exposures');
    const doubt = this.#ground.doubt();
    if (doubt !== null) throw new Error(doubt);
    const limits = await this.#ground.limitsThatDiffer();
    if (limits.length > 0) throw new Error(`limits in force are not the stored ones: ${few(limits)}`);
    const { delta, differences, orders, openOrders, positions, through } = await this.#ground.compareWithEngine();
    if (delta > mostDelta) throw new Error(`${differences.length} differences, up to ${delta}: ${few(differences)}`);
    if (this.#stage === null) throw new Error('fail-safe was left meanwhile');
    this.#stage = 'verified';
    const stored = this.#ground.storedPositions();
    return {
      delta,
      positions,
      orders,
      openOrders,
      through,
      storedPositions: stored?.count ?? null,
      storedThrough: stored?.sequence ?? null,
    };
  }

  async leave(): Promise<ActDetail> {
    if (this.#stage !== null) this.#require('verified', 'verify');
    const doubt = this.#ground.doubt();
    if (doubt !== null) throw new Error(doubt);
    this.end();
    return { failSafe: false, engineTold: await this.#ground.tellEngine() };
  }

  /** Nothing that was ordered holds any longer. */
  end(): void {
    this.#stage = null;
    this.#started = false;
    this.#ground.mark.clear();
  }

  /** What was made anew is not there any more. */
  lost(): void {
    this.#started = false;
    if (this.#stage !== null && this.#stage !== 'ordered') this.#stage = 'limits';
  }

  #require(stage: Stage, action: string): void {
    if (this.#stage === null || stages.indexOf(this.#stage) < stages.indexOf(stage))
      throw new ContractError('not-ready', `it comes after ${action}, which has not been done in this recovery`);
  }
}

const few = (list: readonly string[]): string => list.slice(0, mostNamed).join('; ');

/** S4: what differs by more is refused. All figures are integers, so that no difference passes. */
const mostDelta = 0.01;
const mostNamed = 10;
const recomputeAnswerMs = 5000;
const lookEveryMs = 5;
