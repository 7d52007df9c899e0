import { type BytesTable, mixIn, spread } from './bytes-table.ts';
import {
  HEAD_BITS,
  ITEM_KIND,
  ITEM_NUMBER,
  ITEM_NUMBERS,
  ITEM_WORD,
  ITEM_WORDS,
  type ItemPage,
  type OrderPool,
  placeInPage,
} from './order-pool.ts';

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
  const { words, numbers } = items.pageOf(item);
  const word = placeInPage(item) * ITEM_WORDS;
  const number = placeInPage(item) * ITEM_NUMBERS;
  const head = words[word + ITEM_WORD.head]!;
  const about = words[word + ITEM_WORD.about]!;
  const venue = words[word + ITEM_WORD.venue]!;
  const kind = head & 0xff;
  const rest = ((venue & 0xff) << 5) | ((venue >>> 8) << 4);
  let hash = mixIn(ids.hashOf(item), (kind << 2) | ((head >>> HEAD_BITS.side) & 0xff) | rest);
  hash = mixIn(hash, texts.hashOf(words[word + ITEM_WORD.client]!));
  if (kind === ITEM_KIND.order) hash = mixIn(hash, texts.hashOf(about));
  else hash = mixIn(hash, about === -1 ? texts.hashOf(words[word + ITEM_WORD.link]!) : ids.hashOf(about));
  hash = mixWide(hash, numbers[number + ITEM_NUMBER.sequence]!);
  hash = mixWide(hash, numbers[number + ITEM_NUMBER.epoch]!);
  hash = mixWide(hash, numbers[number + ITEM_NUMBER.price]!);
  return mixWide(hash, numbers[number + ITEM_NUMBER.quantity]!);
};

/** Hash of all of an item as it is now, given that of what never changes; a signed word. */
export const changingHash = (
  { ids, texts }: Columns,
  { words, numbers }: ItemPage,
  place: number,
  lasting: number,
): number => {
  const word = place * ITEM_WORDS;
  const head = words[word + ITEM_WORD.head]!;
  const code = words[word + ITEM_WORD.code]!;
  const link = words[word + ITEM_WORD.link]!;
  let hash = mixIn(lasting, ((head >>> HEAD_BITS.state) & 0xff) | ((head >>> HEAD_BITS.withdrawn) << 3));
  hash = mixIn(hash, code === 0 ? 0 : texts.hashOf(code - 1));
  if (link !== 0 && (head & 0xff) === ITEM_KIND.order) hash = mixIn(hash, ids.hashOf(link - 1));
  return spread(mixWide(hash, numbers[place * ITEM_NUMBERS + ITEM_NUMBER.filled]!)) | 0;
};
