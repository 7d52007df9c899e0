import type { JsonRecord } from '../base/json-record.ts';
import type { Address } from '../load/line-connection.ts';
import type { LineExchange } from '../load/line-exchange.ts';
import { newestPrimary } from '../load/newest-primary.ts';
import { type Book, type BookOrder, positionsFromOrders } from './book.ts';
import type { EngineSource } from './book-source.ts';
import { MessageFields } from './message-fields.ts';

/** The engine's orders, asked over its client protocol (`query-all`) from whichever address has a primary behind it. */
export const engineSource = (options: {
  readonly name: string;
  readonly addresses: readonly Address[];
}): EngineSource => ({
  name: options.name,
  read: async ({ deadlineMs }) => {
    const exchange = await newestPrimary({ addresses: options.addresses, client: 'reconcile', deadlineMs });
    try {
      const orders = await allOrders(exchange, deadlineMs);
      const last = orders.at(-1)?.seq ?? 0;
      const subscribed = await exchange.ask({ t: 'subscribe', after: last }, deadlineMs);
      const end = new MessageFields(options.name, subscribed).count('end');
      const known = orders.map(({ order }) => order);
      const book: Book = { name: options.name, orders: known, fills: null, positions: positionsFromOrders(known) };
      return { book, end };
    } finally {
      exchange.close();
    }
  },
});

interface Queried {
  readonly seq: number;
  readonly order: BookOrder;
}

const allOrders = async (exchange: LineExchange, deadlineMs: number): Promise<Queried[]> => {
  const orders: Queried[] = [];
  for (let more = true; more; ) {
    const page = await exchange.ask({ t: 'query-all', after: orders.at(-1)?.seq ?? 0, limit: pageSize }, deadlineMs);
    const list = page['orders'];
    if (page['t'] !== 'orders' || !Array.isArray(list)) throw new Error(`the engine answered ${JSON.stringify(page)}`);
    for (const each of list as JsonRecord[]) orders.push(parseOrder(each));
    more = page['more'] === true && list.length > 0;
  }
  return orders;
};

const parseOrder = (message: JsonRecord): Queried => {
  const fields = new MessageFields('the engine', message);
  const order: BookOrder = {
    id: fields.text('id'),
    account: fields.text('client'),
    symbol: fields.text('symbol'),
    side: fields.side(),
    price: fields.count('price'),
    qty: fields.count('qty'),
    state: fields.state(),
    filled: fields.count('filled'),
  };
  return { seq: fields.count('seq'), order };
};

const pageSize = 1000;
