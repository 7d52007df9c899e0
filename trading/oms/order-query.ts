import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import { activeStates } from './schema.ts';

/** A question about stored orders or trades, read from a message. */
export interface OrderQuery {
  readonly of: 'orders' | 'trades';
  readonly text: string;
  readonly values: readonly (string | number)[];
  readonly limit: number;
}

export const mostRowsPerPage = 1000;

const states: readonly string[] = ['pending', 'open', 'filled', 'cancelled', 'rejected'];

const orderColumns = `o.id, o.client, o.symbol, o.side, o.price::float8 AS price, o.qty::float8 AS qty, o.state,
  o.filled::float8 AS filled, o.seq::float8 AS seq, o.epoch::float8 AS epoch,
  floor(extract(epoch FROM o.stored_at) * 1000)::float8 AS "storedAtMs"`;

const tradeColumns = `t.exec, t.order_id AS "order", o.client, o.symbol, o.side, t.price::float8 AS price, t.qty::float8 AS qty,
  t.venue, t.seq::float8 AS seq, t.epoch::float8 AS epoch, floor(extract(epoch FROM t.stored_at) * 1000)::float8 AS "storedAtMs"`;

const orders = { of: 'orders', select: `SELECT ${orderColumns} FROM public.orders AS o`, row: 'o' } as const;
const trades = {
  of: 'trades',
  select: `SELECT ${tradeColumns} FROM public.trades AS t JOIN public.orders AS o ON o.id = t.order_id`,
  row: 't',
} as const;

/** Null when the message is none of the questions, or has a field that cannot be what it should. */
export const readOrderQuery = (message: JsonRecord): OrderQuery | null => {
  switch (message['t']) {
    case 'open-orders':
      return query(message, orders, ['client', 'symbol'], `o.state IN (${activeStates})`);
    case 'orders':
      return query(message, orders, ['id', 'client', 'symbol', 'state', 'from', 'to']);
    case 'trades':
      return query(message, trades, ['order', 'client', 'symbol', 'venue', 'from', 'to']);
    default:
      return null;
  }
};

type Filter = 'id' | 'order' | 'client' | 'symbol' | 'venue' | 'state' | 'from' | 'to';

/** Rows come in order of their sequence, which a page goes on from. */
const query = (
  message: JsonRecord,
  source: typeof orders | typeof trades,
  filters: readonly Filter[],
  only: string | null = null,
): OrderQuery | null => {
  const after = message['after'] === undefined ? 0 : countField(message, 'after');
  const limit = message['limit'] === undefined ? mostRowsPerPage : countField(message, 'limit');
  if (after === null || limit === null || limit < 1) return null;
  const rows = Math.min(limit, mostRowsPerPage);
  const values: (string | number)[] = [after, rows + 1];
  const conditions = [`${source.row}.seq > $1`, ...(only === null ? [] : [only])];
  for (const filter of filters) {
    if (message[filter] === undefined) continue;
    const value = filterValue(message, filter);
    if (value === null) return null;
    values.push(value);
    conditions.push(conditionOf(filter, source.row, `$${values.length}`));
  }
  const text = `${source.select} WHERE ${conditions.join(' AND ')} ORDER BY ${source.row}.seq LIMIT $2`;
  return { of: source.of, text, values, limit: rows };
};

const filterValue = (message: JsonRecord, filter: Filter): string | number | null => {
  if (filter === 'from' || filter === 'to') {
    const atMs = countField(message, filter);
    return atMs === null || atMs > latestMs ? null : atMs;
  }
  const text = textField(message, filter);
  return text === null || text.length > longestText || (filter === 'state' && !states.includes(text)) ? null : text;
};

const conditionOf = (filter: Filter, row: 'o' | 't', value: string): string => {
  switch (filter) {
    case 'order':
      return `t.order_id = ${value}`;
    case 'venue':
      return `t.venue = ${value}`;
    case 'from':
      return `${row}.stored_at >= to_timestamp(${value}::float8 / 1000)`;
    case 'to':
      return `${row}.stored_at < to_timestamp(${value}::float8 / 1000)`;
    default:
      return `o.${filter} = ${value}`;
  }
};

const longestText = 255;
/** The year 9999: beyond what anybody asks and within what PostgreSQL knows. */
const latestMs = 253_402_300_799_000;
