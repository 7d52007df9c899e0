import type { FixEntry } from './session-entry.ts';
import type { EntryLog } from './session-store.ts';

/** A log that lives as long as this object: for tests, and for sessions that begin at 1 with every process. */
export class MemoryEntryLog implements EntryLog {
  readonly entries: FixEntry[] = [];

  append(entries: readonly FixEntry[]): number {
    this.entries.push(...entries);
    return this.entries.length - entries.length + 1;
  }

  whenSafe(done: () => void): void {
    done();
  }

  read(place: number): FixEntry | null {
    return this.entries[place - 1] ?? null;
  }
}
