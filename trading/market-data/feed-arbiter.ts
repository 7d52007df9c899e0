import { FEED_MESSAGE_BYTES, PACKET_HEADER_BYTES, type PacketHeader } from '../venue-protocol/feed.ts';
import { HeldMessages } from './held-messages.ts';

export type FeedName = 'A' | 'B';

/** What the arbiter wants asked of the recovery service. */
export type RecoveryRequest =
  | { readonly kind: 'gap'; readonly from: number; readonly count: number }
  | { readonly kind: 'snapshot' };

export interface ArbiterSink {
  /** The next message in sequence, each once. The bytes are used again after the call. */
  message(message: { readonly bytes: Uint8Array; readonly view: DataView; readonly at: number }): void;
  /** Replaces whatever was asked before. */
  ask(request: RecoveryRequest): void;
}

export interface ArbiterTiming {
  /** How long a gap waits for the other feed before it is asked for. */
  readonly gapWaitMs: number;
  /** After this without an answer a request is made again. */
  readonly askAgainMs: number;
  /** Without a packet of the present run for this long, an older one is believed. */
  readonly runSilentMs: number;
}

export const arbiterTiming: ArbiterTiming = { gapWaitMs: 20, askAgainMs: 1000, runSilentMs: 5000 };

/** Messages that may wait for one that is missing; who misses more takes a snapshot. */
export const heldWindow = 8192;
const mostAskedAtOnce = 1000;

export class FeedFigures {
  packets = 0;
  /** Messages that this feed brought first. */
  first = 0;
  /** Messages that the other feed, or the recovery service, had brought already. */
  duplicates = 0;
  /** When its last packet came; null = none came. */
  lastAtMs: number | null = null;
}

/**
 * Makes one stream of the two feeds of an exchange: each message once, in order, without gaps, whichever feed brought it first. What neither
 * brought is asked for; whoever is too far behind, or sees another run of the exchange, goes on from a snapshot. Pure: the clock is given,
 * requests are data, and it holds no more than a window of messages.
 *
 * Promises: between two snapshots the sink gets consecutive sequences; the first after a snapshot follows the snapshot's; a message of a
 * run that is over is never told once a newer run was seen, except when the newer one has fallen silent.
 */
export class FeedArbiter {
  readonly #sink: ArbiterSink;
  readonly #timing: ArbiterTiming;
  readonly #held: HeldMessages;
  readonly feeds: Readonly<Record<FeedName, FeedFigures>> = { A: new FeedFigures(), B: new FeedFigures() };
  #run = 0;
  /** Of the next message to tell; 0 = a snapshot is needed first. */
  #next = 0;
  /** Highest sequence of this run that is known to exist. */
  #known = 0;
  #lastOfRunAtMs = Number.NEGATIVE_INFINITY;
  /** Since when something that exists is missing, or a snapshot is: the last moment at which everything known had been told. */
  #behindSinceMs: number | null;
  /** When what is missing now was noticed. */
  #noticedAtMs: number;
  /** When a packet last came and nothing was missing. */
  #completeAtMs: number;
  #askedAtMs: number | null = null;
  /** What was next when it was asked. */
  #askedFrom = 0;
  /** Sequence of the last message of this run that was told before a snapshot became needed. */
  #told = 0;
  #filled = 0;
  #snapshots = 0;
  #skipped = 0;
  #ofOlderRun = 0;

  constructor(options: {
    readonly sink: ArbiterSink;
    readonly nowMs: number;
    readonly timing?: ArbiterTiming;
    readonly window?: number;
  }) {
    this.#sink = options.sink;
    this.#timing = options.timing ?? arbiterTiming;
    this.#held = new HeldMessages(options.window ?? heldWindow);
    this.#behindSinceMs = options.nowMs;
    this.#noticedAtMs = options.nowMs;
    this.#completeAtMs = options.nowMs;
  }

  get run(): number {
    return this.#run;
  }

  /** Sequence of the last message told, or of the snapshot; 0 = none. */
  get sequence(): number {
    return Math.max(0, this.#next - 1);
  }

  /** Highest sequence that is known to exist. */
  get known(): number {
    return this.#known;
  }

  /** Books are whole: a snapshot was taken in this run, and no other is needed. */
  get synced(): boolean {
    return this.#next > 0;
  }

  /**
   * Since when the books may lack something; null = everything known was told. It is the last moment at which nothing was missing, not the
   * one at which that was noticed: what comes after a silence tells of what was lost in it.
   */
  get behindSinceMs(): number | null {
    return this.#behindSinceMs;
  }

  /** Messages that the recovery service brought · snapshots taken · messages that only a snapshot covers · packets of an older run. */
  get figures(): {
    readonly filled: number;
    readonly snapshots: number;
    readonly skipped: number;
    readonly ofOlderRun: number;
  } {
    return { filled: this.#filled, snapshots: this.#snapshots, skipped: this.#skipped, ofOlderRun: this.#ofOlderRun };
  }

  /** A packet as it came, with its header read. */
  packet(bytes: Uint8Array, header: PacketHeader, nowMs: number): void {
    const feed = this.feeds[header.feed];
    feed.packets += 1;
    feed.lastAtMs = nowMs;
    if (!this.#isOfRun(header.run, nowMs)) return;
    this.#lastOfRunAtMs = nowMs;
    for (let each = 0; each < header.count; each++) {
      const at = PACKET_HEADER_BYTES + each * FEED_MESSAGE_BYTES;
      if (this.#took(header.first + each, bytes, at, nowMs)) feed.first += 1;
      else feed.duplicates += 1;
    }
    this.#exists(header.first + header.count - 1, nowMs);
    if (this.#behindSinceMs === null) this.#completeAtMs = nowMs;
    this.tick(nowMs);
  }

  /** A message that was asked for, of the run in which it was. */
  filled(
    message: { readonly run: number; readonly sequence: number; readonly bytes: Uint8Array; readonly at: number },
    nowMs: number,
  ): void {
    if (message.run !== this.#run) return;
    if (this.#took(message.sequence, message.bytes, message.at, nowMs)) this.#filled += 1;
  }

  /** The answer to a request for a gap is over: it went up to `next`. */
  gapEnded(answer: { readonly run: number; readonly next: number }, nowMs: number): void {
    const progressed = this.#next > this.#askedFrom;
    if (this.#isOfRun(answer.run, nowMs) && this.synced) {
      if (progressed) this.#askedAtMs = null;
      if (answer.next > this.#next) this.#exists(answer.next - 1, nowMs);
      else if (!progressed) this.#disbelieve();
    }
    this.tick(nowMs);
  }

  /** The recovery service no longer has what was asked for. */
  tooOld(run: number, nowMs: number): void {
    this.#askedAtMs = null;
    if (this.#isOfRun(run, nowMs)) this.#startOver(nowMs);
    this.tick(nowMs);
  }

  /** True: the books are to be replaced by this snapshot's, and then `snapshotTaken` is to be called. */
  wantsSnapshot(run: number, nowMs: number): boolean {
    return this.#isOfRun(run, nowMs) && !this.synced;
  }

  /** The books are as after message `sequence` of this run; what is held beyond it is told now. */
  snapshotTaken(sequence: number, nowMs: number): void {
    this.#askedAtMs = null;
    this.#snapshots += 1;
    if (this.#told > 0) this.#skipped += Math.max(0, sequence - this.#told);
    this.#next = sequence + 1;
    this.#completeAtMs = nowMs;
    this.#exists(sequence, nowMs);
    this.#tellHeld(nowMs);
    this.tick(nowMs);
  }

  /** The books cannot be trusted, or somebody wants them anew: goes on from a snapshot. */
  startOver(nowMs: number): void {
    this.#startOver(nowMs);
    this.tick(nowMs);
  }

  /** Asks for what is due. */
  tick(nowMs: number): void {
    if (nowMs < this.dueAtMs) return;
    this.#askedAtMs = nowMs;
    this.#askedFrom = this.#next;
    if (!this.synced) this.#sink.ask({ kind: 'snapshot' });
    else this.#sink.ask({ kind: 'gap', from: this.#next, count: this.#missing() });
  }

  /** When `tick` has something to do; infinity when only something that comes can change that. */
  get dueAtMs(): number {
    if (this.#behindSinceMs === null) return Number.POSITIVE_INFINITY;
    const waitedAtMs = this.synced ? this.#noticedAtMs + this.#timing.gapWaitMs : this.#noticedAtMs;
    return this.#askedAtMs === null ? waitedAtMs : Math.max(waitedAtMs, this.#askedAtMs + this.#timing.askAgainMs);
  }

  /** The exchange has nothing beyond what was told: whoever said so was wrong. */
  #disbelieve(): void {
    this.#held.clear();
    this.#known = this.sequence;
    this.#behindSinceMs = null;
    this.#askedAtMs = null;
  }

  #missing(): number {
    let count = 1;
    while (count < mostAskedAtOnce && this.#next + count <= this.#known && !this.#held.has(this.#next + count))
      count += 1;
    return count;
  }

  /** Another run that is newer, or the only one that still speaks, becomes ours. */
  #isOfRun(run: number, nowMs: number): boolean {
    if (run === this.#run) return true;
    if (run < this.#run && nowMs - this.#lastOfRunAtMs <= this.#timing.runSilentMs) {
      this.#ofOlderRun += 1;
      return false;
    }
    this.#run = run;
    this.#known = 0;
    this.#lastOfRunAtMs = nowMs;
    this.#held.clear();
    this.#startOver(nowMs);
    this.#told = 0;
    return true;
  }

  #startOver(nowMs: number): void {
    this.#told = Math.max(this.#told, this.sequence);
    if (this.#behindSinceMs === null) this.#behindSinceMs = this.#completeAtMs;
    this.#noticedAtMs = nowMs;
    this.#next = 0;
    this.#askedAtMs = null;
  }

  /** True when it was new. */
  #took(sequence: number, bytes: Uint8Array, at: number, nowMs: number): boolean {
    if (this.synced && sequence < this.#next) return false;
    if (this.#held.has(sequence)) return false;
    this.#held.keep(sequence, bytes, at);
    if (sequence > this.#known) this.#known = sequence;
    if (!this.synced) return true;
    if (sequence - this.#next >= this.#held.window) this.#startOver(nowMs);
    else if (sequence === this.#next) this.#tellHeld(nowMs);
    else this.#lacks(nowMs);
    return true;
  }

  #exists(sequence: number, nowMs: number): void {
    if (sequence > this.#known) this.#known = sequence;
    if (!this.synced) return;
    if (this.#known < this.#next) this.#behindSinceMs = null;
    else this.#lacks(nowMs);
  }

  #lacks(nowMs: number): void {
    if (this.#behindSinceMs !== null) return;
    this.#behindSinceMs = this.#completeAtMs;
    this.#noticedAtMs = nowMs;
  }

  #tellHeld(nowMs: number): void {
    const { bytes, view } = this.#held;
    const before = this.#next;
    while (this.#held.has(this.#next)) {
      const at = this.#held.at(this.#next);
      this.#held.drop(this.#next);
      this.#next += 1;
      this.#sink.message({ bytes, view, at });
    }
    if (this.#next === before) return;
    if (this.#known < this.#next) this.#behindSinceMs = null;
    else {
      // What is missing now waits for the other feed as long as what was missing before.
      this.#lacks(nowMs);
      this.#noticedAtMs = nowMs;
    }
  }
}
