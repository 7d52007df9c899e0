import { type Checkpoint, dropCheckpointsAfter, newestCheckpoint } from './checkpoint.ts';
import { type CheckpointOutcome, takeCheckpoint } from './checkpoint-taker.ts';

export interface StandbyCheckpointsOptions {
  readonly instance: string;
  readonly journal: string;
  readonly checkpoints: string;
  /** Entries between two; 0 = none are taken. */
  readonly everyEntries: number;
  /** Sequence of the checkpoint that the process started from; 0 = of none. */
  readonly from: number;
  readonly newestHash: () => { readonly sequence: number; readonly hash: string } | null;
  /** One was taken; everything up to `covered` is in each of those that are kept. */
  readonly onTaken: (covered: number) => void;
  readonly onWarning: (text: string) => void;
}

/** Takes checkpoints while this instance is standby: the primary has better things to do. One at a time. */
export class StandbyCheckpoints {
  readonly #options: StandbyCheckpointsOptions;
  #sequence: number;
  /** Tried last here, also in vain. */
  #triedAt: number;
  #running: Promise<void> | null = null;
  #cutAt = Number.POSITIVE_INFINITY;

  constructor(options: StandbyCheckpointsOptions) {
    this.#options = options;
    this.#sequence = options.from;
    this.#triedAt = options.from;
  }

  /** Sequence of the newest one; 0 when there is none. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Starts one when enough has become durable since the last. */
  consider(durable: number): void {
    const { everyEntries, newestHash } = this.#options;
    if (everyEntries === 0 || this.#running !== null || durable - this.#triedAt < everyEntries) return;
    const newest = newestHash();
    if (newest === null || newest.sequence > durable || newest.sequence <= this.#sequence) return;
    this.#triedAt = durable;
    this.#running = this.#take(newest.sequence, newest.hash);
  }

  /** The journal was cut after this sequence: what is beyond it is of another history. Returns the newest that is left. */
  cut(sequence: number): Checkpoint | null {
    this.#cutAt = Math.min(this.#cutAt, sequence);
    this.#sequence = Math.min(this.#sequence, sequence);
    this.#triedAt = Math.min(this.#triedAt, sequence);
    dropCheckpointsAfter(this.#options.checkpoints, sequence);
    return newestCheckpoint(this.#options.checkpoints, {
      onDamaged: ({ message }) => this.#options.onWarning(message),
    });
  }

  /** What a state is computed anew from: as little as possible that this process computed. Null = from the first entry. */
  base(firstEntry: number): Checkpoint | null {
    if (firstEntry === 1) return null;
    return newestCheckpoint(this.#options.checkpoints, {
      onDamaged: ({ message }) => this.#options.onWarning(message),
    });
  }

  async #take(sequence: number, stateHash: string): Promise<void> {
    const { instance, journal, checkpoints, onWarning } = this.#options;
    this.#cutAt = Number.POSITIVE_INFINITY;
    const outcome: CheckpointOutcome = await takeCheckpoint({ instance, journal, checkpoints, sequence, stateHash });
    this.#running = null;
    // What was taken while the journal was being cut may be of either history.
    if (this.#cutAt !== Number.POSITIVE_INFINITY) dropCheckpointsAfter(checkpoints, this.#cutAt);
    else if (outcome.kind === 'taken') {
      this.#sequence = outcome.sequence;
      this.#options.onTaken(outcome.covered);
    } else onWarning(`no checkpoint was taken at ${sequence}: ${outcome.reason}`);
  }
}
