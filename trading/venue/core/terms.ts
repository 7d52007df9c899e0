import { WIRE_REASONS } from '../../venue-protocol/layout.ts';

/** The exchange's closed lists, as small numbers for typed arrays and as the words that people and text protocols use. */

export const BUY = 0;
export const SELL = 1;
export type Side = typeof BUY | typeof SELL;
export const SIDES = ['B', 'S'] as const;

export const LIMIT = 0;
export const MARKET = 1;
export type OrderType = typeof LIMIT | typeof MARKET;
export const ORDER_TYPES = ['limit', 'market'] as const;

export const DAY = 0;
/** Good till cancelled: outlives the trading day. */
export const GTC = 1;
/** Immediate or cancel. */
export const IOC = 2;
/** Fill or kill: all at once, or nothing. */
export const FOK = 3;
export type TimeInForce = typeof DAY | typeof GTC | typeof IOC | typeof FOK;
export const TIMES_IN_FORCE = ['day', 'gtc', 'ioc', 'fok'] as const;

/**
 * What happens when an order meets a resting one of its own firm in continuous trading. `pass`: they do not see each other, and
 * the book may look crossed.
 */
export const SELF_TRADES = ['allow', 'cancel-newest', 'cancel-oldest', 'cancel-both', 'pass'] as const;
export type SelfTrade = (typeof SELF_TRADES)[number];

export const PHASES = ['closed', 'pre-open', 'opening-auction', 'continuous', 'closing-auction', 'halted'] as const;
export type Phase = (typeof PHASES)[number];

export const ORDER_STATES = ['open', 'filled', 'cancelled'] as const;
export type OrderState = (typeof ORDER_STATES)[number];
export const OPEN = 0;
export const FILLED = 1;
export const CANCELLED = 2;

/** Why something was refused, or why an order ended without anybody asking for it. The place in the list is the number on the wire. */
export const REASONS = WIRE_REASONS;
export type Reason = (typeof REASONS)[number];

/** Highest price and quantity: sums of a million orders stay exact. */
export const HIGHEST_PRICE = 2 ** 52;
export const HIGHEST_QUANTITY = 2 ** 32;
