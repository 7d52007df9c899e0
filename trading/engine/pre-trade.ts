import type { CancelCommand, NewCommand } from './client-protocol.ts';
import { SIDE_NUMBER } from './entry.ts';
import { ITEM_STATE } from './order-pool.ts';
import type { OrderState } from './order-state.ts';
import type { RiskGate } from './risk-gate.ts';

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
  /** Null where no risk engine has a say. */
  readonly risk: RiskGate | null;
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
  const item = state.findId(command.id);
  if (item !== -1) return sameOrder(state, item, client, command) ? REPEAT : reject('altered-duplicate');
  if (allowed.draining) return reject('draining');
  if (!allowed.tradingEnabled) return reject('trading-disabled');
  if (allowed.halted) return reject('halted');
  if (!allowed.venueReady) return reject('venue-unavailable');
  const breach = limitBreach(command, limits);
  if (breach !== null) return reject(breach);
  if (state.openOf(state.findText(client)) >= limits.maxOpenOrdersPerClient) return reject('limit-open-orders');
  const refusal = allowed.risk === null ? null : gateRefusal(allowed.risk, client, command, state);
  return refusal === null ? ACCEPT : reject(refusal);
};

const gateRefusal = (risk: RiskGate, client: string, command: NewCommand, state: OrderState): string | null => {
  const { asked } = risk;
  asked.client = state.findText(client);
  asked.clientName = client;
  asked.symbol = state.findText(command.symbol);
  asked.symbolName = command.symbol;
  asked.side = SIDE_NUMBER[command.side];
  asked.price = command.price;
  asked.qty = command.qty;
  return risk.refusal();
};

const sameOrder = (state: OrderState, item: number, client: string, command: NewCommand): boolean => {
  const { items } = state;
  return (
    state.isOrder(item) &&
    items.price(item) === command.price &&
    items.quantity(item) === command.qty &&
    items.side(item) === SIDE_NUMBER[command.side] &&
    state.name(items.client(item)) === client &&
    state.name(items.about(item)) === command.symbol
  );
};

/** Which limit an order breaks by itself, or null. */
export const limitBreach = (command: NewCommand, limits: Limits): string | null => {
  if (limits.symbols.size > 0 && !limits.symbols.has(command.symbol)) return 'unknown-symbol';
  return numberBreach(command.price, command.qty, limits);
};

/** The same for its numbers alone. */
export const numberBreach = (price: number, qty: number, limits: Limits): string | null => {
  if (price < 1 || price > limits.maxPrice) return 'bad-price';
  if (qty < 1 || qty > limits.maxQty) return 'bad-quantity';
  // Dividing instead of multiplying keeps the comparison exact for any integers: no product ever passes 2^53.
  return qty > Math.floor(limits.maxNotional / price) ? 'limit-notional' : null;
};

/** Cancels pass while trading is disabled, halted or draining: they only take risk away. */
export const checkCancel = (options: {
  readonly command: CancelCommand;
  readonly client: string;
  readonly state: OrderState;
}): Verdict => {
  const { command, client, state } = options;
  const { items } = state;
  const item = state.findId(command.id);
  if (item !== -1) {
    const same =
      !state.isOrder(item) && state.name(items.client(item)) === client && state.targetOf(item) === command.target;
    return same ? REPEAT : reject('altered-duplicate');
  }
  const target = state.findId(command.target);
  if (!state.isOrder(target) || state.name(items.client(target)) !== client) return reject('unknown-order');
  return items.state(target) <= ITEM_STATE.open ? ACCEPT : reject('too-late');
};
