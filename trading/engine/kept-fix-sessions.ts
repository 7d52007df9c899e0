import { KeptSession } from '../fix/kept-session.ts';
import { decodeFixEntry, type FixEntry, isFixKind } from '../fix/session-entry.ts';
import { BLOCK_HEADER_BYTES, type Block } from '../journal/block.ts';
import { RECORD } from './entry.ts';

/** The FIX sessions that a journal holds, by name: on a standby they are kept up with it, so that it can go on with them. */
export class KeptFixSessions {
  readonly #sessions: Map<string, KeptSession>;
  readonly #isOpen: boolean;

  /** Those of these names, or every one that the journal has. `from`: as they were when what is applied here begins; null = at its start. */
  constructor(names: readonly string[] | 'every', from: KeptFixSessions | null = null) {
    this.#isOpen = names === 'every';
    const known = new Map([...(from?.all ?? [])].map((session) => [session.session, session]));
    const wanted = names === 'every' ? [...known.keys()] : names;
    this.#sessions = new Map(wanted.map((name) => [name, known.get(name) ?? new KeptSession(name)]));
  }

  get all(): Iterable<KeptSession> {
    return this.#sessions.values();
  }

  /** The session of this name, which must be one of those that were given. */
  of(name: string): KeptSession {
    const session = this.#sessions.get(name);
    if (session === undefined) throw new Error(`no FIX session ${name} is kept`);
    return session;
  }

  /** Keeps this session from here on. */
  take(session: KeptSession): void {
    if (this.#sessions.has(session.session)) throw new Error(`the FIX session ${session.session} is there twice`);
    this.#sessions.set(session.session, session);
  }

  /** Takes the next block of the journal. */
  apply({ bytes, header }: Block): void {
    if (this.#sessions.size === 0 && !this.#isOpen) return;
    let offset = BLOCK_HEADER_BYTES;
    for (let at = 0; at < header.count; at++) {
      const length = bytes.readUInt16LE(offset);
      if (isFixKind(bytes[offset + RECORD.kind]!)) {
        const entry = decodeFixEntry(bytes.subarray(offset, offset + length));
        if (entry !== null) this.#sessionOf(entry)?.apply(entry, header.firstSequence + at);
      }
      offset += length;
    }
  }

  #sessionOf({ session }: FixEntry): KeptSession | undefined {
    const known = this.#sessions.get(session);
    if (known !== undefined || !this.#isOpen) return known;
    const met = new KeptSession(session);
    this.#sessions.set(session, met);
    return met;
  }
}
