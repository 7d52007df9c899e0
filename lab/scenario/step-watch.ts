import type { RunId, SiteId } from '../../src/core/base/ids.ts';
import type { RecoveryPlan } from '../../src/core/plan/recovery-plan.ts';
import type { StepKind } from '../../src/core/plan/runbook.ts';
import type { JournalEntry } from '../../src/core/run/run.ts';
import type { Platform } from '../demo/platform.ts';

/** A step that a run has begun: journalled, and now commanded. */
export interface StepBegun {
  readonly step: StepKind;
  /** Who wrote so: the controller that leads. */
  readonly leader: SiteId;
  /** UTC, milliseconds: when the controller that told it heard of it. */
  readonly at: number;
}

type JournalSource = Pick<Platform, 'topology' | 'journal'>;

const LOOK_EVERY_MS = 15;

/** Follows the runs' journal as every controller hears it, so that a step is told although one of them is lost or frozen. */
export class StepWatch {
  readonly #platform: JournalSource;
  readonly #onStep: (begun: StepBegun) => void;
  readonly #told = new Set<string>();
  readonly #plans = new Map<RunId, RecoveryPlan>();
  #closed = false;

  private constructor(platform: JournalSource, onStep: (begun: StepBegun) => void) {
    this.#platform = platform;
    this.#onStep = onStep;
  }

  /** Steps of before are not told. @throws HoldfastError when a controller does not answer */
  static async open(platform: JournalSource, onStep: (begun: StepBegun) => void): Promise<StepWatch> {
    const watch = new StepWatch(platform, onStep);
    const voters = platform.topology.sites.filter(({ voter }) => voter);
    const known = await Promise.all(voters.map(({ id }) => watch.#known(id)));
    for (const [at, { id }] of voters.entries()) void watch.#follow(id, known[at]!);
    return watch;
  }

  close(): void {
    this.#closed = true;
  }

  async #known(controller: SiteId): Promise<number> {
    let last = 0;
    for (;;) {
      const entries = await this.#platform.journal(controller, last);
      if (entries.length === 0) return last;
      for (const { key } of entries) this.#told.add(key);
      last = entries.at(-1)!.number;
    }
  }

  async #follow(controller: SiteId, from: number): Promise<void> {
    let last = from;
    while (!this.#closed) {
      // Who does not answer is lost, frozen or cut off; the others tell.
      const entries = await this.#platform.journal(controller, last).catch(() => []);
      for (const { number, key, at, value } of entries) {
        last = number;
        if (this.#closed || value === null || key.endsWith('/head') || this.#told.has(key)) continue;
        this.#told.add(key);
        this.#tell(value as unknown as JournalEntry, at);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  #tell({ run, events, controller }: JournalEntry, at: number): void {
    for (const event of events)
      if (event.kind === 'opened') this.#plans.set(run, event.plan);
      else if (event.kind === 'step-started') {
        const step = this.#plans.get(run)?.steps.find(({ id }) => id === event.step)?.kind;
        if (step !== undefined) this.#onStep({ step, leader: controller as SiteId, at });
      }
  }
}
