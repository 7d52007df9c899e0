import { pointAt } from '../../base/id-view.ts';
import { CANCEL, MASS_CANCEL, NEW, REPLACE } from '../../venue-protocol/layout.ts';
import {
  CancelMessage,
  decodeCancel,
  decodeMassCancel,
  decodeNew,
  decodeReplace,
  MassCancelMessage,
  NewMessage,
  ReplaceMessage,
} from '../../venue-protocol/requests.ts';
import { Command } from '../core/command.ts';
import type { Exchange } from '../core/exchange.ts';
import { SELF_TRADES } from '../core/terms.ts';

export interface ReadRequest {
  readonly command: Command;
  /** The message's own; null = the session's. */
  epoch: number | null;
  dry: boolean;
}

/** Turns messages into commands without allocating. What is returned is used again for the next message. */
export class BinaryRequest {
  readonly #exchange: Exchange;
  readonly #read: ReadRequest = { command: new Command(), epoch: null, dry: false };
  readonly #new = new NewMessage();
  readonly #cancel = new CancelMessage();
  readonly #replace = new ReplaceMessage();
  readonly #massCancel = new MassCancelMessage();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Null when a field cannot be what it says. */
  read(type: number, bytes: Uint8Array, view: DataView, at: number): ReadRequest | null {
    const read = this.#read;
    const { command } = read;
    read.dry = false;
    command.symbol = -1;
    command.selfTrade = null;
    switch (type) {
      case NEW.type: {
        const message = this.#new;
        if (!decodeNew(bytes, view, at, message)) return null;
        command.kind = 'new';
        pointAt(command.id, message.id);
        command.symbol = this.#exchange.symbol(message.symbol);
        command.price = message.price;
        command.quantity = message.quantity;
        command.side = message.side as Command['side'];
        command.type = message.type as Command['type'];
        command.timeInForce = message.timeInForce as Command['timeInForce'];
        command.selfTrade = SELF_TRADES[message.selfTrade - 1] ?? null;
        read.dry = message.dry === 1;
        return this.#withEpoch(message.epoch);
      }
      case CANCEL.type: {
        const message = this.#cancel;
        if (!decodeCancel(bytes, view, at, message)) return null;
        command.kind = 'cancel';
        pointAt(command.id, message.id);
        pointAt(command.target, message.target);
        return this.#withEpoch(message.epoch);
      }
      case REPLACE.type: {
        const message = this.#replace;
        if (!decodeReplace(bytes, view, at, message)) return null;
        command.kind = 'replace';
        pointAt(command.id, message.id);
        pointAt(command.target, message.target);
        command.price = message.price;
        command.quantity = message.quantity;
        return this.#withEpoch(message.epoch);
      }
      case MASS_CANCEL.type: {
        const message = this.#massCancel;
        if (!decodeMassCancel(bytes, view, at, message)) return null;
        command.kind = 'mass-cancel';
        pointAt(command.id, message.id);
        if (message.symbol.length > 0) {
          command.symbol = this.#exchange.symbol(message.symbol);
          if (command.symbol < 0) return null;
        }
        command.side = (message.side - 1) as Command['side'];
        return this.#withEpoch(message.epoch);
      }
      default:
        return null;
    }
  }

  #withEpoch(epoch: number): ReadRequest {
    this.#read.epoch = epoch === 0 ? null : epoch;
    return this.#read;
  }
}
