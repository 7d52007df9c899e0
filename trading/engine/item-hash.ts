import { type BytesTable, mixIn, spread } from './bytes-table.ts';
import { ITEM_KIND, type OrderPool } from './order-pool.ts';

/** The columns that a hash is computed from. */
interface Columns {
  readonly ids: BytesTable;
  readonly texts: BytesTable;
  readonly items: OrderPool;
}

const HIGH = 0x1_0000_0000;

/** Takes a safe integer into a hash. */
export const mixWide = (hash: number, value: number): number => mixIn(mixIn(hash, value | 0), value / HIGH);

/** Hash of what never changes in an order or cancel. Of contents, not of numbers that were given to texts. */
export const lastingHash = ({ ids, texts, items }: Columns, item: number): number => {
  const about = items.about(item);
  const rest = (items.venue(item) << 5) | (items.isGtc(item) ? 16 : 0);
  let hash = mixIn(ids.hashOf(item), (items.kind(item) << 2) | items.side(item) | rest);
  hash = mixIn(hash, texts.hashOf(items.client(item)));
  if (items.kind(item) === ITEM_KIND.order) hash = mixIn(hash, texts.hashOf(about));
  else hash = mixIn(hash, about === -1 ? texts.hashOf(items.targetText(item)) : ids.hashOf(about));
  hash = mixWide(hash, items.sequence(item));
  hash = mixWide(hash, items.epoch(item));
  hash = mixWide(hash, items.price(item));
  return mixWide(hash, items.quantity(item));
};

/** Hash of all of it as it is now, given that of what never changes. */
export const changingHash = ({ ids, texts, items }: Columns, item: number, lasting: number): number => {
  const code = items.code(item);
  const replacedBy = items.kind(item) === ITEM_KIND.order ? items.replacedBy(item) : 0;
  let hash = mixIn(lasting, items.state(item) | (items.withdrawn(item) << 3));
  hash = mixIn(hash, code === 0 ? 0 : texts.hashOf(code - 1));
  if (replacedBy !== 0) hash = mixIn(hash, ids.hashOf(replacedBy - 1));
  return spread(mixWide(hash, items.filled(item)));
};
