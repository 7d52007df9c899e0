import { clearId, IdScratch, type IdView, pointAt } from '../../base/id-view.ts';
import { countField, type JsonRecord, textField } from '../../base/json-record.ts';
import { Command } from '../core/command.ts';
import type { Exchange } from '../core/exchange.ts';
import { ORDER_TYPES, SELF_TRADES, TIMES_IN_FORCE } from '../core/terms.ts';

/** Symbols are at most this long. */
const LONGEST_SYMBOL = 16;

/** Turns records of the line protocol into commands. The command that is returned is used again for the next record. */
export class LineRequest {
  readonly #command = new Command();
  readonly #id = new IdScratch();
  readonly #target = new IdScratch();
  readonly #symbol = new IdScratch();
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  id(text: string): IdView | null {
    return this.#id.hold(text);
  }

  /** Null when the record is not a request that can be understood. Firm, session and epoch are the caller's to fill in. */
  read(record: JsonRecord): Command | null {
    const command = this.#command;
    const id = this.#id.hold(textField(record, 'id') ?? '');
    if (id === null) return null;
    pointAt(command.id, id);
    clearId(command.target);
    switch (record.t) {
      case 'new':
        return this.#readNew(record);
      case 'cancel':
        command.kind = 'cancel';
        command.symbol = -1;
        return this.#readTarget(record) ? command : null;
      case 'replace': {
        const price = countField(record, 'price');
        const quantity = countField(record, 'qty');
        if (price === null || quantity === null || !this.#readTarget(record)) return null;
        return Object.assign(command, { kind: 'replace', symbol: -1, price, quantity, selfTrade: null });
      }
      case 'mass-cancel': {
        const symbol = record.symbol === undefined ? -1 : this.#symbolOf(textField(record, 'symbol') ?? '');
        if (record.symbol !== undefined && symbol < 0) return null;
        const side = record.side === undefined ? -1 : sideOf(record.side);
        if (side === null) return null;
        return Object.assign(command, { kind: 'mass-cancel', symbol, side });
      }
      default:
        return null;
    }
  }

  #readNew(record: JsonRecord): Command | null {
    const type = wordAt(ORDER_TYPES, record.type, 'limit');
    const timeInForce = wordAt(TIMES_IN_FORCE, record.tif, 'day');
    const price = type === 1 ? 0 : countField(record, 'price');
    const quantity = countField(record, 'qty');
    const side = sideOf(record.side);
    const symbol = textField(record, 'symbol');
    const selfTrade = record.selfTrade === undefined ? null : SELF_TRADES.find((each) => each === record.selfTrade);
    if (symbol === null || price === null || quantity === null || side === null) return null;
    if (type === null || timeInForce === null || selfTrade === undefined) return null;
    const terms = { kind: 'new', symbol: this.#symbolOf(symbol), side, type, timeInForce, price, quantity, selfTrade };
    return Object.assign(this.#command, terms) as Command;
  }

  #readTarget(record: JsonRecord): boolean {
    const target = this.#target.hold(textField(record, 'target') ?? '');
    if (target !== null) pointAt(this.#command.target, target);
    return target !== null;
  }

  #symbolOf(text: string): number {
    const view = text.length > LONGEST_SYMBOL ? null : this.#symbol.hold(text);
    return view === null ? -1 : this.#exchange.symbol(view);
  }
}

const sideOf = (value: unknown): 0 | 1 | null => (value === 'B' ? 0 : value === 'S' ? 1 : null);

/** The place of a word in a closed list; null when it is not in it. */
const wordAt = (words: readonly string[], value: unknown, fallback: string): number | null => {
  const at = words.indexOf(value === undefined ? fallback : String(value));
  return at < 0 ? null : at;
};
