import { blockRecords } from '../journal/block.ts';
import { Journal } from '../journal/journal.ts';
import { RecordBatch } from '../journal/record-batch.ts';
import { KeptSession } from './kept-session.ts';
import { decodeFixEntry, type FixEntry, fixRecordBytes, writeFixEntry } from './session-entry.ts';
import { type EntryLog, SessionStore } from './session-store.ts';

const EPOCH = 1;
/** What is kept in one turn has no limit, a block has. */
const FULL_BLOCK_BYTES = 256 * 1024;

export interface FileEntryLogOptions {
  readonly directory: string;
  /** `group`: safe means synced to disk, one sync for all that has gathered; `none`: it survives the process, not the machine. */
  readonly sync: 'group' | 'none';
  /** Nothing more can be promised: end the process. */
  readonly onFailure: (error: Error) => void;
}

/**
 * A journal of sessions in a directory of its own: chained, checksummed blocks. A torn end is cut; damage in the middle, or less
 * than what had been durable, stops it with HF-7201 and the offset.
 */
export class FileEntryLog implements EntryLog {
  readonly #waiting: { readonly sequence: number; readonly done: () => void }[] = [];
  readonly #batch = new RecordBatch();
  #journal!: Journal;

  private constructor() {}

  /** Opens the directory and brings the given sessions to what it holds. */
  static async open(options: FileEntryLogOptions, sessions: readonly KeptSession[]): Promise<FileEntryLog> {
    const log = new FileEntryLog();
    for (const session of sessions) session.readWith((place) => log.read(place));
    const { directory, sync, onFailure } = options;
    const onDurable = (sequence: number) => log.#safe(sequence);
    log.#journal = await Journal.open({ directory, sync, onFailure, onDurable }, (block) => {
      let place = block.header.firstSequence;
      for (const record of blockRecords(block)) {
        const entry = decodeFixEntry(record);
        if (entry !== null) for (const session of sessions) session.apply(entry, place);
        place += 1;
      }
    });
    return log;
  }

  append(entries: readonly FixEntry[]): number {
    const first = this.#journal.end.sequence + 1;
    const batch = this.#batch;
    for (const entry of entries) {
      const offset = batch.reserve(fixRecordBytes(entry));
      batch.commit(writeFixEntry(batch.bytes, offset, entry));
      if (batch.payloadBytes >= FULL_BLOCK_BYTES) this.#journal.append({ epoch: EPOCH, batch });
    }
    if (batch.count > 0) this.#journal.append({ epoch: EPOCH, batch });
    return first;
  }

  whenSafe(done: () => void): void {
    const { sequence } = this.#journal.end;
    if (sequence <= this.#journal.durable && this.#waiting.length === 0) {
      done();
      return;
    }
    this.#waiting.push({ sequence, done });
    this.#journal.sync();
  }

  read(place: number): FixEntry | null {
    const block = this.#journal.blocksAfter(place - 1, 1)[0];
    if (block === undefined) return null;
    const record = blockRecords(block)[place - block.header.firstSequence];
    return record === undefined ? null : decodeFixEntry(record);
  }

  close(): void {
    this.#waiting.length = 0;
    this.#journal.close();
  }

  #safe(sequence: number): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.sequence <= sequence) this.#waiting.shift()!.done();
  }
}

/** A store in files for one session, with everything that was kept there before. */
export const openSessionFile = async (
  session: string,
  options: FileEntryLogOptions,
): Promise<{ readonly store: SessionStore; readonly log: FileEntryLog }> => {
  const kept = new KeptSession(session);
  const log = await FileEntryLog.open(options, [kept]);
  return { store: new SessionStore(log, kept), log };
};
