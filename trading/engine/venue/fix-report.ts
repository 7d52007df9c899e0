import { clearId, IdScratch } from '../../base/id-view.ts';
import type { FixMessage } from '../../fix/fix-message.ts';
import { MSG, TAG } from '../../fix/tags.ts';
import { VENUE_TAG } from '../../venue/fix/fix-words.ts';
import { ReportMessage } from '../../venue-protocol/answers.ts';
import { WIRE_REASONS, type WIRE_REPORT_KINDS } from '../../venue-protocol/layout.ts';

type Kind = (typeof WIRE_REPORT_KINDS)[number];

const KIND_OF_EXEC_TYPE: Readonly<Record<string, Kind>> = {
  0: 'accepted',
  4: 'cancelled',
  5: 'replaced',
  8: 'rejected',
  C: 'cancelled',
  F: 'fill',
};

/** Reads the exchange's reports out of ExecutionReports and OrderCancelRejects. What is returned is used again for the next one. */
export class FixReport {
  readonly #report = new ReportMessage();
  readonly #id = new IdScratch();
  readonly #target = new IdScratch();
  readonly #symbol = new IdScratch();
  readonly #decimals: number;

  constructor(priceDecimals: number) {
    this.#decimals = priceDecimals;
  }

  /** Null when the message is no report of the firm's ledger, or one that cannot be understood. */
  read(message: FixMessage): ReportMessage | null {
    const report = this.#report;
    const n = message.int(VENUE_TAG.ReportNumber);
    const kind = kindOf(message);
    if (n === null || kind === undefined) return null;
    report.n = n;
    report.kind = kind;
    report.atMs = message.utcMs(TAG.TransactTime) ?? 0;
    report.epoch = message.int(VENUE_TAG.FirmEpoch) ?? 0;
    report.side = message.equals(TAG.Side, '2') ? 1 : 0;
    report.open = message.int(TAG.LeavesQty) ?? 0;
    report.trade = message.int(TAG.SecondaryExecID) ?? 0;
    report.maker = message.equals(TAG.LastLiquidityInd, '1');
    report.reason = WIRE_REASONS.find((reason) => reason === (message.text(TAG.Text) ?? '')) ?? 'bad-order';
    const isFill = kind === 'fill';
    report.price = message.scaled(isFill ? TAG.LastPx : TAG.Price, this.#decimals) ?? 0;
    report.quantity = message.int(isFill ? TAG.LastQty : TAG.OrderQty) ?? 0;
    hold(this.#symbol, message.text(TAG.Symbol), report.symbol);
    this.#names(message, kind);
    return report;
  }

  /** Orders go by the id with which they were entered, which is the exchange's OrderID; requests by their own. */
  #names(message: FixMessage, kind: Kind): void {
    const report = this.#report;
    const own = message.text(TAG.ClOrdID);
    const order = message.text(TAG.OrderID);
    clearId(report.target);
    switch (kind) {
      case 'accepted':
      case 'fill':
        hold(this.#id, order, report.id);
        return;
      case 'rejected':
        hold(this.#id, own, report.id);
        return;
      case 'cancelled':
        hold(this.#id, message.has(TAG.OrigClOrdID) ? own : null, report.id);
        hold(this.#target, order, report.target);
        return;
      case 'replaced':
        hold(this.#id, own, report.id);
        hold(this.#target, order, report.target);
        return;
      case 'cancel-rejected':
      case 'replace-rejected':
        hold(this.#id, own, report.id);
        hold(this.#target, message.text(TAG.OrigClOrdID), report.target);
    }
  }
}

const kindOf = (message: FixMessage): Kind | undefined => {
  if (message.msgType === MSG.OrderCancelReject)
    return message.equals(TAG.CxlRejResponseTo, '2') ? 'replace-rejected' : 'cancel-rejected';
  return message.msgType === MSG.ExecutionReport ? KIND_OF_EXEC_TYPE[message.text(TAG.ExecType) ?? ''] : undefined;
};

const hold = (scratch: IdScratch, text: string | null, into: ReportMessage['symbol']): void => {
  const held = text === null ? null : scratch.hold(text);
  if (held === null) clearId(into);
  else Object.assign(into, held);
};
