import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import { writeDurably } from '../system/durable-file.ts';

/** What the driver must not forget over a restart of the agent or a loss of power. Kept beside the data directory, not in it:
 * a clone copies the whole directory of another instance. */
export interface DriverState {
  /** Highest epoch ever accepted. */
  readonly epoch: number;
  readonly duty: 'closed' | 'standby' | 'primary';
  /** Epoch under which it was promoted; what `primary-at` compares. 0 = never. */
  readonly primaryEpoch: number;
  /** Whom it was told to follow, and whom it really follows (a configured cascade). */
  readonly upstream: { readonly commanded: string; readonly actual: string; readonly mode: 'sync' | 'async' } | null;
  /** The names in `synchronous_standby_names`, in their order. */
  readonly ackSet: readonly string[];
  readonly fenced: boolean;
  readonly divergence: InstanceObservation['divergence'];
  /** A rebuild was begun and not finished: the data directory may be incomplete. */
  readonly rebuilding: boolean;
}

export const INITIAL_STATE: DriverState = {
  epoch: 0,
  duty: 'closed',
  primaryEpoch: 0,
  upstream: null,
  ackSet: [],
  fenced: false,
  divergence: null,
  rebuilding: false,
};

/** A small file that is either the old or the new state after any crash. */
export class DriverStateFile {
  readonly #path: string;
  #state: DriverState;

  /** Throws when the file exists and cannot be read: guessing an epoch would be unsafe. */
  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#state = INITIAL_STATE;
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    this.#state = { ...INITIAL_STATE, ...(JSON.parse(text) as Partial<DriverState>) };
  }

  get current(): DriverState {
    return this.#state;
  }

  /** Durable when it returns; an older one changes nothing. */
  raiseEpoch(epoch: number): void {
    if (epoch > this.#state.epoch) this.update({ epoch });
  }

  /** Durable when it returns. */
  update(change: Partial<DriverState>): void {
    const next = { ...this.#state, ...change };
    writeDurably(this.#path, `${JSON.stringify(next)}\n`);
    this.#state = next;
  }
}
