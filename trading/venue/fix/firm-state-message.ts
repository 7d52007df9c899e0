import { idText } from '../../base/id-view.ts';
import { BodyWriter, cleanText } from '../../fix/body-writer.ts';
import type { FixMessage } from '../../fix/fix-message.ts';
import { MSG, TAG } from '../../fix/tags.ts';
import type { OrderPort } from '../order-port.ts';
import type { Seat } from '../sessions/session-desk.ts';
import type { FixOut } from './execution-reports.ts';
import { VENUE_TAG } from './fix-words.ts';

/** Symbols in one message: below the longest that can be kept. */
const SYMBOLS_AT_ONCE = 500;

/** What the exchange knows of a firm as a whole, behind every report so far. */
export class FirmStateMessage {
  readonly #port: OrderPort;
  readonly #firm: number;
  readonly #writer = new BodyWriter();

  constructor(port: OrderPort, firm: number) {
    this.#port = port;
    this.#firm = firm;
  }

  /** Each message is to be sent before the next one is made; the last one says so. */
  *answers(request: FixMessage, seat: Seat | null): Generator<FixOut> {
    const { desk, venue } = this.#port;
    const firm = venue.exchange.firm(this.#firm);
    const traded: number[] = [];
    for (let symbol = 0; symbol < Math.max(firm.bought.length, firm.sold.length); symbol++)
      if ((firm.bought[symbol] ?? 0) + (firm.sold[symbol] ?? 0) > 0) traded.push(symbol);
    const id = cleanText(request.text(VENUE_TAG.StateRequestId) ?? '-', 64);
    for (let from = 0; from === 0 || from < traded.length; from += SYMBOLS_AT_ONCE) {
      const part = traded.slice(from, from + SYMBOLS_AT_ONCE);
      const writer = this.#writer.begin().text(VENUE_TAG.StateRequestId, id);
      writer.int(VENUE_TAG.OtherSessions, desk.othersOf(this.#firm, seat));
      writer.int(VENUE_TAG.EndingSessions, desk.endingOf(this.#firm)).int(VENUE_TAG.LastReport, firm.reports);
      writer.flag(TAG.LastRptRequested, from + part.length >= traded.length);
      writer.int(VENUE_TAG.TradedSymbols, part.length);
      for (const symbol of part) {
        writer.text(TAG.Symbol, cleanText(idText(venue.symbolName(symbol))));
        writer.int(VENUE_TAG.BoughtLots, firm.bought[symbol] ?? 0).int(VENUE_TAG.SoldLots, firm.sold[symbol] ?? 0);
      }
      yield { msgType: MSG.FirmState, fields: writer.body() };
    }
  }
}
