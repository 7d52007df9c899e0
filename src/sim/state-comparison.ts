import type { Epoch, InstanceId } from '../core/base/ids.ts';
import type { StateDifference } from '../core/health/instance-observation.ts';
import type { InstanceModel } from './instance-model.ts';
import type { InstanceSurroundings } from './instance-surroundings.ts';

/** How long a replay by a third process takes, and computing a state anew. */
const REPLAY_MS = 400;
const COMPUTE_ANEW_MS = 700;

/**
 * Whether what an engine computed is what its log amounts to, and what it knows of that: a standby that finds another state than its
 * primary's follows nobody until a replay has said which is wrong. Where it is its own, it is computed anew; where it is the
 * primary's, it waits for a newer reign. A process that starts, and a reign that ended, begin with what the log amounts to.
 */
export class StateComparison {
  readonly #self: InstanceModel;
  readonly #around: InstanceSurroundings;
  isWrong = false;
  difference: StateDifference | null = null;

  constructor(self: InstanceModel, around: InstanceSurroundings) {
    this.#self = self;
    this.#around = around;
  }

  /** Nobody may follow, or be promoted, from a state that may be wrong here. */
  get doubted(): boolean {
    return this.difference !== null && this.difference.wrong !== 'upstream';
  }

  /** Ended, or promoted: what was said of another reign is of no interest any more. */
  begin(isComputedAnew: boolean): void {
    this.difference = null;
    if (isComputedAnew) this.isWrong = false;
  }

  /** A standby has the primary's word of its state. False: they are not equal, and it follows no longer. */
  agrees(upstream: InstanceId, epoch: number, upstreamIsWrong: boolean): boolean {
    if (upstreamIsWrong === this.isWrong) return true;
    const { life, log } = this.#self;
    const found = { sequence: log.length, upstream, epoch: epoch as Epoch, wrong: 'unknown' } as const;
    this.difference = found;
    this.#around.changed(this.#self);
    const isStill = () => this.#self.life === life && this.difference?.sequence === found.sequence;
    this.#around.queue.after(REPLAY_MS, () => {
      if (!isStill()) return;
      this.difference = { ...found, wrong: this.isWrong ? 'here' : 'upstream' };
      if (!this.isWrong) {
        this.followed(this.#self.epoch);
        if (this.difference === null) this.#self.standby.joinAgain();
      } else
        this.#around.queue.after(COMPUTE_ANEW_MS, () => {
          if (!isStill()) return;
          this.begin(true);
          this.#self.standby.joinAgain();
          this.#around.changed(this.#self);
        });
      this.#around.changed(this.#self);
    });
    return false;
  }

  /** It knows this epoch: a reign that came after the one that was wrong is compared anew. */
  followed(epoch: number): void {
    if (this.difference?.wrong === 'upstream' && epoch > this.difference.epoch) this.begin(false);
  }
}
