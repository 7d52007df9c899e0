import { decodeFixEntry, type FixEntry } from '../fix/session-entry.ts';
import { blockRecords } from '../journal/block.ts';
import type { Journal } from '../journal/journal.ts';
import { JournalCorrupt } from '../journal/segment-recovery.ts';

/** Reads the records of sessions back from a journal. */
export class FixEntryReader {
  readonly #journal: Journal;
  readonly #onWarning: (text: string) => void;
  #isDamaged = false;

  constructor(options: { readonly journal: Journal; readonly onWarning: (text: string) => void }) {
    this.#journal = options.journal;
    this.#onWarning = options.onWarning;
  }

  /**
   * The record of a session at a place; null when another one is there. Gone is what retention has removed, and everything from the
   * first damage on that is found: whoever trades must not be ended for a message that the exchange asks for and can be told to pass
   * over, because what is not confirmed goes to it again in any case.
   */
  read(place: number): FixEntry | 'gone' | null {
    const journal = this.#journal;
    if (this.#isDamaged || place < journal.first) return 'gone';
    try {
      const block = journal.blocksAfter(place - 1, 1)[0];
      const record = block === undefined ? undefined : blockRecords(block)[place - block.header.firstSequence];
      return record === undefined ? null : decodeFixEntry(record);
    } catch (error) {
      if (!(error instanceof JournalCorrupt)) throw error;
      this.#isDamaged = true;
      this.#onWarning(`a message of a FIX session cannot be sent again: ${error.message}`);
      return 'gone';
    }
  }
}
