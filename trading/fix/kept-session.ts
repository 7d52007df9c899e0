import { type FixEntry, MAX_NAME_BYTES } from './session-entry.ts';
import type { SentMessage, SentMessages, SessionNumbers } from './session-types.ts';

const IN_MEMORY = 65_536;

/** What a session amounts to, apart from what only its journal holds. */
export interface HeldSession {
  readonly numbers: SessionNumbers;
  /** By number: the message's place in the journal; 0 = there is no such message. Numbers that it does not reach have none. */
  readonly places: Float64Array;
  /** Those in memory, by rising number. */
  readonly messages: readonly SentMessage[];
}

/**
 * One session as a journal's entries amount to it: its numbers, and every application message that was sent. The newest messages are
 * held in memory; for older ones only their place in the journal is, and they are read from there. One that is gone from the journal
 * is as if the session had used its number itself: whoever asks for it is told to pass over it.
 */
export class KeptSession implements SentMessages {
  readonly session: string;
  readonly #inMemory: number;
  /** By number modulo its length. */
  #recent: (SentMessage | undefined)[] = [];
  #read: ((place: number) => FixEntry | 'gone' | null) | null = null;
  /** As in `HeldSession`. */
  #places: Float64Array = new Float64Array(1024);
  #nextOut = 1;
  #nextIn = 1;

  /** The name is at most `MAX_NAME_BYTES` long. */
  constructor(session: string, options: { readonly inMemory?: number } = {}) {
    if (Buffer.byteLength(session) > MAX_NAME_BYTES)
      throw new Error(`the name of a FIX session is longer than ${MAX_NAME_BYTES} bytes`);
    this.session = session;
    this.#inMemory = options.inMemory ?? IN_MEMORY;
  }

  /** The session of which `held` was taken; it goes on with the entries that followed. */
  static restored(session: string, held: HeldSession, options: { readonly inMemory?: number } = {}): KeptSession {
    const kept = new KeptSession(session, options);
    kept.#nextOut = held.numbers.nextOut;
    kept.#nextIn = held.numbers.nextIn;
    if (held.places.length > kept.#places.length) kept.#places = new Float64Array(held.places.length);
    kept.#places.set(held.places);
    for (const message of held.messages) kept.#recent[message.seq % kept.#inMemory] = message;
    return kept;
  }

  get numbers(): SessionNumbers {
    return { nextOut: this.#nextOut, nextIn: this.#nextIn };
  }

  /** Shares its places with the session: to be used before the next entry. */
  get held(): HeldSession {
    const last = this.#places.findLastIndex((place) => place !== 0);
    const messages = this.#recent.filter((message) => message !== undefined).sort((one, other) => one.seq - other.seq);
    return { numbers: this.numbers, places: this.#places.subarray(0, last + 1), messages };
  }

  /** How messages that are no longer in memory are read. */
  readWith(read: (place: number) => FixEntry | 'gone' | null): void {
    this.#read = read;
  }

  /** Takes the next entry, with its place in the journal; entries of other sessions change nothing. */
  apply(entry: FixEntry, place: number): void {
    if (entry.session !== this.session) return;
    switch (entry.kind) {
      case 'fix-sent':
        this.#remember(entry, place);
        this.#nextOut = Math.max(this.#nextOut, entry.seq + 1);
        return;
      case 'fix-numbers':
        this.#nextOut = Math.max(this.#nextOut, entry.next);
        return;
      case 'fix-received':
        this.#nextIn = entry.next;
        return;
      case 'fix-reset':
        this.#recent = [];
        this.#places.fill(0);
        this.#nextOut = 1;
        this.#nextIn = 1;
        return;
    }
  }

  get(seq: number): SentMessage | null {
    const recent = this.#recent[seq % this.#inMemory];
    if (recent?.seq === seq) return recent;
    const place = seq < this.#places.length ? this.#places[seq]! : 0;
    if (place === 0) return null;
    const entry = this.#read?.(place) ?? null;
    if (entry === 'gone') return null;
    if (entry === null || entry.kind !== 'fix-sent' || entry.seq !== seq || entry.session !== this.session)
      throw new Error(`entry ${place} of the journal does not hold message ${seq} of ${this.session}`);
    return entry;
  }

  #remember(message: SentMessage, place: number): void {
    if (message.seq >= this.#places.length) {
      const larger = new Float64Array(Math.max(this.#places.length * 2, message.seq + 1));
      larger.set(this.#places);
      this.#places = larger;
    }
    this.#places[message.seq] = place;
    this.#recent[message.seq % this.#inMemory] = message;
  }
}
