import { emptyIdView, type IdView, LONGEST_ID } from '../../base/id-view.ts';
import { BodyWriter, cleanText } from '../../fix/body-writer.ts';
import { MSG, TAG } from '../../fix/tags.ts';
import type { Exchange } from '../core/exchange.ts';
import { NONE } from '../core/order-table.ts';
import type { Report } from '../core/report.ts';
import { LIMIT } from '../core/terms.ts';
import {
  cancelRejectReason,
  EXEC_TYPE,
  ORDER_REJECT_REASON,
  ORDER_STATUS,
  ORDER_TYPE_TEXT,
  orderRejectReason,
  SIDE_TEXT,
  TIME_IN_FORCE_TEXT,
  VENUE_TAG,
} from './fix-words.ts';
import type { OrderTally } from './order-tally.ts';

/** A message without its header; `fields` are valid until the next one is made. */
export interface FixOut {
  readonly msgType: string;
  readonly fields: Buffer;
}

/** Of a status that is one of several. */
export interface MassStatus {
  readonly requestId: string;
  readonly total: number;
  readonly last: boolean;
}

const NO_ORDER = 'NONE';
const NO_SYMBOL = 'N/A';
/** Decimals of AvgPx beyond those of a price. */
const MORE_DECIMALS = 4;

/** Makes ExecutionReports and their like: from the firm's reports, and from the books for those who ask. */
export class ExecutionReports {
  readonly #exchange: Exchange;
  readonly #tally: OrderTally;
  readonly #decimals: number;
  readonly #writer = new BodyWriter();
  readonly #id = emptyIdView();
  readonly #clean = Buffer.alloc(LONGEST_ID);

  constructor(options: {
    readonly exchange: Exchange;
    readonly tally: OrderTally;
    readonly priceDecimals: number;
  }) {
    this.#exchange = options.exchange;
    this.#tally = options.tally;
    this.#decimals = options.priceDecimals;
  }

  /** The next report of a firm, in the order of its number: it is applied to the tally, and becomes one message. */
  ofReport(report: Report, symbol: IdView): FixOut {
    switch (report.kind) {
      case 'rejected':
        return this.#rejected(report, symbol);
      case 'cancel-rejected':
      case 'replace-rejected':
        return this.#requestRejected(report);
      case 'accepted':
      case 'fill':
      case 'cancelled':
      case 'replaced':
        return this.#changed(report, symbol);
    }
  }

  /** The same without a message, for reports that everybody was told. */
  note(report: Report): void {
    if (!changesOrder(report)) return;
    const id = report.kind === 'accepted' || report.kind === 'fill' ? report.id : report.target;
    this.#tally.apply(this.#exchange.order(report.firm, id), report);
  }

  /** How an order stands; `asked` is the OrdStatusReqID, or the text that says why it is told. */
  status(
    order: number,
    asked: { readonly requestId?: string; readonly text?: string; readonly mass?: MassStatus },
  ): FixOut {
    const { orders, symbols, firms } = this.#exchange;
    this.#exchange.orderId(order, this.#id);
    const { clOrdId, quantity, price, filled, open, status } = this.#tally.order(order, this.#id);
    const writer = this.#idField(this.#writer.begin(), TAG.OrderID, this.#id);
    writer.text(TAG.ClOrdID, cleanText(clOrdId)).text(TAG.ExecID, '0').text(TAG.ExecType, EXEC_TYPE.status);
    writer
      .text(TAG.OrdStatus, status === '' ? ORDER_STATUS.new : status)
      .text(TAG.Account, firms.text(orders.firm[order]!));
    this.#idField(writer, TAG.Symbol, symbols.view(orders.symbol[order]!));
    this.#terms({
      side: orders.side[order]!,
      type: orders.type[order]!,
      timeInForce: orders.timeInForce[order]!,
      price,
      quantity,
    });
    this.#sums(order, { filled, open });
    this.#asked(asked);
    return { msgType: MSG.ExecutionReport, fields: writer.body() };
  }

  /** There is no such order. */
  unknownOrder(asked: {
    readonly clOrdId: string | null;
    readonly side: string;
    readonly requestId?: string;
    readonly mass?: MassStatus;
  }): FixOut {
    const writer = this.#writer.begin().text(TAG.OrderID, NO_ORDER);
    if (asked.clOrdId !== null) writer.text(TAG.ClOrdID, asked.clOrdId);
    writer.text(TAG.ExecID, '0').text(TAG.ExecType, EXEC_TYPE.status).text(TAG.OrdStatus, ORDER_STATUS.rejected);
    writer
      .int(TAG.OrdRejReason, ORDER_REJECT_REASON.unknownOrder)
      .text(TAG.Symbol, NO_SYMBOL)
      .text(TAG.Side, asked.side);
    writer.int(TAG.LeavesQty, 0).int(TAG.CumQty, 0).int(TAG.AvgPx, 0);
    this.#asked({ ...asked, text: asked.mass === undefined ? 'unknown-order' : 'no open orders' });
    return { msgType: MSG.ExecutionReport, fields: writer.body() };
  }

  /** An order that never reached the books. With `check` it was only to be checked, and `reason` may be null: it would be taken. */
  refusedOrder(refusal: {
    readonly clOrdId: string;
    readonly execId: string;
    readonly symbol: string;
    readonly side: string;
    readonly reason: number | null;
    readonly text: string;
    readonly check?: boolean;
  }): FixOut {
    const { clOrdId, execId, symbol, side, reason, text, check } = refusal;
    const writer = this.#writer.begin().text(TAG.OrderID, NO_ORDER).text(TAG.ClOrdID, clOrdId).text(TAG.ExecID, execId);
    writer.text(TAG.ExecType, check === true ? EXEC_TYPE.status : EXEC_TYPE.rejected);
    writer.text(TAG.OrdStatus, reason === null ? ORDER_STATUS.new : ORDER_STATUS.rejected);
    writer.text(TAG.Symbol, symbol === '' ? NO_SYMBOL : symbol).text(TAG.Side, side);
    writer.int(TAG.LeavesQty, 0).int(TAG.CumQty, 0).int(TAG.AvgPx, 0);
    if (reason !== null) writer.int(TAG.OrdRejReason, reason).text(TAG.Text, cleanText(text));
    if (check === true) writer.flag(VENUE_TAG.CheckOnly, true);
    return { msgType: MSG.ExecutionReport, fields: writer.body() };
  }

  /** A cancel or replace that never reached the books; `order` is NONE when it names none. */
  refusedRequest(refusal: {
    readonly clOrdId: string;
    readonly target: string;
    readonly order: number;
    readonly replace: boolean;
    readonly reason: number;
    readonly text: string;
  }): FixOut {
    const { clOrdId, target, order, replace, reason, text } = refusal;
    const writer = this.#cancelReject(order, replace);
    writer.text(TAG.ClOrdID, clOrdId).text(TAG.OrigClOrdID, target);
    writer.int(TAG.CxlRejReason, reason).text(TAG.Text, cleanText(text));
    return { msgType: MSG.OrderCancelReject, fields: writer.body() };
  }

  #changed(report: Report, symbol: IdView): FixOut {
    const { kind } = report;
    const id = kind === 'accepted' || kind === 'fill' ? report.id : report.target;
    const order = this.#exchange.order(report.firm, id);
    const before = kind === 'replaced' || kind === 'cancelled' ? this.#tally.order(order, id).clOrdId : null;
    this.#tally.apply(order, report);
    const { clOrdId, quantity, price, filled, open, status } = this.#tally.order(order, id);
    const writer = this.#idField(this.#writer.begin(), TAG.OrderID, id);
    if (kind === 'cancelled' && report.id.length > 0) this.#idField(writer, TAG.ClOrdID, report.id);
    else writer.text(TAG.ClOrdID, cleanText(clOrdId));
    if (before !== null && report.id.length > 0) writer.text(TAG.OrigClOrdID, cleanText(before));
    this.#head(report, execTypeOf(report), status);
    this.#idField(writer, TAG.Symbol, symbol);
    this.#terms({ ...sideAndType(report), price, quantity });
    if (kind === 'fill') {
      writer.int(TAG.LastQty, report.quantity).scaled(TAG.LastPx, report.price, this.#decimals);
      writer.int(TAG.SecondaryExecID, report.trade).int(TAG.LastLiquidityInd, report.maker ? 1 : 2);
    }
    this.#sums(order, { filled, open });
    this.#tail(report);
    return { msgType: MSG.ExecutionReport, fields: writer.body() };
  }

  #rejected(report: Report, symbol: IdView): FixOut {
    const writer = this.#writer.begin().text(TAG.OrderID, NO_ORDER);
    this.#idField(writer, TAG.ClOrdID, report.id);
    this.#head(report, EXEC_TYPE.rejected, ORDER_STATUS.rejected);
    writer.int(TAG.OrdRejReason, orderRejectReason(report.reason));
    if (symbol.length === 0) writer.text(TAG.Symbol, NO_SYMBOL);
    else this.#idField(writer, TAG.Symbol, symbol);
    this.#terms({ ...sideAndType(report), price: report.price, quantity: report.quantity });
    writer.int(TAG.LeavesQty, 0).int(TAG.CumQty, 0).int(TAG.AvgPx, 0);
    this.#tail(report);
    return { msgType: MSG.ExecutionReport, fields: writer.body() };
  }

  #requestRejected(report: Report): FixOut {
    const order = report.reason === 'unknown-order' ? NONE : this.#exchange.order(report.firm, report.target);
    const writer = this.#cancelReject(order, report.kind === 'replace-rejected');
    this.#idField(writer, TAG.ClOrdID, report.id);
    this.#idField(writer, TAG.OrigClOrdID, report.target);
    writer.int(TAG.CxlRejReason, cancelRejectReason(report.reason)).utc(TAG.TransactTime, report.atMs);
    this.#tail(report);
    return { msgType: MSG.OrderCancelReject, fields: writer.body() };
  }

  #cancelReject(order: number, replace: boolean): BodyWriter {
    const writer = this.#writer.begin();
    if (this.#tally.knows(order)) {
      this.#exchange.orderId(order, this.#id);
      this.#idField(writer, TAG.OrderID, this.#id);
      writer.text(TAG.OrdStatus, this.#tally.order(order, this.#id).status);
    } else writer.text(TAG.OrderID, NO_ORDER).text(TAG.OrdStatus, ORDER_STATUS.rejected);
    return writer.text(TAG.CxlRejResponseTo, replace ? '2' : '1');
  }

  #head(report: Report, execType: string, status: string): void {
    const firm = this.#exchange.firms.text(report.firm);
    this.#writer.text(TAG.ExecID, `${firm}-${report.n}`).text(TAG.ExecType, execType).text(TAG.OrdStatus, status);
    this.#writer.text(TAG.Account, firm).utc(TAG.TransactTime, report.atMs);
  }

  #terms(terms: { side: number; type: number; timeInForce: number; price: number; quantity: number }): void {
    const writer = this.#writer.text(TAG.Side, SIDE_TEXT[terms.side] ?? '1');
    writer.int(TAG.OrderQty, terms.quantity).text(TAG.OrdType, ORDER_TYPE_TEXT[terms.type] ?? '2');
    if (terms.type === LIMIT) writer.scaled(TAG.Price, terms.price, this.#decimals);
    writer.text(TAG.TimeInForce, TIME_IN_FORCE_TEXT[terms.timeInForce] ?? '0');
  }

  #sums(order: number, sums: { readonly filled: number; readonly open: number }): void {
    this.#writer.int(TAG.LeavesQty, sums.open).int(TAG.CumQty, sums.filled);
    const average = this.#tally.averagePrice(order, 10 ** MORE_DECIMALS);
    if (Number.isSafeInteger(average)) this.#writer.scaled(TAG.AvgPx, average, this.#decimals + MORE_DECIMALS);
    else this.#writer.scaled(TAG.AvgPx, this.#tally.averagePrice(order, 1), this.#decimals);
  }

  #tail(report: Report): void {
    if (report.reason !== '') this.#writer.text(TAG.Text, report.reason);
    this.#writer.int(VENUE_TAG.FirmEpoch, report.epoch).int(VENUE_TAG.ReportNumber, report.n);
  }

  #asked(asked: { readonly requestId?: string; readonly text?: string; readonly mass?: MassStatus }): void {
    const writer = this.#writer;
    if (asked.requestId !== undefined) writer.text(TAG.OrdStatusReqID, asked.requestId);
    if (asked.text !== undefined) writer.text(TAG.Text, asked.text);
    if (asked.mass === undefined) return;
    writer.text(TAG.MassStatusReqID, asked.mass.requestId).int(TAG.TotNumReports, asked.mass.total);
    writer.flag(TAG.LastRptRequested, asked.mass.last);
  }

  /** An id as a value; other protocols may have put characters into it that FIX cannot carry. */
  #idField(writer: BodyWriter, tag: number, id: IdView): BodyWriter {
    const bytes = this.#clean;
    for (let at = 0; at < id.length; at++) {
      const code = id.bytes[id.at + at]!;
      bytes[at] = code < 32 || code === 127 ? 63 : code;
    }
    return writer.value(tag, bytes.subarray(0, id.length));
  }
}

const changesOrder = ({ kind }: Report): boolean =>
  kind === 'accepted' || kind === 'fill' || kind === 'cancelled' || kind === 'replaced';

const sideAndType = ({ side, type, timeInForce }: Report) => ({ side, type, timeInForce });

const execTypeOf = (report: Report): string => {
  if (report.kind === 'accepted') return EXEC_TYPE.new;
  if (report.kind === 'fill') return EXEC_TYPE.trade;
  if (report.kind === 'replaced') return EXEC_TYPE.replaced;
  return report.reason === 'expired' ? EXEC_TYPE.expired : EXEC_TYPE.cancelled;
};
