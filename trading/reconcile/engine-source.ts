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

/**
 * Of those that answer soon after the first one, the one with the highest epoch. A frozen address is not waited for: a primary
 * whose lease has run out releases no answer, so whoever does answer is not an old one for longer than that.
 */
const newestPrimary = async (addresses: readonly Address[], deadlineMs: number): Promise<LineExchange> => {
  const candidates = addresses.map((address) => LineExchange.open(`${address.host}:${address.port}`, address));
  const primaries: { readonly exchange: LineExchange; readonly epoch: number }[] = [];
  const refusals: string[] = [];
  const attempts = candidates.map(async (exchange) => {
    try {
      primaries.push({ exchange, epoch: await logon(exchange, deadlineMs) });
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
      throw error;
    }
  });
  const all = Promise.allSettled(attempts);
  const firstAndGrace = Promise.any(attempts).then(() => new Promise((resolve) => setTimeout(resolve, graceMs)));
  await Promise.race([all, firstAndGrace.catch(() => all)]);
  const best = primaries.toSorted((left, right) => right.epoch - left.epoch)[0]?.exchange;
  for (const exchange of candidates) if (exchange !== best) exchange.close();
  if (best === undefined) throw new Error(`no engine is primary (${refusals.join('; ')})`);
  return best;
};

const logon = async (exchange: LineExchange, deadlineMs: number): Promise<number> => {
  const answer = await exchange.ask({ t: 'logon', client: 'reconcile' }, deadlineMs);
  if (answer['t'] !== 'logon-ok') throw new Error(`it answered ${String(answer['code'] ?? answer['t'])}`);
  return new MessageFields('the engine', answer).count('epoch');
};

const pageSize = 1000;
/** What another address may need longer than the first that answers. */
const graceMs = 100;
