import type { Break } from './break.ts';
import type { BreakRecord, ResolvedAs } from './break-record.ts';

export interface Resolution {
  readonly at: number;
  readonly by: string;
  readonly why: string;
  readonly as: ResolvedAs;
}

/** A break with what has happened to it since it was found. */
export interface KnownBreak {
  readonly found: Break;
  /** When it was found, or found again; its age counts from here. */
  readonly sinceMs: number;
  readonly lastSeenMs: number;
  /** Times that it came back after it was gone or called corrected. */
  readonly reopened: number;
  /** It is not there any more. */
  readonly goneAtMs: number | null;
  readonly resolution: Resolution | null;
}

/** All breaks ever found: a fold over the records. */
export class BreakHistory {
  readonly #breaks = new Map<string, KnownBreak>();
  #runs = 0;

  get runs(): number {
    return this.#runs;
  }

  get all(): readonly KnownBreak[] {
    return [...this.#breaks.values()];
  }

  /** There, and nobody has said that it is all right. */
  get open(): readonly KnownBreak[] {
    return this.all.filter(({ goneAtMs, resolution }) => goneAtMs === null && resolution === null);
  }

  find(id: string): KnownBreak | null {
    return this.#breaks.get(id) ?? null;
  }

  apply(record: BreakRecord): void {
    if (record.k === 'run') {
      this.#runs += 1;
      for (const id of record.seen) this.#change(id, { lastSeenMs: record.at });
    } else if (record.k === 'found') this.#found(record.found, record.at);
    else if (record.k === 'gone') this.#change(record.id, { goneAtMs: record.at });
    else {
      const { at, by, why, as } = record;
      this.#change(record.id, { resolution: { at, by, why, as } });
    }
  }

  /**
   * What a run adds to the records: breaks that are new or back, and known ones that are gone. Only what the run could have seen is
   * gone: `looked` says whether a book was compared with the exchange.
   */
  recordsOf(run: {
    readonly at: number;
    readonly breaks: readonly Break[];
    readonly looked: (book: string) => boolean;
  }): BreakRecord[] {
    const present = new Set(run.breaks.map(({ id }) => id));
    const found = run.breaks
      .filter(({ id }) => !isSettled(this.find(id)))
      .map((each): BreakRecord => ({ k: 'found', at: run.at, found: each }));
    const gone = this.all
      .filter((known) => known.goneAtMs === null && !present.has(known.found.id) && run.looked(known.found.book))
      .map((known): BreakRecord => ({ k: 'gone', at: run.at, id: known.found.id }));
    return [...found, ...gone];
  }

  #found(found: Break, at: number): void {
    const known = this.find(found.id);
    const reopened = known === null ? 0 : known.reopened + 1;
    this.#breaks.set(found.id, { found, sinceMs: at, lastSeenMs: at, reopened, goneAtMs: null, resolution: null });
  }

  #change(id: string, change: Partial<KnownBreak>): void {
    const known = this.find(id);
    if (known !== null) this.#breaks.set(id, { ...known, ...change });
  }
}

/** Known, still there, and not claimed to be corrected: nothing new. */
const isSettled = (known: KnownBreak | null): boolean =>
  known !== null && known.goneAtMs === null && known.resolution?.as !== 'corrected';

/** Somebody took it upon himself that it stays. */
export const isAccepted = (known: KnownBreak | null): boolean =>
  known !== null && known.goneAtMs === null && known.resolution?.as === 'accepted';
