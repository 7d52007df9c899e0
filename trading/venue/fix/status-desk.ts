import { cleanText } from '../../fix/body-writer.ts';
import type { FixMessage } from '../../fix/fix-message.ts';
import { TAG } from '../../fix/tags.ts';
import type { Exchange } from '../core/exchange.ts';
import { NONE } from '../core/order-table.ts';
import type { ExecutionReports, FixOut } from './execution-reports.ts';
import type { FixRequest } from './fix-request.ts';
import { SIDE_TEXT } from './fix-words.ts';

/** MassStatusReqType (585). */
const OF_SYMBOL = '1';
const OF_ALL = '7';

/** Answers a firm's questions about its orders from the books. */
export class StatusDesk {
  readonly #exchange: Exchange;
  readonly #firm: number;
  readonly #request: FixRequest;
  readonly #reports: ExecutionReports;

  constructor(options: {
    readonly exchange: Exchange;
    readonly firm: number;
    readonly request: FixRequest;
    readonly reports: ExecutionReports;
  }) {
    this.#exchange = options.exchange;
    this.#firm = options.firm;
    this.#request = options.request;
    this.#reports = options.reports;
  }

  /** One order, by the ClOrdID of the order or of a replace of it. */
  one(message: FixMessage): FixOut {
    const clOrdId = message.text(TAG.ClOrdID);
    const asked = message.text(TAG.OrdStatusReqID);
    const requestId = asked === null ? {} : { requestId: cleanText(asked) };
    const view = this.#request.id(clOrdId);
    const order = view === null ? NONE : this.#exchange.order(this.#firm, view);
    if (order !== NONE) return this.#reports.status(order, requestId);
    const side = message.text(TAG.Side) ?? '1';
    return this.#reports.unknownOrder({ clOrdId: cleanText(clOrdId ?? ''), side, ...requestId });
  }

  /** Whether a mass status request asks for what there is. */
  offers(message: FixMessage): boolean {
    const type = message.text(TAG.MassStatusReqType);
    return type === OF_ALL || (type === OF_SYMBOL && this.#request.symbol(message.text(TAG.Symbol)) >= 0);
  }

  /** All open orders, of one symbol or side if that is said. Each answer is to be sent before the next one is made. */
  *all(message: FixMessage): Generator<FixOut> {
    const requestId = cleanText(message.text(TAG.MassStatusReqID) ?? '');
    const side = message.text(TAG.Side);
    const ofSymbol = message.equals(TAG.MassStatusReqType, OF_SYMBOL);
    const symbol = ofSymbol ? this.#request.symbol(message.text(TAG.Symbol)) : -1;
    const { orders } = this.#exchange;
    const fits = (order: number): boolean =>
      (!ofSymbol || orders.symbol[order] === symbol) && (side === null || SIDE_TEXT[orders.side[order]!] === side);
    const open = this.#exchange.openOrders(this.#firm).filter(fits);
    if (open.length === 0) {
      const mass = { requestId, total: 0, last: true };
      yield this.#reports.unknownOrder({ clOrdId: null, side: side ?? SIDE_TEXT[0], mass });
    }
    for (const [at, order] of open.entries()) {
      const mass = { requestId, total: open.length, last: at === open.length - 1 };
      yield this.#reports.status(order, { mass });
    }
  }
}
