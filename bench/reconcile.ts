import { signedLots, type Trade } from '../trading/positions/trade.ts';
import { PositionColumns } from '../trading/reconcile/position-columns.ts';
import { type SearchBounds, smallestSet } from '../trading/reconcile/smallest-set.ts';
import { type BenchOptions, elapsedMs } from './bench-options.ts';
import { type Goal, type Measurement, type Round, summarize } from './measurement.ts';

const GOAL: Goal = { of: 'value', is: 'at most', bound: 50 };

/** Reconciliation of a million positions, and the search behind a difference that nothing explains. */
export const reconcileBench = async ({ rounds, scale, say }: BenchOptions): Promise<Measurement[]> => {
  say('reconcile: three books of a million positions, and a search without result');
  return [
    comparison({ positions: Math.round(1_000_000 * scale), breaks: 300, rounds }),
    vainSearch({ executions: 500, rounds }),
  ];
};

/**
 * Three books of as many positions, each in an order of its own, with interned account × symbol: put side by side and compared,
 * with `breaks` planted differences that must all be found. The floor is one pass over the same numbers that adds them up.
 */
const comparison = (options: {
  readonly positions: number;
  readonly breaks: number;
  readonly rounds: number;
}): Measurement => {
  const { positions, breaks, rounds } = options;
  const books = [1, 2, 3].map((seed) => shuffledBook(positions, seed));
  const planted = new Set<number>();
  for (let index = 0; index < breaks; index++) {
    const book = books[index % 3]!;
    const at = Math.floor((index * positions) / breaks);
    book.lots[at] = book.lots[at]! + 1 + index;
    planted.add(book.keys[at]!);
  }
  const columns = new PositionColumns({ books: 3, keys: positions });
  const compare = () => {
    columns.clear();
    for (const [index, { keys, lots }] of books.entries()) columns.add(index, keys, lots);
    const found = columns.differing(0.001);
    if (found.length !== planted.size || !found.every((key) => planted.has(key)))
      throw new Error(`${found.length} differences found, ${planted.size} planted`);
  };
  let total = 0;
  const floor = () => {
    for (const { keys, lots } of books)
      for (let index = 0; index < lots.length; index++) total += keys[index]! + lots[index]!;
  };
  const measured = measure(compare, floor, rounds);
  if (!Number.isFinite(total)) throw new Error('the floor did not add anything up');
  return summarize({
    name: `reconcile ${positions.toLocaleString('en')} positions`,
    unit: 'ms',
    goal: GOAL,
    rounds: measured,
  });
};

/** The search for the executions behind one position of many executions, at its most expensive: there is no such set. */
const vainSearch = (options: { readonly executions: number; readonly rounds: number }): Measurement => {
  const bounds: SearchBounds = { maxSize: 6, budget: 200_000 };
  const random = randomNumbers(7);
  const fills = Array.from({ length: options.executions }, (_, n): Pick<Trade, 'side' | 'qty'> => {
    return { side: n % 2 === 0 ? 'B' : 'S', qty: 2 * (1 + (random() % 5000)) };
  });
  const lots = fills.map(signedLots);
  // All are even: no set sums to this.
  const target = 4999;
  let total = 0;
  const sum = () => {
    for (let pass = 0; pass < bounds.budget / lots.length; pass++) for (const each of lots) total += each;
  };
  const measured = measure(() => void smallestSet(lots, target, bounds), sum, options.rounds);
  if (!Number.isFinite(total)) throw new Error('the floor did not add anything up');
  return summarize({
    name: `no set of ${options.executions} executions fits`,
    unit: 'ms',
    goal: null,
    rounds: measured,
  });
};

const shuffledBook = (positions: number, seed: number) => {
  const random = randomNumbers(seed);
  const keys = Int32Array.from({ length: positions }, (_, index) => index);
  for (let index = positions - 1; index > 0; index--) {
    const other = random() % (index + 1);
    [keys[index], keys[other]] = [keys[other]!, keys[index]!];
  }
  return { keys, lots: Float64Array.from(keys, (key) => ((key * 7919) % 20_001) - 10_000) };
};

const randomNumbers = (seed: number) => {
  let state = seed;
  return (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 1;
  };
};

const WARM_UP = 6;

/** Run before they are measured, so that no round pays for the compiler; then side by side. */
const measure = (body: () => void, floor: () => void, rounds: number): Round[] => {
  for (let run = 0; run < WARM_UP; run += 1) {
    body();
    floor();
  }
  return Array.from({ length: rounds }, () => ({ value: elapsedMs(body).ms, floor: elapsedMs(floor).ms }));
};
