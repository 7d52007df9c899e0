import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import type { Side } from '../positions/trade.ts';
import type { OrderState } from './book.ts';

/** Reads one message of another process. What is missing or of the wrong kind throws: half a book is no book. */
export class MessageFields {
  readonly #from: string;
  readonly #message: JsonRecord;

  constructor(from: string, message: JsonRecord) {
    this.#from = from;
    this.#message = message;
  }

  text(name: string): string {
    return textField(this.#message, name) ?? this.#strange(name);
  }

  count(name: string): number {
    return countField(this.#message, name) ?? this.#strange(name);
  }

  /** A safe integer of either sign. */
  integer(name: string): number {
    const value = this.#message[name];
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : this.#strange(name);
  }

  side(): Side {
    const side = this.#message['side'];
    return side === 'B' || side === 'S' ? side : this.#strange('side');
  }

  state(): OrderState {
    const state = this.#message['state'];
    return orderStates.find((each) => each === state) ?? this.#strange('state');
  }

  #strange(name: string): never {
    throw new Error(`${this.#from} sent a message whose ${name} cannot be relied on: ${JSON.stringify(this.#message)}`);
  }
}

const orderStates: readonly OrderState[] = ['pending', 'open', 'filled', 'cancelled', 'rejected'];
