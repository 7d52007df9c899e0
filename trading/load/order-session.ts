import type { JsonRecord } from '../base/json-record.ts';
import { monoMs } from './clock.ts';
import type { ChangedTerms, OrderTerms, Side } from './ledger-record.ts';
import { type Address, LineConnection } from './line-connection.ts';

export type OrderRequest =
  | ({ readonly t: 'new'; readonly id: string } & OrderTerms)
  | { readonly t: 'cancel'; readonly id: string; readonly target: string }
  | ({ readonly t: 'replace'; readonly id: string; readonly target: string } & ChangedTerms);

export type OrderAnswer =
  | { readonly t: 'ack'; readonly id: string; readonly seq: number; readonly epoch: number }
  | { readonly t: 'reject'; readonly id: string; readonly code: string }
  | {
      readonly t: 'fill';
      readonly id: string;
      readonly exec: string;
      readonly price: number;
      readonly qty: number;
      readonly seq: number;
      readonly epoch: number;
    }
  | {
      readonly t: 'cancelled';
      readonly id: string;
      readonly target: string;
      readonly seq: number;
      readonly epoch: number;
    }
  | ({
      readonly t: 'replaced';
      readonly id: string;
      readonly target: string;
      readonly seq: number;
      readonly epoch: number;
    } & ChangedTerms);

/** A request as the engine knows it: an order, or a cancel or replace when `target` is set. A cancel has no terms, a replace price and total. */
export interface EngineOrder extends OrderTerms {
  readonly id: string;
  readonly target: string | null;
  readonly state: string;
  readonly filled: number;
  readonly seq: number;
  readonly epoch: number;
}

export interface OrderSessionSink {
  ready(session: OrderSession): void;
  answered(answer: OrderAnswer, session: OrderSession): void;
  /** Answer to one `query`; ids that are missing from it are not known to the engine. */
  queried(ids: readonly string[], orders: readonly EngineOrder[], session: OrderSession): void;
  closed(session: OrderSession, reason: string): void;
}

/** One logged-on connection of one client to whatever engine stands behind a front. */
export class OrderSession {
  readonly site: string;
  readonly client: string;
  readonly startedAt = monoMs();
  readonly #connection: LineConnection;
  readonly #sink: OrderSessionSink;
  readonly #queries: (readonly string[])[] = [];
  epoch = 0;
  instance = '';
  /** Logged on and not closed. Says nothing about whether the peer still lives. */
  ready = false;

  constructor(options: { site: string; client: string; address: Address; sink: OrderSessionSink }) {
    this.site = options.site;
    this.client = options.client;
    this.#sink = options.sink;
    this.#connection = new LineConnection(options.address, {
      connected: () => this.#connection.send({ t: 'logon', client: options.client }),
      message: (message) => this.#receive(message),
      closed: (reason) => {
        this.ready = false;
        this.#sink.closed(this, reason);
      },
    });
  }

  get lastHeardAt(): number {
    return this.#connection.lastHeardAt;
  }

  get congested(): boolean {
    return this.#connection.backlogBytes > maxBacklogBytes;
  }

  /** Tells the engine again that this is the client's session: events go to the one that logged on last. */
  reassert(): void {
    this.#connection.send({ t: 'logon', client: this.client });
  }

  send(requests: readonly OrderRequest[]): void {
    let lines = '';
    for (const request of requests) lines += `${JSON.stringify(request)}\n`;
    this.#connection.sendText(lines);
  }

  query(ids: readonly string[]): void {
    this.#queries.push(ids);
    this.#connection.send({ t: 'query', ids });
  }

  close(): void {
    this.#connection.close();
  }

  #receive(message: JsonRecord): void {
    if (!this.ready) {
      if (message['t'] !== 'logon-ok') {
        this.#connection.close(`refused: ${String(message['code'] ?? message['t'])}`);
        return;
      }
      this.epoch = Number(message['epoch']);
      this.instance = String(message['instance']);
      this.ready = true;
      this.#sink.ready(this);
      return;
    }
    switch (message['t']) {
      case 'ack':
      case 'reject':
      case 'fill':
      case 'cancelled':
      case 'replaced':
        this.#sink.answered(message as unknown as OrderAnswer, this);
        return;
      case 'orders':
        this.#sink.queried(this.#queries.shift() ?? [], parseOrders(message['orders']), this);
        return;
      default:
    }
  }
}

const maxBacklogBytes = 1024 * 1024;

export const parseOrders = (value: unknown): EngineOrder[] => {
  if (!Array.isArray(value)) return [];
  return value.map((each: JsonRecord) => ({
    id: String(each['id']),
    target: typeof each['target'] === 'string' ? each['target'] : null,
    symbol: String(each['symbol']),
    side: each['side'] as Side,
    price: Number(each['price']),
    qty: Number(each['qty']),
    state: String(each['state']),
    filled: Number(each['filled'] ?? 0),
    seq: Number(each['seq']),
    epoch: Number(each['epoch']),
  }));
};
