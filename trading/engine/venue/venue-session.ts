import type { IdView } from '../../base/id-view.ts';
import type { WireReport } from '../../venue-protocol/answers.ts';
import type { OrderState } from '../order-state.ts';
import type { ItemSink } from '../release-queue.ts';

/** A report of the exchange, whatever protocol it came over. Valid while it is handed over: what has to last is copied. */
export interface VenueReport extends WireReport {
  readonly symbol: IdView;
}

/** What the exchange said when it was asked, behind every report up to `last`. */
export interface VenueAnswers {
  readonly last: number;
  /** Other order entry sessions of the firm, and lost ones whose orders may still be ended. */
  readonly others: number;
  readonly ending: number;
  /** Orders that were asked about and that the exchange does not know. */
  readonly unknown: ReadonlySet<number>;
  /** Lots by symbol. */
  readonly positions: ReadonlyMap<string, { readonly bought: number; readonly sold: number }>;
}

/** Why a session is sure that no older one of the firm can act: the exchange refuses their epoch, or it has to say who is there. */
export type SessionProof = 'epoch' | 'word';

export interface VenueSessionEvents {
  /** Read at each use; its numbers are what orders and requests are sent by. */
  readonly state: () => OrderState;
  /** Number of the last report that is in the journal. */
  readonly lastReport: () => number;
  /** Asked before the session is taken: whoever may not release may not take it either. */
  readonly mayConnect: () => boolean;
  /** The next report, in order, without gaps and never twice. */
  readonly onReport: (report: VenueReport) => void;
  /** Seated, and every missed report was handed over. */
  readonly onReady: (proof: SessionProof) => void;
  readonly onDown: (why: string) => void;
  /** The venue knows a newer epoch; null: somebody else took the session over. */
  readonly onSuperseded: (epoch: number | null) => void;
  /** The session refused this order or request: it took no effect, and no report tells of it. */
  readonly onRefused: (id: string, code: string) => void;
  readonly onAnswers: (answers: VenueAnswers) => void;
}

/**
 * The order session at one exchange, whatever its protocol: taken with the epoch of a reign, resumed from the last report that is
 * journalled. What is staged while it is not ready is dropped: it is still pending in the order state, and is sent again.
 */
export interface VenueSession extends ItemSink {
  readonly ready: boolean;
  /** It cannot become ready before the acknowledgement set holds what it has journalled. */
  readonly waitsForRelease: boolean;
  /** Reports received before it was ready, of the current logon. */
  readonly missed: number;
  /** Longest id and symbol that it can carry. */
  readonly idBytes: number;
  readonly symbolBytes: number;
  /** It may be started within milliseconds: what says nothing to the exchange and needs no right is done before. `stop` undoes it. */
  prepare(): void;
  start(epoch: number): void;
  stop(): void;
  tick(nowMs: number): void;
  /** Stages an order that is checked and not booked. */
  stageTest(id: string, symbol: string): void;
  /** Calls back once when the venue answers a test order: null = it would be accepted. */
  expectTest(id: string, settle: (code: string | null) => void): void;
  forgetTest(id: string): void;
  /** Asks for everything that `VenueAnswers` has, behind all that was sent before. One question at a time. */
  inquire(orders: readonly number[]): void;
}

/** Where an exchange is, and as whom an engine trades there. */
export interface VenueAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly firm: string;
  readonly password: string;
}
