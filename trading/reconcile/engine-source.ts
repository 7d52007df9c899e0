import type { JsonRecord } from '../base/json-record.ts';
import type { Address } from '../load/line-connection.ts';
import { LineExchange } from '../load/line-exchange.ts';
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
    const exchange = await newestPrimary(options.addresses, deadlineMs);
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

/** Of those that answer within the deadline the one with the highest epoch. */
const newestPrimary = async (addresses: readonly Address[], deadlineMs: number): Promise<LineExchange> => {
  const attempts = await Promise.all(addresses.map((address) => logon(address, deadlineMs)));
  const found = attempts.flatMap((attempt) => (attempt.kind === 'primary' ? [attempt] : []));
  const [best, ...others] = found.toSorted((left, right) => right.epoch - left.epoch);
  for (const { exchange } of others) exchange.close();
  if (best !== undefined) return best.exchange;
  const reasons = attempts.flatMap((attempt) => (attempt.kind === 'refused' ? [attempt.reason] : []));
  throw new Error(`no engine is primary (${reasons.join('; ')})`);
};

type Attempt =
  | { readonly kind: 'primary'; readonly exchange: LineExchange; readonly epoch: number }
  | { readonly kind: 'refused'; readonly reason: string };

const logon = async (address: Address, deadlineMs: number): Promise<Attempt> => {
  const name = `${address.host}:${address.port}`;
  const exchange = LineExchange.open(name, address);
  try {
    const answer = await exchange.ask({ t: 'logon', client: 'reconcile' }, deadlineMs);
    if (answer['t'] !== 'logon-ok') throw new Error(`${name}: ${String(answer['code'])}`);
    return { kind: 'primary', exchange, epoch: new MessageFields(name, answer).count('epoch') };
  } catch (error) {
    exchange.close();
    return { kind: 'refused', reason: error instanceof Error ? error.message : String(error) };
  }
};

const pageSize = 1000;
