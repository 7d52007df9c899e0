import type { CancelCommand, NewCommand, ReplaceCommand } from './client-protocol.ts';
import { SIDE_NUMBER } from './entry.ts';
import { ITEM_KIND, ITEM_STATE } from './order-pool.ts';
import type { OrderState } from './order-state.ts';
import type { RiskGate } from './risk-gate.ts';
import type { Market } from './venue/market.ts';

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
  /** Where symbols are traded, and what the interlock of each exchange lets through. */
  readonly market: Market;
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
  const symbol = state.findText(command.symbol);
  const { market, risk } = allowed;
  const venue = symbol === -1 ? market.venueOfName(command.symbol) : market.venueOf(symbol);
  const clientNumber = state.findText(client);
  const refusal =
    riskRefusal(allowed) ??
    routeRefusal(market, venue, { id: command.id.length, symbol: command.symbol.length }) ??
    market.refusal(venue, symbol) ??
    limitBreach(command, limits) ??
    (state.openOf(clientNumber) >= limits.maxOpenOrdersPerClient ? 'limit-open-orders' : null);
  if (refusal !== null) return reject(refusal);
  if (risk === null) return ACCEPT;
  const { asked } = risk;
  asked.client = clientNumber;
  asked.clientName = client;
  asked.symbol = symbol;
  asked.symbolName = command.symbol;
  asked.side = SIDE_NUMBER[command.side];
  asked.price = command.price;
  asked.qty = command.qty;
  const gate = risk.refusal();
  return gate === null ? ACCEPT : reject(gate);
};

const sameOrder = (state: OrderState, item: number, client: string, command: NewCommand): boolean => {
  const { items } = state;
  return (
    state.isOrder(item) &&
    items.price(item) === command.price &&
    items.quantity(item) === command.qty &&
    items.isGtc(item) === (command.tif === 'gtc') &&
    items.side(item) === SIDE_NUMBER[command.side] &&
    state.name(items.client(item)) === client &&
    state.name(items.about(item)) === command.symbol
  );
};

/** Why no new risk is taken at all, or null. */
export const riskRefusal = (allowed: Permissions): string | null => {
  if (allowed.draining) return 'draining';
  if (!allowed.tradingEnabled) return 'trading-disabled';
  return allowed.halted ? 'halted' : null;
};

/** Why an order cannot be sent at all, whoever may risk what, or null. */
export const routeRefusal = (
  market: Market,
  venue: number,
  lengths: { readonly id: number; readonly symbol: number },
): string | null => {
  if (venue === -1 || lengths.symbol > market.symbolBytes(venue)) return 'unknown-symbol';
  return lengths.id > market.idBytes(venue) ? 'id-too-long' : null;
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
  readonly allowed: Permissions;
}): Verdict => {
  const { command, client, state, allowed } = options;
  const { items } = state;
  const item = state.findId(command.id);
  if (item !== -1) {
    const same =
      items.kind(item) === ITEM_KIND.cancel &&
      state.name(items.client(item)) === client &&
      state.targetOf(item) === command.target;
    return same ? REPEAT : reject('altered-duplicate');
  }
  const target = state.findId(command.target);
  if (!state.isOrder(target) || state.name(items.client(target)) !== client) return reject('unknown-order');
  if (items.state(target) > ITEM_STATE.open) return reject('too-late');
  return command.id.length > allowed.market.idBytes(items.venue(target)) ? reject('id-too-long') : ACCEPT;
};

/** A replace is new risk, whatever it changes: what it amounts to depends on what is filled meanwhile. */
export const checkReplace = (options: {
  readonly command: ReplaceCommand;
  readonly client: string;
  readonly state: OrderState;
  readonly limits: Limits;
  readonly allowed: Permissions;
}): Verdict => {
  const { command, client, state, limits, allowed } = options;
  const { items } = state;
  const item = state.findId(command.id);
  if (item !== -1) {
    const same =
      items.kind(item) === ITEM_KIND.replace &&
      state.name(items.client(item)) === client &&
      state.targetOf(item) === command.target &&
      items.price(item) === command.price &&
      items.quantity(item) === command.qty;
    return same ? REPEAT : reject('altered-duplicate');
  }
  const target = state.findId(command.target);
  if (!state.isOrder(target) || state.name(items.client(target)) !== client) return reject('unknown-order');
  const terms = { target, idLength: command.id.length, price: command.price, qty: command.qty };
  const refusal = replaceRefusal(state, { limits, allowed }, terms);
  return refusal === null ? ACCEPT : reject(refusal);
};

/** Why an order of this client may not get this price and total quantity, or null. */
export const replaceRefusal = (
  state: OrderState,
  { limits, allowed }: { readonly limits: Limits; readonly allowed: Permissions },
  asked: { readonly target: number; readonly idLength: number; readonly price: number; readonly qty: number },
): string | null => {
  const { items } = state;
  const { target, price, qty } = asked;
  if (items.state(target) > ITEM_STATE.open) return 'too-late';
  const venue = items.venue(target);
  return (
    riskRefusal(allowed) ??
    (asked.idLength > allowed.market.idBytes(venue) ? 'id-too-long' : null) ??
    allowed.market.refusal(venue, items.about(target)) ??
    (qty <= items.filled(target) ? 'bad-quantity' : numberBreach(price, qty, limits)) ??
    (allowed.risk === null ? null : allowed.risk.replaceRefusal(target, price, qty))
  );
};
