import { KeptSession } from '../fix/kept-session.ts';
import { decodeFixEntry, isFixKind } from '../fix/session-entry.ts';
import { BLOCK_HEADER_BYTES, type Block, blockRecords } from '../journal/block.ts';
import type { Journal } from '../journal/journal.ts';
import { RECORD } from './entry.ts';

/** The FIX sessions that a journal holds, by name: on a standby they are kept up with it, so that it can go on with them. */
export class KeptFixSessions {
  readonly #sessions: ReadonlyMap<string, KeptSession>;

  constructor(names: readonly string[]) {
    this.#sessions = new Map(names.map((name) => [name, new KeptSession(name)]));
  }

  /** The session of this name, which must be one of those that were given. */
  of(name: string): KeptSession {
    const session = this.#sessions.get(name);
    if (session === undefined) throw new Error(`no FIX session ${name} is kept`);
    return session;
  }

  /** Takes the next block of the journal. */
  apply({ bytes, header }: Block): void {
    if (this.#sessions.size === 0) return;
    let offset = BLOCK_HEADER_BYTES;
    for (let at = 0; at < header.count; at++) {
      const length = bytes.readUInt16LE(offset);
      if (isFixKind(bytes[offset + RECORD.kind]!)) {
        const entry = decodeFixEntry(bytes.subarray(offset, offset + length));
        if (entry !== null) this.#sessions.get(entry.session)?.apply(entry, header.firstSequence + at);
      }
      offset += length;
    }
  }
}

/** The record of a session at a place of the journal; null when there is none. */
export const readFixEntry = (journal: Journal, place: number) => {
  const block = journal.blocksAfter(place - 1, 1)[0];
  const record = block === undefined ? undefined : blockRecords(block)[place - block.header.firstSequence];
  return record === undefined ? null : decodeFixEntry(record);
};
