import type { PositionBook } from './position-book.ts';
import type { Trade } from './trade.ts';

/** What the trades of one account in one symbol brought, less what they cost, in ticks × lots; however large it is. */
type CashFlows = ReadonlyMap<string, bigint>;

/**
 * Computes P&L a second way, from what was paid and received, and names the positions where the book's has another sum: realised and
 * unrealised together are the cash flow plus what is held at the mark, whatever the mark is.
 */
export const profitsThatDiffer = (book: PositionBook, trades: Iterable<Trade>): readonly string[] => {
  const flows = cashFlows(trades);
  const positions = book.positions();
  const known = new Set(positions.map(({ account, symbol }) => keyOf(account, symbol)));
  const differing = positions.flatMap(({ account, symbol, lots, cost, realised }) => {
    const flow = flows.get(keyOf(account, symbol)) ?? 0n;
    const booked = BigInt(realised) - BigInt(lots < 0 ? -cost : cost);
    return booked === flow ? [] : [`${account} ${symbol}: ${booked} booked, ${flow} paid and received`];
  });
  return [...differing, ...[...flows.keys()].filter((key) => !known.has(key)).map((key) => `${key}: not booked`)];
};

const cashFlows = (trades: Iterable<Trade>): CashFlows => {
  const flows = new Map<string, bigint>();
  for (const { account, symbol, side, price, qty } of trades) {
    const key = keyOf(account, symbol);
    const value = BigInt(price) * BigInt(qty);
    flows.set(key, (flows.get(key) ?? 0n) + (side === 'S' ? value : -value));
  }
  return flows;
};

const keyOf = (account: string, symbol: string): string => `${account} ${symbol}`;
