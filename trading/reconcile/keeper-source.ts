import type { JsonRecord } from '../base/json-record.ts';
import type { Address } from '../load/line-connection.ts';
import { LineExchange } from '../load/line-exchange.ts';
import type { Trade } from '../positions/trade.ts';
import type { Book, PositionLine } from './book.ts';
import type { BookSource } from './book-source.ts';
import { MessageFields } from './message-fields.ts';

/**
 * The position keeper's book: its positions as it states them, and the trades that it computed them from. Of several keepers the one
 * that hears the engine of the highest epoch.
 */
export const keeperSource = (options: {
  readonly name: string;
  readonly addresses: readonly Address[];
}): BookSource => ({
  name: options.name,
  read: async ({ deadlineMs, atLeast }) => {
    const exchange = await listeningKeeper(options.name, options.addresses, deadlineMs);
    try {
      await untilCaughtUp(exchange, { atLeast, deadlineMs });
      return await readBook(options.name, exchange, deadlineMs);
    } finally {
      exchange.close();
    }
  },
});

const listeningKeeper = async (
  name: string,
  addresses: readonly Address[],
  deadlineMs: number,
): Promise<LineExchange> => {
  const exchanges = addresses.map((address) => LineExchange.open(name, address));
  if (exchanges.length === 1) return exchanges[0]!;
  const asked = await Promise.all(
    exchanges.map(async (exchange) => {
      try {
        const status = await exchange.ask({ t: 'status' }, deadlineMs);
        return { exchange, connected: status['connected'] === true, epoch: Number(status['epoch']) };
      } catch {
        return { exchange, connected: false, epoch: -1 };
      }
    }),
  );
  const [best] = asked.toSorted(
    (left, right) => Number(right.connected) - Number(left.connected) || right.epoch - left.epoch,
  );
  for (const { exchange } of asked) if (exchange !== best?.exchange) exchange.close();
  if (best === undefined) throw new Error('no position keeper is configured');
  return best.exchange;
};

const untilCaughtUp = async (
  exchange: LineExchange,
  { atLeast, deadlineMs }: { readonly atLeast: number | null; readonly deadlineMs: number },
): Promise<void> => {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const status = await exchange.ask({ t: 'status' }, deadlineMs);
    const through = new MessageFields('the position keeper', status).count('through');
    if (typeof status['problem'] === 'string') throw new Error(`the position keeper says: ${status['problem']}`);
    if (atLeast === null && status['connected'] !== true)
      throw new Error(`the position keeper hears no engine and stands at entry ${through}`);
    if (through >= (atLeast ?? 0)) return;
    if (performance.now() > deadline)
      throw new Error(`the position keeper is at entry ${through}, the engine at ${atLeast}`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
};

const readBook = async (name: string, exchange: LineExchange, deadlineMs: number): Promise<Book> => {
  exchange.send({ t: 'book' });
  const positions: PositionLine[] = [];
  const fills: Trade[] = [];
  for (;;) {
    const message = await exchange.next(deadlineMs);
    if (message['t'] === 'book-end') return { name, positions, fills, orders: null };
    if (message['t'] === 'position') positions.push(parsePosition(message));
    else if (message['t'] === 'trade') fills.push(parseTrade(message));
    else if (message['t'] !== 'book' && message['t'] !== 'unbooked')
      throw new Error(`the position keeper answered ${JSON.stringify(message)}`);
  }
};

const parsePosition = (message: JsonRecord): PositionLine => {
  const fields = new MessageFields('the position keeper', message);
  return { account: fields.text('account'), symbol: fields.text('symbol'), lots: fields.integer('lots') };
};

const parseTrade = (message: JsonRecord): Trade => {
  const fields = new MessageFields('the position keeper', message);
  return {
    exec: fields.text('exec'),
    order: fields.text('order'),
    account: fields.text('account'),
    symbol: fields.text('symbol'),
    side: fields.side(),
    price: fields.count('price'),
    qty: fields.count('qty'),
  };
};

const lookEveryMs = 10;
