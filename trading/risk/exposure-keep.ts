import { ExposureBook } from './exposure-book.ts';
import { type KeptImage, keptImageOf, restoredFrom } from './exposure-image.ts';
import type { LimitStore, StoredPositions } from './limit-store.ts';

/**
 * Keeps exposures in the database every so many entries, so that the next start, here or elsewhere, need not read what came before. They
 * are kept only once order management has stored as much: whoever begins with them can compare their positions with its own.
 */
export class ExposureKeep {
  readonly #everyEntries: number;
  readonly #put: (image: KeptImage) => ReturnType<LimitStore['keepExposures']>;
  /** Waits until order management has stored as much. */
  #image: KeptImage | null = null;
  #takenAt: number;
  #storedThrough: number;
  #usableTo = Number.POSITIVE_INFINITY;
  #putting = false;

  constructor(options: {
    /** 0 = never. */
    readonly everyEntries: number;
    /** As of which entry exposures are kept already. */
    readonly keptThrough: number;
    readonly put: (image: KeptImage) => ReturnType<LimitStore['keepExposures']>;
  }) {
    this.#everyEntries = options.everyEntries;
    this.#takenAt = options.keptThrough;
    this.#storedThrough = options.keptThrough;
    this.#put = options.put;
  }

  /** As of which entry exposures are in the database that a start would begin with; 0 = none. */
  get storedThrough(): number {
    return this.#storedThrough;
  }

  /** What is kept beyond this entry is of no use: an engine ended here, and what followed there is something else. */
  get usableTo(): number {
    return this.#usableTo;
  }

  /** What was kept is of no use. */
  spoilt(): void {
    this.#storedThrough = 0;
  }

  /** An engine had less than was taken in. */
  engineEndedAt(sequence: number): void {
    if (this.#storedThrough <= sequence) return;
    this.#usableTo = Math.min(this.#usableTo, sequence);
    this.spoilt();
  }

  /** An entry was taken in. */
  took(book: ExposureBook, vouchedFor: () => boolean): void {
    if (this.#everyEntries === 0 || book.through - this.#takenAt < this.#everyEntries || !vouchedFor()) return;
    this.#takenAt = book.through;
    this.#image = keptImageOf(book);
  }

  /** The book begins anew: the next one that is vouched for takes the place of what was kept, however few entries it has come since. */
  forget(): void {
    this.#image = null;
    this.#takenAt = Number.NEGATIVE_INFINITY;
  }

  /** Puts away what waits. Rejects as the store does, and then it still waits. */
  async putWhatWaits(): Promise<void> {
    const image = this.#image;
    if (image === null || this.#putting) return;
    this.#putting = true;
    try {
      if ((await this.#put(image)) !== 'stored') return;
      // Another one waits, or the book began anew meanwhile.
      if (this.#image !== image) return;
      this.#image = null;
      this.#storedThrough = image.through;
      this.#usableTo = Number.POSITIVE_INFINITY;
    } finally {
      this.#putting = false;
    }
  }
}

/**
 * The book to begin with: kept exposures only where the database says how positions stood at the same entry or a later one, so that they
 * are compared. Otherwise, and where they are not as they were written, an empty one: everything is read.
 */
export const beginningOf = (kept: KeptImage | null, stored: StoredPositions | null): ExposureBook => {
  if (kept === null || stored === null || stored.sequence < kept.through) return new ExposureBook();
  const book = restoredFrom(kept);
  const differs = book !== null && stored.sequence === kept.through && firstDifference(book, stored) !== null;
  return book === null || differs ? new ExposureBook() : book;
};

/** A book, and what was known of it. */
export interface Standing {
  readonly book: ExposureBook;
  /** What it began with: 0 = the first entry. */
  readonly begunWith: number;
  /** From what order management has stored. */
  readonly difference: string | null;
  /** Released entries that an engine no longer had. */
  readonly lost: string | null;
}

/**
 * What to go on with where an engine no longer has the first entries: kept exposures, under the conditions of any beginning. In words why
 * they are of no use. `first`: the first entry that the engine has, if it says so; `usableTo`: what was kept beyond it the engine
 * never had, or has otherwise.
 */
export const continuationOf = (
  known: { readonly kept: KeptImage | null; readonly stored: StoredPositions | null },
  at: { readonly first: number | null; readonly usableTo: number },
): ExposureBook | string => {
  const { kept, stored } = known;
  if (kept === null) return 'there is nothing';
  if (kept.through + 1 < (at.first ?? 1)) return `it ends at ${kept.through}`;
  if (kept.through > at.usableTo) return `the engine came to have no more than ${at.usableTo}`;
  const book = beginningOf(kept, stored);
  if (book.through > 0) return book;
  return stored === null || stored.sequence < kept.through
    ? `it ends at ${kept.through}, and order management has stored only up to ${stored?.sequence ?? 0}`
    : 'it is not as it was written, or order management has other positions at that entry';
};

/** To the lot: what both know of the same entries cannot differ by chance. Null when nothing differs. */
export const firstDifference = (book: ExposureBook, stored: StoredPositions): string | null => {
  const there = new Map(stored.lots.map(({ client, symbol, lots }) => [`${client} ${symbol}`, lots]));
  const here = new Map(book.positions.positions().map(({ account, symbol, lots }) => [`${account} ${symbol}`, lots]));
  for (const key of new Set([...here.keys(), ...there.keys()])) {
    const [own, other] = [here.get(key) ?? 0, there.get(key) ?? 0];
    if (own !== other)
      return `positions differ from the database's at entry ${stored.sequence}: ${key} ${own} here, ${other} there`;
  }
  return null;
};
