import type { JsonRecord } from '../base/json-record.ts';
import { type Address, LineConnection } from './line-connection.ts';

/** One connection on which messages are awaited one after the other; every wait has a deadline. */
export class LineExchange {
  readonly #connection: LineConnection;
  readonly #received: JsonRecord[] = [];
  readonly #name: string;
  #waiting: (() => void) | null = null;
  #closedBecause: string | null = null;

  private constructor(name: string, address: Address) {
    this.#name = name;
    this.#connection = new LineConnection(address, {
      message: (message) => {
        this.#received.push(message);
        if (this.#received.length >= pauseAt) this.#connection.pause();
        this.#wake();
      },
      closed: (reason) => {
        this.#closedBecause = reason;
        this.#wake();
      },
    });
  }

  /** Connects lazily: a refused connection shows at the first `next`. */
  static open(name: string, address: Address): LineExchange {
    return new LineExchange(name, address);
  }

  async ask(message: object, deadlineMs: number): Promise<JsonRecord> {
    this.#connection.send(message);
    return this.next(deadlineMs);
  }

  send(message: object): void {
    this.#connection.send(message);
  }

  /** The next message that has arrived or arrives; throws when there is none by the deadline. */
  async next(deadlineMs: number): Promise<JsonRecord> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const message = this.#received.shift();
      if (this.#received.length < pauseAt / 2) this.#connection.resume();
      if (message !== undefined) return message;
      if (this.#closedBecause !== null) throw new Error(`${this.#name}: connection lost (${this.#closedBecause})`);
      if (performance.now() >= deadline) throw new Error(`${this.#name}: no answer within ${deadlineMs} ms`);
      await this.#somethingOr(deadline - performance.now());
    }
  }

  close(): void {
    this.#connection.close();
  }

  #somethingOr(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), Math.max(1, ms));
      this.#waiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }
}

const pauseAt = 10_000;
