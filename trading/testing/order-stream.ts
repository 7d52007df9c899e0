import type { JsonRecord } from '../base/json-record.ts';
import { LineClient } from './line-client.ts';

export interface SentOrder {
  readonly id: string;
  readonly symbol: string;
  readonly side: 'B' | 'S';
  readonly price: number;
  readonly qty: number;
}

/** An open-loop flow of orders and cancels that remembers what it sent and what was acknowledged. */
export class OrderStream {
  readonly #timer: NodeJS.Timeout;
  readonly sent = new Map<string, SentOrder>();
  readonly acknowledged = new Map<string, { readonly seq: number; readonly epoch: number }>();
  readonly filled = new Map<string, number>();
  readonly ackMs: number[] = [];
  readonly #sentAtMs = new Map<string, number>();
  cancels = 0;

  constructor(client: LineClient, options: { readonly prefix: string; readonly ordersPerSecond: number }) {
    client.onMessage = (message) => this.#received(message);
    const startedAtMs = performance.now();
    let count = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAtMs) * options.ordersPerSecond) / 1000);
      const messages: object[] = [];
      for (; count < due; count++) messages.push(...this.#next(options.prefix, count));
      if (messages.length > 0 && !client.closed) client.send(...messages);
    }, 5);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #next(prefix: string, count: number): object[] {
    const order: SentOrder = {
      id: `${prefix}-${count}`,
      symbol: `SYM${count % 5}`,
      side: count % 2 === 0 ? 'B' : 'S',
      price: 1000 + (count % 17),
      qty: 1 + (count % 9),
    };
    this.sent.set(order.id, order);
    this.#sentAtMs.set(order.id, performance.now());
    if (count % 3 !== 2) return [{ t: 'new', ...order }];
    this.cancels += 1;
    return [
      { t: 'new', ...order },
      { t: 'cancel', id: `${prefix}-c-${count}`, target: `${prefix}-${count - 2}` },
    ];
  }

  #received(message: JsonRecord): void {
    const id = message.id as string;
    if (message.t === 'ack') {
      this.acknowledged.set(id, { seq: message.seq as number, epoch: message.epoch as number });
      const sentAtMs = this.#sentAtMs.get(id);
      if (sentAtMs !== undefined) this.ackMs.push(performance.now() - sentAtMs);
      this.#sentAtMs.delete(id);
    } else if (message.t === 'fill') this.filled.set(id, (this.filled.get(id) ?? 0) + (message.qty as number));
  }
}

/** All orders that a primary knows, by paging. */
export const allOrders = async (port: number): Promise<Map<string, JsonRecord>> => {
  const orders = new Map<string, JsonRecord>();
  for (let after = 0; ; ) {
    const client = await LineClient.open(port);
    client.send({ t: 'query-all', after, limit: 1000 });
    const page = await client.expect((message) => message.t === 'orders');
    client.close();
    const list = page.orders as JsonRecord[];
    for (const order of list) orders.set(order.id as string, order);
    if (page.more !== true) return orders;
    after = list.at(-1)?.seq as number;
  }
};
