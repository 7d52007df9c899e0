import type { Side } from './entry.ts';

export type OrderStatus = 'pending' | 'open' | 'filled' | 'cancelled' | 'rejected';

/** An order as it was when it was looked at, for people and text protocols. */
export interface Order {
  readonly kind: 'order';
  readonly id: string;
  readonly client: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: number;
  readonly qty: number;
  readonly seq: number;
  readonly epoch: number;
  /** `pending`: journalled, not confirmed by the venue. */
  readonly state: OrderStatus;
  readonly filled: number;
  readonly code: string | null;
  /** Rejected by the engine itself before anybody was told of it: it never was at the venue. */
  readonly withdrawn: boolean;
}

export interface CancelRequest {
  readonly kind: 'cancel';
  readonly id: string;
  readonly client: string;
  readonly target: string;
  readonly seq: number;
  readonly epoch: number;
  readonly state: 'pending' | 'done' | 'rejected';
  readonly code: string | null;
}
