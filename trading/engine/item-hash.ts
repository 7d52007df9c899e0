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

// What is imported is looked up anew at each use; these are constants of the machine code below.
const mix = mixIn;
const finish = spread;
const [WORDS, NUMBERS, ORDER] = [ITEM_WORDS, ITEM_NUMBERS, ITEM_KIND.order];
const { head: HEAD, client: CLIENT, about: ABOUT, code: CODE, link: LINK, venue: VENUE } = ITEM_WORD;
const { sequence: SEQUENCE, epoch: EPOCH, price: PRICE, quantity: QUANTITY, filled: FILLED } = ITEM_NUMBER;
const { side: SIDE_BITS, state: STATE_BITS, withdrawn: WITHDRAWN_BITS } = HEAD_BITS;
const placeOf = placeInPage;

/** Takes a safe integer into a hash. */
export const mixWide = (hash: number, value: number): number => mix(mix(hash, value | 0), value / HIGH);
const wide = mixWide;

/** Hash of what never changes in an order or cancel. Of contents, not of numbers that were given to texts. */
export const lastingHash = ({ ids, texts, items }: Columns, item: number): number => {
  const { words, numbers } = items.pageOf(item);
  const word = placeOf(item) * WORDS;
  const number = placeOf(item) * NUMBERS;
  const head = words[word + HEAD]!;
  const about = words[word + ABOUT]!;
  const venue = words[word + VENUE]!;
  const kind = head & 0xff;
  const rest = ((venue & 0xff) << 5) | ((venue >>> 8) << 4);
  let hash = mix(ids.hashOf(item), (kind << 2) | ((head >>> SIDE_BITS) & 0xff) | rest);
  hash = mix(hash, texts.hashOf(words[word + CLIENT]!));
  if (kind === ORDER) hash = mix(hash, texts.hashOf(about));
  else hash = mix(hash, about === -1 ? texts.hashOf(words[word + LINK]!) : ids.hashOf(about));
  hash = wide(hash, numbers[number + SEQUENCE]!);
  hash = wide(hash, numbers[number + EPOCH]!);
  hash = wide(hash, numbers[number + PRICE]!);
  return wide(hash, numbers[number + QUANTITY]!);
};

/** Hash of all of an item as it is now, given that of what never changes; a signed word. */
export const changingHash = (
  { ids, texts }: Columns,
  { words, numbers }: ItemPage,
  place: number,
  lasting: number,
): number => {
  const word = place * WORDS;
  const head = words[word + HEAD]!;
  const code = words[word + CODE]!;
  const link = words[word + LINK]!;
  let hash = mix(lasting, ((head >>> STATE_BITS) & 0xff) | ((head >>> WITHDRAWN_BITS) << 3));
  hash = mix(hash, code === 0 ? 0 : texts.hashOf(code - 1));
  if (link !== 0 && (head & 0xff) === ORDER) hash = mix(hash, ids.hashOf(link - 1));
  return finish(wide(hash, numbers[place * NUMBERS + FILLED]!)) | 0;
};
