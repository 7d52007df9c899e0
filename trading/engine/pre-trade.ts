import type { CancelCommand, NewCommand } from './client-protocol.ts';
import type { OrderState } from './order-state.ts';

/** Limits that an order must pass before it is journalled. */
export interface Limits {
  /** Empty = any symbol. */
  readonly symbols: ReadonlySet<string>;
  readonly maxPrice: number;
  readonly maxQty: number;
  /** Ticks × lots; the product is exact because it is kept below 2^53. */
  readonly maxNotional: number;
  readonly maxOpenOrdersPerClient: number;
}

/** What the engine allows at this moment. */
export interface Permissions {
  readonly tradingEnabled: boolean;
  readonly draining: boolean;
  /** Nobody elsewhere confirms, and the policy is to stand still. */
  readonly halted: boolean;
  /** Logged on at the venue and reconciled with it: no new risk before. */
  readonly venueReady: boolean;
}

export type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'repeat' }
  | { readonly kind: 'reject'; readonly code: string };

const ACCEPT: Verdict = { kind: 'accept' };
const REPEAT: Verdict = { kind: 'repeat' };
const reject = (code: string): Verdict => ({ kind: 'reject', code });

/** A known id is answered as before, whatever is allowed now; the same id with other content never is. */
export const checkNew = (options: {
  readonly command: NewCommand;
  readonly client: string;
  readonly state: OrderState;
  readonly limits: Limits;
  readonly allowed: Permissions;
}): Verdict => {
  const { command, client, state, limits, allowed } = options;
  const known = state.find(command.id);
  if (known !== null) {
    const same =
      known.kind === 'order' &&
      known.client === client &&
      known.symbol === command.symbol &&
      known.side === command.side &&
      known.price === command.price &&
      known.qty === command.qty;
    return same ? REPEAT : reject('altered-duplicate');
  }
  if (allowed.draining) return reject('draining');
  if (!allowed.tradingEnabled) return reject('trading-disabled');
  if (allowed.halted) return reject('halted');
  if (!allowed.venueReady) return reject('venue-unavailable');
  const breach = limitBreach(command, limits);
  if (breach !== null) return reject(breach);
  return state.openOf(client) >= limits.maxOpenOrdersPerClient ? reject('limit-open-orders') : ACCEPT;
};

/** Which limit an order breaks by itself, or null. */
export const limitBreach = (command: NewCommand, limits: Limits): string | null => {
  if (limits.symbols.size > 0 && !limits.symbols.has(command.symbol)) return 'unknown-symbol';
  if (command.price < 1 || command.price > limits.maxPrice) return 'bad-price';
  if (command.qty < 1 || command.qty > limits.maxQty) return 'bad-quantity';
  // Dividing instead of multiplying keeps the comparison exact for any integers.
  return command.qty > Math.floor(limits.maxNotional / command.price) ? 'limit-notional' : null;
};

/** Cancels pass while trading is disabled, halted or draining: they only take risk away. */
export const checkCancel = (options: {
  readonly command: CancelCommand;
  readonly client: string;
  readonly state: OrderState;
}): Verdict => {
  const { command, client, state } = options;
  const known = state.find(command.id);
  if (known !== null) {
    const same = known.kind === 'cancel' && known.client === client && known.target === command.target;
    return same ? REPEAT : reject('altered-duplicate');
  }
  const target = state.findOrder(command.target);
  if (target === null || target.client !== client) return reject('unknown-order');
  return target.state === 'pending' || target.state === 'open' ? ACCEPT : reject('too-late');
};
