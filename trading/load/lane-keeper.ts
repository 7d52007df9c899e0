import { monoMs } from './clock.ts';
import type { FrontConfig } from './config.ts';
import { DatabaseLane } from './database-lane.ts';
import type { FrontsNow } from './fronts-now.ts';

export interface LaneKeeperOptions {
  readonly fronts: FrontsNow;
  readonly lanes: number;
  readonly probeEveryMs: number;
  readonly silentAfterMs: number;
  readonly onWeakened: (site: string, setting: string) => void;
}

/**
 * Keeps the wanted number of answering connections to the active site's database. A connection whose statement has been silent
 * for too long no longer counts, but is kept until its statement ends: its answer still tells what happened.
 */
export class LaneKeeper {
  readonly #options: LaneKeeperOptions;
  readonly #ready = new Set<DatabaseLane>();
  readonly #attempts = new Set<DatabaseLane>();
  #replacedAt = 0;
  #goodSite: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: LaneKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#probe();
  }

  /** A connection without a statement in flight that is not in `reserved`; null when there is none. */
  idle(reserved: ReadonlySet<DatabaseLane>): DatabaseLane | null {
    for (const lane of this.#ready) if (lane.busySince === null && !reserved.has(lane)) return lane;
    return null;
  }

  answering(): DatabaseLane[] {
    const silentSince = monoMs() - this.#options.silentAfterMs;
    return [...this.#ready].filter((lane) => lane.busySince === null || lane.busySince > silentSince);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const lane of [...this.#ready, ...this.#attempts]) lane.close();
  }

  #probe(): void {
    if (this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#probe(), this.#options.probeEveryMs);
    const answering = this.answering();
    if (answering.length >= this.#options.lanes) return;
    if (answering.length > 0) {
      const front = this.#options.fronts.now().find((each) => each.site === this.#goodSite);
      const opening = [...this.#attempts].filter((each) => each.site === this.#goodSite).length;
      if (front !== undefined && answering.length + opening < this.#options.lanes) void this.#attempt(front);
      return;
    }
    for (const front of this.#options.fronts.now()) {
      const opening = [...this.#attempts].filter((each) => each.site === front.site).length;
      if (opening < maxAttemptsPerFront && this.#hasRoom(front.site)) void this.#attempt(front);
    }
  }

  /**
   * A server whose commits hang still takes connections, and each keeps one of its processes busy, so their number is bounded.
   * The oldest silent one gives way once in a while, in case all of them hang on a path that no longer exists.
   */
  #hasRoom(site: string): boolean {
    const there = [...this.#ready].filter((lane) => lane.site === site);
    if (there.length < this.#options.lanes * maxLanesFactor) return true;
    const now = monoMs();
    const oldest = there.find((lane) => lane.busySince !== null && now - lane.busySince > replaceAfterMs);
    if (oldest === undefined || now - this.#replacedAt < replaceEveryMs) return false;
    this.#replacedAt = now;
    oldest.close();
    return true;
  }

  async #attempt(front: FrontConfig): Promise<void> {
    const lane = new DatabaseLane({
      front,
      connectDeadlineMs,
      statementDeadlineMs,
      onClosed: (closed) => {
        this.#ready.delete(closed);
        this.#attempts.delete(closed);
      },
    });
    this.#attempts.add(lane);
    const state = await lane.open();
    this.#attempts.delete(lane);
    if (state.kind === 'refused' || lane.closed) return;
    if (this.#closed || this.answering().length >= this.#options.lanes) return lane.close();
    if (state.weakened !== null) this.#options.onWeakened(front.site, state.weakened);
    this.#goodSite = front.site;
    this.#ready.add(lane);
  }
}

const connectDeadlineMs = 1500;
const statementDeadlineMs = 10_000;
const maxAttemptsPerFront = 4;
const maxLanesFactor = 3;
const replaceAfterMs = 2000;
const replaceEveryMs = 1000;
