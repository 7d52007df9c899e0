import { emptyIdView, IdScratch, type IdView, pointAt } from '../../base/id-view.ts';
import type { FixMessage } from '../../fix/fix-message.ts';
import { MSG, TAG } from '../../fix/tags.ts';
import { Command } from '../core/command.ts';
import type { Exchange } from '../core/exchange.ts';
import { BUY, LIMIT, MARKET, type OrderType, SELL, type Side, type TimeInForce } from '../core/terms.ts';
import { CANCEL_REJECT_REASON, ORDER_REJECT_REASON, TIME_IN_FORCE_TEXT, VENUE_TAG } from './fix-words.ts';

/** What cannot be done here, in the words of the answer to such a message. */
export interface RequestRefusal {
  readonly reason: number;
  readonly text: string;
}

export interface ReadFixRequest {
  readonly command: Command;
  /** The message's own; null = the session's. */
  epoch: number | null;
  checkOnly: boolean;
}

const LONGEST_SYMBOL = 16;
const LONGEST = 64;

/** Fields that would change what an order is, and that this exchange does not have: ignoring them would be another order. */
const UNSUPPORTED = [
  [TAG.ExecInst, 'ExecInst (18)'],
  [TAG.StopPx, 'StopPx (99)'],
  [TAG.MinQty, 'MinQty (110)'],
  [TAG.MaxFloor, 'MaxFloor (111)'],
  [TAG.ExpireTime, 'ExpireTime (126)'],
  [TAG.CashOrderQty, 'CashOrderQty (152)'],
  [TAG.EffectiveTime, 'EffectiveTime (168)'],
  [TAG.ExpireDate, 'ExpireDate (432)'],
] as const;

/**
 * Turns messages that were checked for their form into commands. What is returned is used again for the next message; ids point into
 * memory of this object.
 */
export class FixRequest {
  readonly #exchange: Exchange;
  readonly #decimals: number;
  readonly #read: ReadFixRequest = { command: new Command(), epoch: null, checkOnly: false };
  readonly #id = new IdScratch();
  readonly #target = new IdScratch();
  readonly #symbol = new IdScratch();

  constructor(exchange: Exchange, priceDecimals: number) {
    this.#exchange = exchange;
    this.#decimals = priceDecimals;
  }

  /** An id as the exchange can keep it, or null; valid until the next one is asked for. */
  id(text: string | null): IdView | null {
    return isId(text) ? this.#id.hold(text) : null;
  }

  /** The number of a symbol that may be traded here, or -1. */
  symbol(text: string | null): number {
    if (!isId(text) || text.length > LONGEST_SYMBOL) return -1;
    return this.#exchange.symbol(this.#symbol.hold(text)!);
  }

  /** Firm, session and (where the message has none) epoch are the caller's to fill in. */
  read(message: FixMessage): ReadFixRequest | RequestRefusal {
    const read = this.#read;
    const { command } = read;
    read.epoch = message.int(VENUE_TAG.FirmEpoch);
    read.checkOnly = message.flag(VENUE_TAG.CheckOnly);
    command.symbol = -1;
    command.side = -1;
    command.selfTrade = null;
    const id = this.#id.hold(message.text(TAG.ClOrdID) ?? '');
    if (id === null || !isId(message.text(TAG.ClOrdID)))
      return other(`ClOrdID (11) must be 1 to ${LONGEST} visible characters of ISO 8859-1`);
    if (message.has(VENUE_TAG.FirmEpoch) && (read.epoch === null || read.epoch < 0))
      return other('FirmEpoch (5001) is no epoch');
    pointAt(command.id, id);
    pointAt(command.target, NO_TARGET);
    switch (message.msgType) {
      case MSG.NewOrderSingle:
        return this.#new(message, command) ?? read;
      case MSG.OrderCancelRequest:
        command.kind = 'cancel';
        return this.#targetOf(message, command) ?? read;
      case MSG.OrderCancelReplaceRequest:
        command.kind = 'replace';
        return this.#targetOf(message, command) ?? this.#amounts(message, command) ?? read;
      default:
        return this.#massCancel(message, command) ?? read;
    }
  }

  #new(message: FixMessage, command: Command): RequestRefusal | null {
    command.kind = 'new';
    const side = sideOf(message);
    const timeInForce = TIME_IN_FORCE_TEXT.findIndex((text) => text === (message.text(TAG.TimeInForce) ?? '0'));
    if (side === null) return unsupported('Side (54) must be 1 (buy) or 2 (sell)');
    if (timeInForce === -1) return unsupported('TimeInForce (59) must be 0, 1, 3 or 4');
    command.side = side;
    command.timeInForce = timeInForce as TimeInForce;
    const wrong = this.#amounts(message, command);
    if (wrong !== null) return wrong;
    command.symbol = this.symbol(message.text(TAG.Symbol));
    if (command.symbol < 0 && !isId(message.text(TAG.Symbol)))
      return { reason: ORDER_REJECT_REASON.unknownSymbol, text: 'unknown-symbol' };
    return null;
  }

  /** Type, price and quantity. */
  #amounts(message: FixMessage, command: Command): RequestRefusal | null {
    const found = UNSUPPORTED.find(([tag]) => message.has(tag));
    if (found !== undefined) return unsupported(`${found[1]} is not supported`);
    const type: OrderType | null = typeOf(message);
    if (type === null) return unsupported('OrdType (40) must be 1 (market) or 2 (limit)');
    const quantity = message.scaled(TAG.OrderQty, 0);
    if (quantity === null || quantity < 0) return other('OrderQty (38) is missing, or is no whole number of lots');
    const price = type === MARKET ? 0 : message.scaled(TAG.Price, this.#decimals);
    if (price === null || price < 0)
      return other(`Price (44) is missing, or is no whole number of ticks of ${tick(this.#decimals)}`);
    command.type = type;
    command.quantity = quantity;
    command.price = price;
    return null;
  }

  #targetOf(message: FixMessage, command: Command): RequestRefusal | null {
    const text = message.text(TAG.OrigClOrdID);
    if (!isId(text))
      return { reason: CANCEL_REJECT_REASON.unknownOrder, text: 'OrigClOrdID (41) can be no order here' };
    pointAt(command.target, this.#target.hold(text)!);
    return null;
  }

  #massCancel(message: FixMessage, command: Command): RequestRefusal | null {
    command.kind = 'mass-cancel';
    const what = message.text(TAG.MassCancelRequestType);
    if (what !== '1' && what !== '7')
      return { reason: MASS_CANCEL_NOT_SUPPORTED, text: 'MassCancelRequestType (530) must be 1 (a symbol) or 7 (all)' };
    if (message.has(TAG.Side)) {
      const side = sideOf(message);
      if (side === null) return other('Side (54) must be 1 (buy) or 2 (sell)');
      command.side = side;
    }
    if (what === '7') return null;
    command.symbol = this.symbol(message.text(TAG.Symbol));
    return command.symbol < 0 ? { reason: MASS_CANCEL_UNKNOWN_SYMBOL, text: 'unknown-symbol' } : null;
  }
}

const NO_TARGET = emptyIdView();
const MASS_CANCEL_NOT_SUPPORTED = 0;
const MASS_CANCEL_UNKNOWN_SYMBOL = 1;

const tick = (decimals: number): string => (10 ** -decimals).toFixed(decimals);
const other = (text: string): RequestRefusal => ({ reason: ORDER_REJECT_REASON.other, text });
const unsupported = (text: string): RequestRefusal => ({ reason: ORDER_REJECT_REASON.unsupported, text });

const isId = (text: string | null): text is string =>
  text !== null && text.length > 0 && text.length <= LONGEST && !CONTROL.test(text);
const CONTROL = /\p{Cc}/u;

const sideOf = (message: FixMessage): Side | null =>
  message.equals(TAG.Side, '1') ? BUY : message.equals(TAG.Side, '2') ? SELL : null;

const typeOf = (message: FixMessage): OrderType | null =>
  message.equals(TAG.OrdType, '2') ? LIMIT : message.equals(TAG.OrdType, '1') ? MARKET : null;
