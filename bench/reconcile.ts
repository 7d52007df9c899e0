import { parseArgs } from 'node:util';
import { signedLots, type Trade } from '../trading/positions/trade.ts';
import { PositionColumns } from '../trading/reconcile/position-columns.ts';
import { type SearchBounds, smallestSet } from '../trading/reconcile/smallest-set.ts';

/** One measured figure beside its floor of the same run. */
export interface BenchFigure {
  readonly name: string;
  /** Median. */
  readonly value: number;
  readonly unit: 'ms';
  /** Median of the floor: what no implementation over the same data can go below. */
  readonly floor: number;
  readonly ratio: number;
  /** Slowest less quickest, of the measured ones. */
  readonly spread: number;
  readonly goal: string;
  readonly met: boolean;
}

const goalMs = 50;

/**
 * Three books of as many positions, each in an order of its own, with interned account × symbol: put side by side and compared,
 * with `breaks` planted differences that must all be found. The floor is one pass over the same numbers that adds them up.
 */
export const benchReconcile = (options: {
  readonly positions: number;
  readonly breaks: number;
  readonly times: number;
}): BenchFigure => {
  const { positions, breaks, times } = options;
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
  const measured = elapsed(compare, times);
  const floors = elapsed(floor, times);
  if (!Number.isFinite(total)) throw new Error('the floor did not add anything up');
  return figure(`three-way reconciliation of ${positions.toLocaleString('en')} positions`, measured, floors);
};

/** The search for the executions behind one position of many executions, at its most expensive: there is no such set. */
export const benchExplain = (options: { readonly executions: number; readonly times: number }): BenchFigure => {
  const bounds: SearchBounds = { maxSize: 6, budget: 200_000 };
  const random = randomNumbers(7);
  const fills = Array.from({ length: options.executions }, (_, n): Pick<Trade, 'side' | 'qty'> => {
    return { side: n % 2 === 0 ? 'B' : 'S', qty: 2 * (1 + (random() % 5000)) };
  });
  const lots = fills.map(signedLots);
  // All are even: no set sums to this.
  const target = 4999;
  const measured = elapsed(() => void smallestSet(lots, target, bounds), options.times);
  let total = 0;
  const floors = elapsed(() => {
    for (let pass = 0; pass < bounds.budget / lots.length; pass++) for (const each of lots) total += each;
  }, options.times);
  if (!Number.isFinite(total)) throw new Error('the floor did not add anything up');
  return figure(`giving up the search for a set of ${options.executions} executions`, measured, floors);
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

const elapsed = (body: () => void, times: number): number[] => {
  body();
  return Array.from({ length: times }, () => {
    const startedAt = performance.now();
    body();
    return performance.now() - startedAt;
  });
};

const figure = (name: string, measured: readonly number[], floors: readonly number[]): BenchFigure => {
  const [value, floor] = [median(measured), median(floors)];
  return {
    name,
    value: rounded(value),
    unit: 'ms',
    floor: rounded(floor),
    ratio: rounded(value / floor),
    spread: rounded(Math.max(...measured) - Math.min(...measured)),
    goal: `< ${goalMs} ms`,
    met: value < goalMs,
  };
};

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[values.length >> 1]!;

const rounded = (value: number): number => Math.round(value * 100) / 100;

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
  const figures = [
    benchReconcile({ positions: 1_000_000, breaks: 300, times: 15 }),
    benchExplain({ executions: 500, times: 15 }),
  ];
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else
    for (const { name, value, floor, ratio, spread, goal, met } of figures)
      process.stdout.write(
        `${name}: ${value} ms (spread ${spread}), floor ${floor} ms, ratio ${ratio}, goal ${goal} ${met ? 'met' : 'missed'}\n`,
      );
}
