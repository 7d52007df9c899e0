import { emptyIdView, type IdView } from '../../base/id-view.ts';
import { WIRE_REPORT_KINDS } from '../../venue-protocol/layout.ts';
import type { OrderType, Reason, Side, TimeInForce } from './terms.ts';

export const REPORT_KINDS = WIRE_REPORT_KINDS;
export type ReportKind = (typeof REPORT_KINDS)[number];

/**
 * What happened to one firm's order or request. One object is filled in again for each report: who is given it copies what has to
 * last. Every field is set on every report; those that mean nothing for a kind are 0 or empty.
 */
export class Report {
  kind: ReportKind = 'accepted';
  /** Numbered per firm, without gaps, from 1. With the firm it is the execution id. */
  n = 0;
  atMs = 0;
  firm = 0;
  /** Of the order; of the request where there is no order. */
  session = 0;
  symbol = -1;
  /** The order's id for `accepted`, `rejected` and `fill`; else the request's, empty when nobody asked. */
  readonly id: IdView = emptyIdView();
  /** The order's id for everything about a cancel or replace. */
  readonly target: IdView = emptyIdView();
  side: Side = 0;
  type: OrderType = 0;
  timeInForce: TimeInForce = 0;
  /** Of the order; of the execution for `fill`. */
  price = 0;
  /** Total of the order; lots of the execution for `fill`. */
  quantity = 0;
  /** What is open of the order after this. */
  open = 0;
  /** Of this trade, the same for both its sides, exchange-wide; 0 = no trade. */
  trade = 0;
  /** The order was resting. */
  maker = false;
  reason: Reason = '';
  epoch = 0;
}
