import { isFixKind } from '../fix/session-entry.ts';
import { type Block, blockRecords, lastSequenceOf } from '../journal/block.ts';
import type { Journal } from '../journal/journal.ts';
import { JournalRemoved } from '../journal/recovery-start.ts';
import { JournalCorrupt } from '../journal/segment-recovery.ts';
import { entryText, sessionEntryText } from './client-protocol.ts';
import { decodeEntry, RECORD } from './entry.ts';
import type { ClientSession } from './orders-port.ts';

interface Subscriber {
  readonly session: ClientSession;
  /** Last sequence sent. */
  at: number;
  /** What the last `released` message said. */
  told: number;
  toldAtMs: number;
}

/** To a reader that asks for entries that retention has removed: `first` is the first that is there. */
export const removedText = (first: number): string =>
  `${JSON.stringify({ t: 'reject', code: 'removed', error: 'HF-7207', first })}\n`;

const BURST_BYTES = 128 * 1024;
const TELL_EVERY_MS = 1000;

/** Streams released journal entries: from the journal first, then as they are released. */
export class Subscriptions {
  readonly #journal: Journal;
  readonly #mayRelease: () => boolean;
  readonly #venueName: (venue: number) => string;
  readonly #subscribers = new Map<ClientSession, Subscriber>();
  #moreSoon = false;

  constructor(options: { journal: Journal; mayRelease: () => boolean; venueName: (venue: number) => string }) {
    this.#venueName = options.venueName;
    this.#journal = options.journal;
    this.#mayRelease = options.mayRelease;
  }

  get count(): number {
    return this.#subscribers.size;
  }

  add(session: ClientSession, after: number): void {
    this.#subscribers.set(session, { session, at: after, told: -1, toldAtMs: 0 });
  }

  remove(session: ClientSession): void {
    this.#subscribers.delete(session);
  }

  clear(): void {
    this.#subscribers.clear();
  }

  /** Sends what may be sent up to here; the rest follows in later turns of the event loop. */
  pump(options: { readonly released: number; readonly epoch: number; readonly nowMs: number }): void {
    let behind = false;
    for (const subscriber of this.#subscribers.values()) {
      if (!this.#mayRelease()) return;
      if (subscriber.session.congested) continue;
      if (!this.#advance(subscriber, options.released)) continue;
      if (subscriber.at < options.released) behind = true;
      else this.#tell(subscriber, options);
      // Gathering may have taken a while. What is not written now goes with the next pump.
      if (!this.#mayRelease()) return;
      subscriber.session.flush();
    }
    if (!behind || this.#moreSoon) return;
    this.#moreSoon = true;
    setImmediate(() => {
      this.#moreSoon = false;
      this.pump(options);
    });
  }

  /** False when what it needs cannot be read: it is told, and served no longer. */
  #advance(subscriber: Subscriber, released: number): boolean {
    if (subscriber.at >= released) return true;
    const blocks = this.#read(subscriber);
    for (const block of blocks ?? []) {
      const { firstSequence, epoch } = block.header;
      if (firstSequence > released) return true;
      const entries = blockRecords(block);
      const last = Math.min(lastSequenceOf(block.header), released);
      for (let sequence = Math.max(firstSequence, subscriber.at + 1); sequence <= last; sequence++)
        subscriber.session.push(this.#textOf(sequence, epoch, entries[sequence - firstSequence]!));
      subscriber.at = Math.max(subscriber.at, last);
    }
    return blocks !== null;
  }

  #read({ session, at }: Subscriber): readonly Block[] | null {
    try {
      return this.#journal.blocksAfter(at, BURST_BYTES);
    } catch (error) {
      // What lies that far back concerns this reader, and nobody who trades.
      if (!(error instanceof JournalRemoved || error instanceof JournalCorrupt)) throw error;
      this.#subscribers.delete(session);
      const damaged = `${JSON.stringify({ t: 'reject', code: 'damaged', error: error.code })}\n`;
      session.refuse(error instanceof JournalRemoved ? removedText(error.first) : damaged);
      return null;
    }
  }

  #textOf(sequence: number, epoch: number, record: Buffer): string {
    if (isFixKind(record[RECORD.kind]!)) return sessionEntryText(sequence, epoch);
    return entryText(sequence, epoch, decodeEntry(record), this.#venueName);
  }

  #tell(
    subscriber: Subscriber,
    options: { readonly released: number; readonly epoch: number; readonly nowMs: number },
  ): void {
    const due = subscriber.told === -1 || options.nowMs - subscriber.toldAtMs >= TELL_EVERY_MS;
    if (!due) return;
    subscriber.told = options.released;
    subscriber.toldAtMs = options.nowMs;
    subscriber.session.push(`{"t":"released","seq":${options.released},"epoch":${options.epoch}}\n`);
  }
}
