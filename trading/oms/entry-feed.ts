import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import { Pulse } from '../base/pulse.ts';
import { monoMs } from '../load/clock.ts';
import { type Address, LineConnection } from '../load/line-connection.ts';
import { type JournalEntry, parseEntry } from './journal-entry.ts';
import type { ReaderPass } from './reader-pass.ts';

export interface EntryFeedSink {
  entry(entry: JournalEntry): void;
  /** A feed is there or has gone. */
  changed(): void;
  /** The engine knows less than is stored already: released entries are missing there. */
  ahead(engineEnd: number): void;
  /** The engine no longer has what comes next (HF-7207), or cannot read it: `first` is the first entry that it has, if it says so. */
  removed?(first: number | null): void;
  /** The engine that is followed from now on is connected, and takes what `send` gives it. */
  attached?(): void;
  /** All that it had released has been delivered. */
  caughtUp?(): void;
  /** A message of the engine that is followed, of a kind that a feed does not know; true = it is known to the sink. */
  other?(message: JsonRecord): boolean;
}

interface Candidate {
  readonly address: Address;
  readonly connection: LineConnection;
  readonly startedAt: number;
  epoch: number;
}

/**
 * Follows the released entries of whichever engine of the list is primary, from a position on, in order and without gaps. Tries
 * all of them at once while it has none or the present one is silent. Entries of an engine with a lower epoch than one already
 * followed are not taken.
 */
export class EntryFeed {
  readonly #engines: readonly Address[];
  readonly #sink: EntryFeedSink;
  readonly #candidates = new Set<Candidate>();
  #current: Candidate | null = null;
  readonly #reader: string | null;
  readonly #pass: ReaderPass | null;
  #stored: number;
  #toldAt = 0;
  #refused = { text: '', at: Number.NEGATIVE_INFINITY };
  #next: number;
  #highestEpoch = 0;
  readonly #pulse: Pulse;
  #closed = false;
  #paused = false;
  /** How far the engine has released, as far as is known. */
  releasedSequence = 0;
  /** The engine that is followed has said since it is that nothing more was waiting. */
  caughtUp = false;
  #lostAt = monoMs();

  /**
   * `reader`: the name under which the engine waits for what this one has stored, before it removes it; `stored`: how far that is, if it
   * is not `after`; `pass`: without one an engine that removes anything does not believe it. `calmAfterMs`: how long it looks for an engine in a hurry; then it looks once a second.
   */
  constructor(options: {
    readonly engines: readonly Address[];
    readonly after: number;
    readonly sink: EntryFeedSink;
    readonly calmAfterMs?: number;
    readonly reader?: string;
    readonly pass?: ReaderPass | undefined;
    readonly stored?: number;
  }) {
    this.#reader = options.reader ?? null;
    this.#pass = options.pass ?? null;
    this.#stored = options.stored ?? options.after;
    const calmAfterMs = options.calmAfterMs ?? Number.POSITIVE_INFINITY;
    this.#engines = options.engines;
    this.#sink = options.sink;
    this.#next = options.after + 1;
    this.releasedSequence = options.after;
    this.#pulse = new Pulse({
      everyMs: () => {
        if (this.connected) return lookEveryMs;
        return monoMs() - this.#lostAt > calmAfterMs ? calmProbeEveryMs : probeEveryMs;
      },
      beat: () => this.#probe(),
    });
    this.#probe();
  }

  get connected(): boolean {
    return this.#current !== null && (this.#paused || !this.#silent(this.#current));
  }

  /** Where the engine is that is followed; null when there is none. */
  get engine(): Address | null {
    return this.#current?.address ?? null;
  }

  /** To the engine that is followed; nowhere when there is none. */
  send(message: object): void {
    this.#current?.connection.send(message);
  }

  pause(): void {
    this.#paused = true;
    this.#current?.connection.pause();
  }

  /** Tells the engine up to where nothing will be asked for again. */
  stored(sequence: number): void {
    if (this.#reader === null || sequence - this.#stored < tellStoredEvery) return;
    this.#stored = sequence;
    this.#tellStored();
  }

  /** Why the engine that is followed does not believe what this reader says that it has stored; null = it has not complained of late. */
  get readerProblem(): string | null {
    return monoMs() - this.#refused.at < refusedForMs ? this.#refused.text : null;
  }

  resume(): void {
    this.#paused = false;
    this.#current?.connection.resume();
  }

  close(): void {
    this.#closed = true;
    this.#pulse.stop();
    this.#current?.connection.close();
    for (const candidate of this.#candidates) candidate.connection.close();
  }

  get #claim(): object {
    return { reader: this.#reader, ...this.#pass };
  }

  #tellStored(): void {
    this.#toldAt = monoMs();
    this.send({ t: 'stored', ...this.#claim, seq: this.#stored });
  }

  #silent(candidate: Candidate): boolean {
    return monoMs() - candidate.connection.lastHeardAt > silentAfterMs;
  }

  #probe(): void {
    if (this.#closed) return;
    this.#pulse.hurry();
    for (const candidate of this.#candidates) {
      if (monoMs() - candidate.startedAt > attemptDeadlineMs) candidate.connection.close();
    }
    // A name is lost to whoever claims it when nothing is heard of its holder.
    if (this.#reader !== null && this.#pass !== null && monoMs() - this.#toldAt > claimEveryMs) this.#tellStored();
    if (this.connected) return;
    for (const address of this.#engines) {
      const trying = [...this.#candidates].filter((candidate) => candidate.address === address).length;
      if (trying < maxAttemptsPerEngine) this.#attempt(address);
    }
  }

  #attempt(address: Address): void {
    const candidate: Candidate = {
      address,
      startedAt: monoMs(),
      epoch: 0,
      connection: new LineConnection(address, {
        connected: () => {
          const told = this.#reader === null ? {} : { ...this.#claim, stored: this.#stored };
          candidate.connection.send({ t: 'subscribe', after: this.#next - 1, ...told });
        },
        message: (message) => this.#received(candidate, message),
        closed: () => {
          this.#candidates.delete(candidate);
          if (this.#current !== candidate) return;
          this.#current = null;
          this.caughtUp = false;
          this.#lostAt = monoMs();
          this.#sink.changed();
          if (!this.#closed) setImmediate(() => this.#probe());
        },
      }),
    };
    this.#candidates.add(candidate);
  }

  #received(candidate: Candidate, message: JsonRecord): void {
    switch (message['t']) {
      case 'subscribe-ok':
        this.#subscribed(candidate, message);
        return;
      case 'entry':
        this.#took(candidate, message);
        return;
      case 'released':
        if (candidate === this.#current) this.#toldReleased(countField(message, 'seq') ?? 0);
        return;
      default:
        if (candidate === this.#current && this.#sink.other?.(message) === true) return;
        if (message['t'] === 'reader-refused') return this.#readerRefused(message);
        if (message['code'] === 'ahead') this.#sink.ahead(countField(message, 'end') ?? 0);
        if (message['code'] === 'removed' || message['code'] === 'damaged')
          this.#sink.removed?.(countField(message, 'first'));
        candidate.connection.close();
        return;
    }
  }

  #readerRefused(message: JsonRecord): void {
    const by = textField(message, 'by');
    const found = refusals[textField(message, 'code') ?? ''] ?? 'it gives no reason that is known here';
    const text = `HF-7211 the engine does not take ${this.#reader}'s word for what is stored: ${found}${by === null ? '' : ` (${by})`}`;
    const isNew = this.readerProblem !== text;
    this.#refused = { text, at: monoMs() };
    if (isNew) this.#sink.changed();
  }

  #toldReleased(sequence: number): void {
    this.releasedSequence = Math.max(this.releasedSequence, sequence);
    if (this.caughtUp) return;
    this.caughtUp = true;
    this.#sink.caughtUp?.();
  }

  #subscribed(candidate: Candidate, message: JsonRecord): void {
    candidate.epoch = countField(message, 'epoch') ?? 0;
    const outdated = candidate.epoch < this.#highestEpoch;
    if (outdated || (this.connected && candidate.epoch <= this.#current!.epoch)) {
      candidate.connection.close();
      return;
    }
    const replaced = this.#current;
    this.#candidates.delete(candidate);
    this.#current = candidate;
    this.#highestEpoch = candidate.epoch;
    this.caughtUp = false;
    replaced?.connection.close();
    for (const other of this.#candidates) other.connection.close();
    this.#sink.attached?.();
    this.#sink.changed();
  }

  #took(candidate: Candidate, message: JsonRecord): void {
    if (candidate !== this.#current) return;
    const entry = parseEntry(message);
    // Entries that the feed before this one delivered meanwhile come a second time.
    if (entry !== null && entry.seq < this.#next) return;
    if (entry === null || entry.seq !== this.#next) {
      candidate.connection.close();
      return;
    }
    this.#next += 1;
    this.releasedSequence = Math.max(this.releasedSequence, entry.seq);
    this.#sink.entry(entry);
  }
}

const refusals: Readonly<Record<string, string>> = {
  unauthorized: 'it does not show the token that the engine asks for',
  'not-listed': 'the engine waits for no reader of this name',
  taken: 'another process reads under this name',
};
const claimEveryMs = 1000;
const refusedForMs = 2500;
/** Entries: what is removed is removed by the segment. */
const tellStoredEvery = 1000;
/** While no engine answers. */
const probeEveryMs = 25;
const calmProbeEveryMs = 1000;
/** While one does: how soon its silence is noticed; a closed connection is noticed at once. */
const lookEveryMs = 200;
const attemptDeadlineMs = 500;
const maxAttemptsPerEngine = 4;
/** The engine says once a second how far it is, if nothing else. */
const silentAfterMs = 1600;

/** What a reader says of itself when the engine cannot give it the entry behind its last. */
export const removedProblem = (holder: string, through: number, first: number | null): string =>
  first === null
    ? `${holder} has entries up to ${through}, and the engine cannot read what follows: its journal is damaged there`
    : `HF-7207 ${holder} has entries up to ${through}, and the engine's journal begins at ${first}: restore a snapshot that goes further`;
