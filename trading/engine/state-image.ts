import { BytesTable, MAX_KEY_BYTES } from './bytes-table.ts';
import { OrderPool } from './order-pool.ts';
import { OrderState, type StateCounters } from './order-state.ts';
import { MOST_VENUES, VenueNumbers } from './venue-numbers.ts';

const COUNTER_NAMES = ['applied', 'orders', 'active', 'breaks', 'fills'] as const;
/** Counters, then how many there are of everything, then the last report of each exchange. */
const NUMBERS = COUNTER_NAMES.length + 4;
const HEAD_BYTES = 8 * (NUMBERS + MOST_VENUES);

/**
 * An order state as bytes: counters, then the ids, the texts, the exchanges and the items in the order of
 * their numbers. What can be computed
 * from these (tables, lists, hashes) is not in it.
 */
export const writeImage = (state: OrderState): Buffer => {
  const { ids, texts, items, venues, counters } = state;
  const image = Buffer.alloc(HEAD_BYTES + keyBytes(ids) + keyBytes(texts) + keyBytes(venues.names) + items.imageBytes);
  const reports = Array.from({ length: MOST_VENUES }, (_, venue) => venues.lastReport(venue));
  const counts = [ids.count, texts.count, venues.count, items.count];
  const numbers = [...COUNTER_NAMES.map((name) => counters[name]), ...counts, ...reports];
  for (const [at, number] of numbers.entries()) image.writeDoubleLE(number, at * 8);
  let end = writeKeys(ids, image, HEAD_BYTES);
  end = writeKeys(texts, image, end);
  end = writeKeys(venues.names, image, end);
  items.writeImage(image, end);
  return image;
};

/** The state that an image holds. Throws when it is not one. */
export const readImage = (image: Buffer): OrderState => {
  if (image.length < HEAD_BYTES) throw new Error('the image is shorter than its counters');
  const numbers = Array.from({ length: NUMBERS + MOST_VENUES }, (_, at) => image.readDoubleLE(at * 8));
  const counters = Object.fromEntries(
    COUNTER_NAMES.map((name, at) => [name, numbers[at]!]),
  ) as unknown as StateCounters;
  const [idCount, textCount, venueCount, itemCount] = numbers.slice(COUNTER_NAMES.length) as [
    number,
    number,
    number,
    number,
  ];
  const ids = new BytesTable();
  const texts = new BytesTable();
  const names = new BytesTable();
  let end = readKeys(ids, image, HEAD_BYTES, idCount);
  end = readKeys(texts, image, end, textCount);
  end = readKeys(names, image, end, venueCount);
  const items = OrderPool.fromImage(image, end, itemCount);
  if (end + items.imageBytes !== image.length) throw new Error('the image is longer or shorter than what it holds');
  const venues = new VenueNumbers({ names, reports: numbers.slice(NUMBERS) });
  return OrderState.restored({ counters, ids, texts, items, venues });
};

const keyBytes = (table: BytesTable): number => {
  let bytes = 0;
  for (let number = 0; number < table.count; number++) bytes += 1 + table.lengthOf(number);
  return bytes;
};

const writeKeys = (table: BytesTable, image: Buffer, offset: number): number => {
  let at = offset;
  for (let number = 0; number < table.count; number++) {
    const length = table.copy(number, image, at + 1);
    image[at] = length;
    at += 1 + length;
  }
  return at;
};

const readKeys = (table: BytesTable, image: Buffer, offset: number, count: number): number => {
  let at = offset;
  for (let number = 0; number < count; number++) {
    const length = image[at] ?? MAX_KEY_BYTES + 1;
    if (at + 1 + length > image.length) throw new Error('the image ends within its keys');
    if (table.put(image, at + 1, length) !== number) throw new Error('the image holds a key twice');
    at += 1 + length;
  }
  return at;
};
