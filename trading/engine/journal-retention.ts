import type { Journal } from '../journal/journal.ts';

export interface RetentionSettings {
  /** So many of the newest entries always stay; 0 = nothing is ever removed. */
  readonly entries: number;
  /** Names of the readers that must have stored an entry before it may go. One that has not said how far it is needs all. */
  readonly readers: readonly string[];
  /** What a reader must show; null where no reader is named. */
  readonly tokenFile: string | null;
}

export const KEEP_ALL: RetentionSettings = { entries: 0, readers: [], tokenFile: null };

/** Everything up to here may be removed. The lowest of all needs: what only one of them says is never enough. */
export const removableUpTo = (options: {
  readonly settings: RetentionSettings;
  readonly durable: number;
  /** What the primary has released: before that an entry may be the only proof that it was not. */
  readonly released: number;
  /** See `coveredUpTo`. */
  readonly covered: number;
  /** What every replica and every reader has stored, as the primary says; 0 = it has not said. */
  readonly stored: number;
}): number => {
  const { settings, durable, released, covered, stored } = options;
  if (settings.entries === 0) return 0;
  return Math.max(0, Math.min(durable - settings.entries, released, covered, stored));
};

/**
 * Removes segments of a standby's journal that nobody needs. Only a standby does: it is the one that takes checkpoints, and
 * the process that took one has loaded those that are kept to see that they are whole.
 */
export class JournalRetention {
  readonly #options: {
    readonly settings: RetentionSettings;
    readonly journal: Journal;
    readonly onWarning: (text: string) => void;
  };
  #stored = 0;

  constructor(options: {
    readonly settings: RetentionSettings;
    readonly journal: Journal;
    readonly onWarning: (text: string) => void;
  }) {
    this.#options = options;
  }

  /** The primary says that every replica and reader has stored this; 0 = there is another primary, which has not said. */
  stored(sequence: number): void {
    this.#stored = sequence;
  }

  /** A checkpoint was taken: there may be something to remove. */
  consider(covered: number): void {
    const { settings, journal, onWarning } = this.#options;
    if (settings.entries === 0 || this.#stored === 0) return;
    const { durable, released } = journal;
    try {
      journal.removeUpTo(removableUpTo({ settings, durable, released, covered, stored: this.#stored }));
    } catch (error) {
      onWarning(`segments of the journal could not be removed: ${(error as Error).message}`);
    }
  }
}
