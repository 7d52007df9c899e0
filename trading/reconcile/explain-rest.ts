import { signedLots, type Trade } from '../positions/trade.ts';
import { type Book, positionKey } from './book.ts';
import { type Break, breakOf } from './break.ts';
import type { PositionGrid } from './position-grid.ts';
import { type SearchBounds, type SmallestSet, smallestSet } from './smallest-set.ts';

/**
 * Breaks for what the positions of the books differ by beyond what the breaks found so far account for: the smallest set of
 * executions that, missing, counted twice or taken for the other side, makes it up. Where there is none, or more than one, it says so.
 */
export const explainRest = (options: {
  readonly grid: PositionGrid;
  readonly keys: readonly number[];
  readonly reference: Book;
  readonly others: readonly Book[];
  readonly breaks: readonly Break[];
  readonly bounds: SearchBounds;
}): Break[] => {
  const { grid, keys, reference, others, breaks, bounds } = options;
  if (keys.length === 0) return [];
  const explained = new ExplainedLots(breaks);
  return keys.flatMap((key) => {
    const { account, symbol } = grid.place(key);
    // What is wrong in the reference itself moves every other book away from it.
    const own = explained.of(reference.name, account, symbol);
    return others.flatMap((book) => {
      const lots = grid.away(book.name, key) + own - explained.of(book.name, account, symbol);
      if (lots === 0) return [];
      const listed = book.fills ?? reference.fills ?? [];
      const candidates = listed.filter((fill) => fill.account === account && fill.symbol === symbol);
      const seen = `${grid.lots(book.name, key)} ${grid.lots(reference.name, key)}`;
      return explainOne({ book: book.name, account, symbol, lots, seen }, candidates, bounds);
    });
  });
};

class ExplainedLots {
  readonly #lots = new Map<string, number>();

  constructor(breaks: readonly Break[]) {
    for (const { book, effects } of breaks)
      for (const { account, symbol, lots } of effects) {
        const key = `${book}\u0000${positionKey(account, symbol)}`;
        this.#lots.set(key, (this.#lots.get(key) ?? 0) + lots);
      }
  }

  of(book: string, account: string, symbol: string): number {
    return this.#lots.get(`${book}\u0000${positionKey(account, symbol)}`) ?? 0;
  }
}

interface Rest {
  readonly book: string;
  readonly account: string;
  readonly symbol: string;
  readonly lots: number;
  /** What the book and the reference said. */
  readonly seen: string;
}

/** What a book does to its position, in multiples of an execution's own lots, when it treats the execution so. */
const HYPOTHESES = [
  { kind: 'missing-fill', times: -1, says: 'lacks' },
  { kind: 'duplicate', times: 1, says: 'has twice' },
  { kind: 'wrong-side', times: -2, says: 'has on the other side' },
] as const;

interface Attempt {
  readonly hypothesis: (typeof HYPOTHESES)[number];
  readonly set: SmallestSet;
  readonly size: number;
}

const explainOne = (rest: Rest, candidates: readonly Trade[], bounds: SearchBounds): Break[] => {
  const lots = candidates.map(signedLots);
  const attempts = HYPOTHESES.filter(({ times }) => rest.lots % times === 0).map((hypothesis): Attempt => {
    const set = smallestSet(lots, rest.lots / hypothesis.times, bounds);
    return { hypothesis, set, size: sizeOf(set) };
  });
  const size = Math.min(...attempts.map((attempt) => attempt.size));
  const best = size === Number.POSITIVE_INFINITY ? [] : attempts.filter((attempt) => attempt.size === size);
  const [only] = best;
  if (only === undefined) return [unexplained(rest, 'none')];
  if (best.some(({ set }) => set.kind === 'search-limit')) return [unexplained(rest, 'search-limit')];
  if (best.length > 1) return [unexplained(rest, 'ambiguous')];
  const { hypothesis, set } = only;
  if (set.kind !== 'found') return [unexplained(rest, 'ambiguous', hypothesis.kind)];
  return set.indexes.map((index) => explained(rest, candidates[index]!, hypothesis));
};

const sizeOf = (set: SmallestSet): number =>
  set.kind === 'found' ? set.indexes.length : set.kind === 'none' ? Number.POSITIVE_INFINITY : set.size;

const explained = (rest: Rest, fill: Trade, { kind, times, says }: Attempt['hypothesis']): Break => {
  const { book, account, symbol, seen } = rest;
  return breakOf({
    kind,
    book,
    account,
    symbol,
    order: fill.order,
    fills: [fill],
    effects: [{ account, symbol, lots: times * signedLots(fill) }],
    detail: `position ${seen} ${fill.exec}`,
    what: `the position of ${book} ${says} execution ${fill.exec} of order ${fill.order}`,
  });
};

const WHY = {
  none: 'no set of executions explains it',
  ambiguous: 'more than one smallest set of executions explains it',
  'search-limit': 'the search for executions that explain it was given up',
} as const;

/** `kind` when all smallest sets are of one. */
const unexplained = (rest: Rest, why: keyof typeof WHY, kind: Break['kind'] = 'unexplained'): Break => {
  const { book, account, symbol, lots, seen } = rest;
  return breakOf({
    kind,
    book,
    account,
    symbol,
    order: null,
    effects: [{ account, symbol, lots }],
    explained: why,
    detail: `position ${seen}`,
    what: `the position of ${book} is off by ${lots > 0 ? '+' : ''}${lots} lots: ${WHY[why]}`,
  });
};
