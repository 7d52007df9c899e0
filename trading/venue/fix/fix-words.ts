import type { Reason } from '../core/terms.ts';

/** What the exchange's closed lists are in FIX; docs/reference/venue-fix.md shows them. */

/** Tags of the exchange's own, agreed with its members. */
export const VENUE_TAG = {
  /** Logon: the firm's epoch. Requests: the request's own, where it is to be judged by an older one than the session's. */
  FirmEpoch: 5001,
  /** Everything that comes from the firm's ledger: the number of the report, without gaps over all protocols. */
  ReportNumber: 5002,
  /** Logon: `off`, `keep-persistent` or `all`; without it as the exchange is configured. */
  CancelOnDisconnect: 5003,
  /** FirmStateRequest, and the FirmState that answers it. */
  StateRequestId: 5010,
  /** FirmState: order entry sessions of the firm that are seated beside this one. */
  OtherSessions: 5011,
  /** FirmState: lost sessions of the firm whose orders may still be ended. */
  EndingSessions: 5012,
  /** FirmState: entries of the group of symbols; with lots bought and sold since the firm's first report. */
  TradedSymbols: 5013,
  BoughtLots: 5014,
  SoldLots: 5015,
  /** FirmState: every report up to this one is counted, and none after it. */
  LastReport: 5016,
  /** NewOrderSingle: `Y` = only say whether it would be taken. */
  CheckOnly: 5004,
} as const;

export const SIDE_TEXT = ['1', '2'] as const;
export const ORDER_TYPE_TEXT = ['2', '1'] as const;
export const TIME_IN_FORCE_TEXT = ['0', '1', '3', '4'] as const;

export const EXEC_TYPE = {
  new: '0',
  cancelled: '4',
  replaced: '5',
  rejected: '8',
  expired: 'C',
  trade: 'F',
  status: 'I',
} as const;

export const ORDER_STATUS = {
  new: '0',
  partlyFilled: '1',
  filled: '2',
  cancelled: '4',
  rejected: '8',
  expired: 'C',
} as const;

/** OrdRejReason (103) of an order that the exchange refused. */
export const ORDER_REJECT_REASON = {
  unknownSymbol: 1,
  closed: 2,
  unknownOrder: 5,
  duplicate: 6,
  unsupported: 11,
  other: 99,
} as const;

/** CxlRejReason (102) of a cancel or a replace that the exchange refused. */
export const CANCEL_REJECT_REASON = { tooLate: 0, unknownOrder: 1, duplicate: 6, other: 99 } as const;

/** BusinessRejectReason (380). */
export const BUSINESS_REASON = { other: 0, unsupported: 3, notAuthorised: 6 } as const;

const ORDER_REASONS: Partial<Record<Reason, number>> = {
  'unknown-symbol': ORDER_REJECT_REASON.unknownSymbol,
  'market-closed': ORDER_REJECT_REASON.closed,
  halted: ORDER_REJECT_REASON.closed,
  'not-in-this-phase': ORDER_REJECT_REASON.unsupported,
};

const CANCEL_REASONS: Partial<Record<Reason, number>> = {
  'too-late': CANCEL_REJECT_REASON.tooLate,
  'unknown-order': CANCEL_REJECT_REASON.unknownOrder,
};

export const orderRejectReason = (reason: Reason): number => ORDER_REASONS[reason] ?? ORDER_REJECT_REASON.other;
export const cancelRejectReason = (reason: Reason): number => CANCEL_REASONS[reason] ?? CANCEL_REJECT_REASON.other;
