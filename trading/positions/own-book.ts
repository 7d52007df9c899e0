import type { BookSource } from '../reconcile/book-source.ts';
import type { KeeperBook } from './keeper-book.ts';

/** The keeper's book as one of those that are reconciled, read in its own process. */
export const ownBook = (keeper: { readonly book: KeeperBook }): BookSource => ({
  name: 'positions',
  read: async ({ atLeast, deadlineMs }) => {
    const deadline = performance.now() + deadlineMs;
    while (keeper.book.through < (atLeast ?? 0)) {
      if (performance.now() > deadline)
        throw new Error(`the position keeper is at entry ${keeper.book.through}, the engine at ${atLeast}`);
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
    const { positions, trades } = keeper.book;
    return { name: 'positions', positions: positions.positions(), fills: [...trades], orders: null };
  },
});

const lookEveryMs = 10;
