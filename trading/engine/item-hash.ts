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
const FOLDED_BY = 0x9e3779b1;
/** Above the bits of state and withdrawal. */
const HAS = { code: 16, link: 32, filled: 64 } as const;

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

/** A safe integer as one word: below 2^32 itself. */
const folded = (value: number): number => (value < HIGH ? value | 0 : (value | 0) ^ Math.imul(value / HIGH, FOLDED_BY));

/**
 * Hash of what never changes in an order or cancel. Of contents, not of numbers that were given to texts. Numbers are mixed beside one
 * another, not one after the other, as a processor can.
 */
export const lastingHash = ({ ids, texts, items }: Columns, item: number): number => {
  const { words, numbers } = items.pageOf(item);
  const word = placeOf(item) * WORDS;
  const number = placeOf(item) * NUMBERS;
  const head = words[word + HEAD]!;
  const about = words[word + ABOUT]!;
  const venue = words[word + VENUE]!;
  const kind = head & 0xff;
  const rest = ((venue & 0xff) << 5) | ((venue >>> 8) << 4);
  const when = mix(folded(numbers[number + SEQUENCE]!), folded(numbers[number + EPOCH]!));
  const terms = mix(folded(numbers[number + PRICE]!), folded(numbers[number + QUANTITY]!));
  let hash = mix(ids.hashOf(item), (kind << 2) | ((head >>> SIDE_BITS) & 0xff) | rest);
  hash = mix(hash, texts.hashOf(words[word + CLIENT]!));
  if (kind === ORDER) hash = mix(hash, texts.hashOf(about));
  else hash = mix(hash, about === -1 ? texts.hashOf(words[word + LINK]!) : ids.hashOf(about));
  return mix(mix(hash, when), terms);
};

/** Hash of all of an item as it is now, given that of what never changes; a signed word. What it does not have is not mixed in. */
export const changingHash = (
  { ids, texts }: Columns,
  { words, numbers }: ItemPage,
  place: number,
  lasting: number,
): number => {
  const word = place * WORDS;
  const head = words[word + HEAD]!;
  const code = words[word + CODE]!;
  const link = (head & 0xff) === ORDER ? words[word + LINK]! : 0;
  const filled = numbers[place * NUMBERS + FILLED]!;
  const has = (code === 0 ? 0 : HAS.code) | (link === 0 ? 0 : HAS.link) | (filled === 0 ? 0 : HAS.filled);
  let hash = mix(lasting, ((head >>> STATE_BITS) & 0xff) | ((head >>> WITHDRAWN_BITS) << 3) | has);
  if (code !== 0) hash = mix(hash, texts.hashOf(code - 1));
  if (link !== 0) hash = mix(hash, ids.hashOf(link - 1));
  if (filled !== 0) hash = mix(hash, folded(filled));
  return finish(hash) | 0;
};
