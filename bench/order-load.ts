import { connect, type Socket } from 'node:net';
import { encodeSent, MESSAGE, MESSAGE_BYTES } from '../trading/engine/binary-protocol.ts';

const ORDER_BYTES = MESSAGE_BYTES[MESSAGE.new]!;
const ACK_BYTES = MESSAGE_BYTES[MESSAGE.ack]!;
const ID_AT = 24;
const DIGITS = 10;
const BATCH = 512;
const WARM_UP_BATCH = 16;
const WARM_UP_WINDOW = 512;
const ANSWER_DEADLINE_MS = 60_000;

/** What an open loop saw: microseconds from when each order was *due* to its acknowledgement, sorted. */
export interface Latencies {
  readonly sortedUs: Float64Array;
  /** Orders that the generator itself sent more than a millisecond late. */
  readonly lateShare: number;
}

/** A client that sends binary orders and counts acknowledgements; they come in the order of the orders. */
export class OrderLoad {
  readonly #socket: Socket;
  readonly #template: Buffer;
  #nextId = 0;
  #partial = 0;
  #onAcks: (count: number) => void = () => {};
  #refused: string | null = null;

  private constructor(socket: Socket, prefix: string) {
    this.#socket = socket;
    const id = `${prefix}-${'0'.repeat(DIGITS)}`;
    this.#template = encodeSent({ t: 'new', id, symbol: 'SYM1', side: 'B', price: 1000, qty: 10 });
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  /** Connects; with a client's name it logs on. */
  static open(options: {
    readonly port: number;
    readonly prefix: string;
    readonly client?: string;
  }): Promise<OrderLoad> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        if (options.client === undefined) return resolve(new OrderLoad(socket, options.prefix));
        socket.write(encodeSent({ t: 'logon', client: options.client }));
        socket.once('data', (answer: Buffer) => {
          if (answer[0] !== MESSAGE.logonOk) reject(new Error('the logon was refused'));
          else resolve(new OrderLoad(socket, options.prefix));
        });
      });
    });
  }

  /** So many orders, a few hundred at a time, until all are answered: from then on the server runs code that is compiled. */
  warmUp(orders: number): Promise<void> {
    let [sent, answered] = [0, 0];
    this.#onAcks = (acks) => {
      answered += acks;
    };
    return this.#loop(() => {
      if (sent - answered < WARM_UP_WINDOW && sent < orders) {
        this.#send(WARM_UP_BATCH);
        sent += WARM_UP_BATCH;
      }
      return answered < sent || sent < orders;
    });
  }

  /** Orders at a fixed rate, whatever comes back; the first third is not counted. */
  async openLoop(options: { readonly perSecond: number; readonly seconds: number }): Promise<Latencies> {
    const count = Math.round(options.perSecond * options.seconds);
    const intervalMs = 1000 / options.perSecond;
    const dueAtMs = new Float64Array(count);
    const latencyUs = new Float64Array(count);
    let sent = 0;
    let acknowledged = 0;
    let late = 0;
    const startedAtMs = performance.now() + 2;
    for (let at = 0; at < count; at++) dueAtMs[at] = startedAtMs + at * intervalMs;
    this.#onAcks = (acks) => {
      const nowMs = performance.now();
      for (let at = 0; at < acks; at++) latencyUs[acknowledged + at] = (nowMs - dueAtMs[acknowledged + at]!) * 1000;
      acknowledged += acks;
    };
    await this.#loop(() => {
      const nowMs = performance.now();
      let due = sent;
      while (due < count && dueAtMs[due]! <= nowMs) due += 1;
      for (let at = sent; at < due; at++) if (nowMs - dueAtMs[at]! > 1) late += 1;
      if (due > sent) this.#send(due - sent);
      sent = due;
      return acknowledged < count;
    });
    return { sortedUs: latencyUs.subarray(Math.floor(count / 3)).toSorted(), lateShare: late / count };
  }

  /**
   * As many as possible with so many unanswered: acknowledgements in a second, after a third of the time. It sends when answers
   * come and sleeps otherwise, so that a processor that it does not need is free.
   */
  throughput(options: { readonly window: number; readonly seconds: number }): Promise<number> {
    const startedAtMs = performance.now();
    const countFromMs = startedAtMs + (options.seconds * 1000) / 3;
    const untilMs = startedAtMs + options.seconds * 1000;
    let unanswered = 0;
    let counted = 0;
    let lastAtMs = countFromMs;
    const batch = Math.min(BATCH, options.window / 16);
    const fill = () => {
      while (options.window - unanswered >= batch) {
        this.#send(batch);
        unanswered += batch;
      }
    };
    return new Promise((resolve, reject) => {
      const watch = setInterval(() => {
        const complaint = this.#refused ?? (this.#socket.destroyed ? 'the connection ended' : null);
        if (complaint === null && performance.now() < untilMs + ANSWER_DEADLINE_MS) return;
        clearInterval(watch);
        reject(new Error(complaint ?? `${unanswered} orders were not answered within ${ANSWER_DEADLINE_MS} ms`));
      }, 100);
      this.#onAcks = (acks) => {
        unanswered -= acks;
        const nowMs = performance.now();
        if (nowMs >= countFromMs && nowMs <= untilMs) {
          counted += acks;
          lastAtMs = nowMs;
        }
        if (nowMs <= untilMs) fill();
        else if (unanswered === 0) {
          clearInterval(watch);
          resolve((counted * 1000) / Math.max(1, lastAtMs - countFromMs));
        }
      };
      fill();
    });
  }

  /** Sends one order and waits for its acknowledgement. */
  async first(): Promise<void> {
    let answered = false;
    this.#onAcks = () => {
      answered = true;
    };
    this.#send(1);
    await this.#loop(() => !answered);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Looks again and again, without a timer, until there is nothing more to do. */
  #loop(step: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + ANSWER_DEADLINE_MS;
    return new Promise((resolve, reject) => {
      const turn = () => {
        if (this.#refused !== null) return reject(new Error(this.#refused));
        if (this.#socket.destroyed) return reject(new Error('the connection ended'));
        if (performance.now() > deadlineMs) return reject(new Error('not everything was answered within a minute'));
        if (step()) setImmediate(turn);
        else resolve();
      };
      turn();
    });
  }

  #send(orders: number): void {
    const bytes = Buffer.allocUnsafe(orders * ORDER_BYTES);
    const idEnd = ID_AT + this.#template[2]!;
    for (let at = 0; at < orders; at++) {
      const offset = at * ORDER_BYTES;
      this.#template.copy(bytes, offset);
      let number = this.#nextId++;
      for (let digit = 1; digit <= DIGITS; digit++) {
        bytes[offset + idEnd - digit] = 48 + (number % 10);
        number = Math.floor(number / 10);
      }
    }
    this.#socket.write(bytes);
  }

  #read(chunk: Buffer): void {
    const first = this.#partial === 0 ? 0 : ACK_BYTES - this.#partial;
    for (let at = first; at < chunk.length; at += ACK_BYTES)
      if (chunk[at] !== MESSAGE.ack) {
        this.#refused = `an answer that is no acknowledgement: ${chunk.toString('latin1', at, at + 120)}`;
        return;
      }
    const bytes = this.#partial + chunk.length;
    this.#partial = bytes % ACK_BYTES;
    const acks = Math.floor(bytes / ACK_BYTES);
    if (acks > 0) this.#onAcks(acks);
  }
}
