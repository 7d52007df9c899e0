import type { Side, TimeInForce } from './entry.ts';

export type OrderStatus = 'pending' | 'open' | 'filled' | 'cancelled' | 'rejected';

/** An order as it was when it was looked at, for people and text protocols. */
export interface Order {
  readonly kind: 'order';
  readonly id: string;
  readonly client: string;
  readonly symbol: string;
  readonly side: Side;
  /** As they are now: of the last replace that the venue confirmed, if there is one. */
  readonly price: number;
  readonly qty: number;
  readonly tif: TimeInForce;
  /** Where it is traded; empty when the journal names no exchange of this number. */
  readonly venue: string;
  readonly seq: number;
  readonly epoch: number;
  /** `pending`: journalled, not confirmed by the venue. */
  readonly state: OrderStatus;
  readonly filled: number;
  readonly code: string | null;
  /** Rejected by the engine itself before anybody was told of it: it never was at the venue. */
  readonly withdrawn: boolean;
}

interface Request {
  readonly id: string;
  readonly client: string;
  readonly target: string;
  readonly seq: number;
  readonly epoch: number;
  readonly state: 'pending' | 'done' | 'rejected';
  readonly code: string | null;
}

export interface CancelRequest extends Request {
  readonly kind: 'cancel';
}

export interface ReplaceRequest extends Request {
  readonly kind: 'replace';
  readonly price: number;
  /** The new total, what is filled included. */
  readonly qty: number;
}

/** What a client asked to be done to an order. */
export type ChangeRequest = CancelRequest | ReplaceRequest;
