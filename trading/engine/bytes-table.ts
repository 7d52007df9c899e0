// What a module exports is looked up anew at each use, inside it too; these are constants of the machine code below.
const mixWord = (hash: number, word: number): number => {
  const mixed = Math.imul((hash << 13) | (hash >>> 19), 0x2c1b3c6d) ^ Math.imul(word, 0x297a2d39);
  return mixed ^ (mixed >>> 15);
};

const spreadWord = (hash: number): number => {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
};

/** Takes one more 32-bit word into a hash; `spread` finishes it. */
export const mixIn: (hash: number, word: number) => number = mixWord;

/** Every bit of the input changes about half of the bits of the result, an unsigned 32-bit number. */
export const spread: (hash: number) => number = spreadWord;

/** Hash of some bytes: the same in every process and on every machine. */
export const hashBytes = (bytes: Uint8Array, offset: number, length: number): number => {
  let hash = length;
  let at = offset;
  const end = offset + length;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = mixWord(hash, word);
  }
  let rest = 0;
  for (; at < end; at++) rest = (rest << 8) | bytes[at]!;
  return spreadWord(mixWord(hash, rest));
};

const ARENA_BITS = 16;
const ARENA_BYTES = 1 << ARENA_BITS;
const ARENA_MASK = ARENA_BYTES - 1;
/** Where a key is, and one more, are words of 32 bits. */
const MOST_PAGES = 0xffff;
const COLUMN_BITS = 14;
const COLUMN_ITEMS = 1 << COLUMN_BITS;
const COLUMN_WORDS = 2 * COLUMN_ITEMS;
const FIRST_SLOTS = 4096;
/** Slots of the smaller table that each addition moves: it is through long before the bigger one is full. */
const MOVED_PER_ADDITION = 8;
/** Bits of a key's place that come from what its last two characters count: keys that are counted up lie side by side, a hundred of them. */
const COUNTED = 127;

/** In front of each key in the arena: its number, four bytes, and its length, one. */
const LENGTH_AT = 4;
const KEY_AT = 5;

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** Longest key. */
export const MAX_KEY_BYTES = 255;

/**
 * Byte strings numbered from 0 in the order in which they came, found by content: open addressing over typed arrays. It grows
 * a little with each addition, so that none of them takes long. Keys that differ in what they count at their end are neighbours in
 * the table: ids that count up meet memory that was just used, or that the processor fetched because what lies before it was. A slot leads
 * to the key, and the number lies beside the key. Nothing is ever removed.
 *
 * From a slot that is taken a key goes on by steps of its own, the same for all that count up with it: they are neighbours there as well,
 * and keys that all end alike, which have few places to begin at, part at the second one.
 *
 * Keys are read and compared by words of 32 bits through a `DataView`; who has one asks with `findIn` and `putIn`.
 */
export class BytesTable {
  /** Pairs of place and where the key is + 1; 0 = free. A key's slot is the first free one of those that it is looked for at. */
  #slots = new Int32Array(2 * FIRST_SLOTS);
  /** The table before it grew, while it is being moved. */
  #older: Int32Array | null = null;
  #moved = 0;
  #count = 0;
  /** Keys one after the other, each behind its number and length; none reaches over the end of its page. */
  readonly #arena: DataView<ArrayBuffer>[] = [];
  #arenaPages = 0;
  #arenaEnd = ARENA_BYTES;
  /** Pairs of where a key is and its hash, by number. */
  readonly #entries: Int32Array[] = [];
  /** Of the key that `#placeOf` saw last: all of it mixed, not spread yet. */
  #mixed = 0;
  /** The key that `lookFor` did not find last: where it was, and what was computed for it. */
  #missingView: DataView = NO_VIEW;
  #missingAt = 0;
  #missingLength = 0;
  #missingPlace = 0;
  #missingMixed = 0;
  #missingCount = -1;
  /** The bytes that a key was last asked for in, and their view. */
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = NO_VIEW;

  get count(): number {
    return this.#count;
  }

  /**
   * Takes, and touches, the memory of so many more keys of about this length: none of it is met for the first time later. In large
   * pieces, so that it can be in huge pages.
   */
  reserve(keys: number, keyBytes: number): void {
    const wanted = this.#count + keys;
    if (this.#older === null && this.#slots.length < 4 * wanted) {
      const older = this.#slots;
      let slots = older.length;
      while (slots < 4 * wanted) slots *= 2;
      this.#slots = touched(new Int32Array(slots));
      for (let slot = 0; slot < older.length; slot += 2)
        if (older[slot + 1] !== 0) occupy(this.#slots, older[slot]!, older[slot + 1]!);
    }
    const columns = Math.max(0, Math.ceil(wanted / COLUMN_ITEMS) - this.#entries.length);
    const entries = touched(new Int32Array(columns * COLUMN_WORDS));
    for (let at = 0; at < entries.length; at += COLUMN_WORDS)
      this.#entries.push(entries.subarray(at, at + COLUMN_WORDS));
    const pages = this.#arenaPages + Math.ceil((keys * (keyBytes + KEY_AT)) / ARENA_BYTES) - this.#arena.length;
    const arena = touched(new Int32Array((Math.max(0, pages) * ARENA_BYTES) / 4));
    for (let at = 0; at < arena.byteLength; at += ARENA_BYTES)
      this.#arena.push(new DataView(arena.buffer, at, ARENA_BYTES));
  }

  /** Number of these bytes; −1 when they are not here. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    return this.findIn(this.#viewOf(bytes), offset, length);
  }

  /** Number of these bytes, which are added if they are not here. */
  put(bytes: Uint8Array, offset: number, length: number): number {
    return this.putIn(this.#viewOf(bytes), offset, length);
  }

  /** `find` where the bytes are at hand as a view. */
  findIn(view: DataView, offset: number, length: number): number {
    return this.#find(this.#placeOf(view, offset, length), view, offset, length);
  }

  /** `findIn` of a key that is to be added if it is not here: `addMissing` follows, while the bytes are as they are. */
  lookFor(view: DataView, offset: number, length: number): number {
    const place = this.#placeOf(view, offset, length);
    const known = this.#find(place, view, offset, length);
    if (known !== -1) return known;
    this.#missingView = view;
    this.#missingAt = offset;
    this.#missingLength = length;
    this.#missingPlace = place;
    this.#missingMixed = this.#mixed;
    this.#missingCount = this.#count;
    return -1;
  }

  /**
   * Adds what `lookFor` has just not found at this place, where it is unaltered: neither is it hashed nor the table searched again.
   * Returns its number. After another one was added, or looked for here in vain, this is `putIn`.
   */
  addMissing(view: DataView, offset: number, length: number): number {
    const asked =
      view === this.#missingView &&
      offset === this.#missingAt &&
      length === this.#missingLength &&
      this.#count === this.#missingCount;
    if (!asked) return this.putIn(view, offset, length);
    this.#mixed = this.#missingMixed;
    return this.#add(this.#missingPlace, view, offset, length);
  }

  /** `put` where the bytes are at hand as a view. */
  putIn(view: DataView, offset: number, length: number): number {
    const place = this.#placeOf(view, offset, length);
    const known = this.#find(place, view, offset, length);
    return known !== -1 ? known : this.#add(place, view, offset, length);
  }

  /** A key that is not here yet, and was the last one that `#placeOf` saw. */
  #add(place: number, view: DataView, offset: number, length: number): number {
    if (length > MAX_KEY_BYTES) throw new Error(`a key of ${length} bytes`);
    const where = this.#store(view, offset, length);
    if (this.#older !== null) this.#moveSome(this.#older);
    else if (this.#count * 4 > this.#slots.length) this.#grow();
    occupy(this.#slots, place, where + 1);
    return this.#count - 1;
  }

  /** Hash of the bytes with this number, as a signed word. */
  hashOf(number: number): number {
    return this.#entries[number >>> COLUMN_BITS]![2 * (number & (COLUMN_ITEMS - 1)) + 1]!;
  }

  lengthOf(number: number): number {
    const where = this.#whereOf(number);
    return this.#arena[where >>> ARENA_BITS]!.getUint8((where & ARENA_MASK) + LENGTH_AT);
  }

  /** Copies a key into `target`; returns its length. */
  copy(number: number, target: Uint8Array, offset: number): number {
    const where = this.#whereOf(number);
    const page = this.#arena[where >>> ARENA_BITS]!;
    const start = where & ARENA_MASK;
    const length = page.getUint8(start + LENGTH_AT);
    for (let byte = 0; byte < length; byte++) target[offset + byte] = page.getUint8(start + KEY_AT + byte);
    return length;
  }

  text(number: number): string {
    const where = this.#whereOf(number);
    const page = this.#arena[where >>> ARENA_BITS]!;
    const start = where & ARENA_MASK;
    const bytes = Buffer.from(page.buffer, page.byteOffset + start + KEY_AT, page.getUint8(start + LENGTH_AT));
    return bytes.toString('utf8');
  }

  #viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    return this.#view;
  }

  #whereOf(number: number): number {
    return this.#entries[number >>> COLUMN_BITS]![2 * (number & (COLUMN_ITEMS - 1))]!;
  }

  /** Where the table is searched for a key from: a hash of all but what the last two characters count, and that. Mixes as `hashBytes` does. */
  #placeOf(view: DataView, offset: number, length: number): number {
    let hash = length;
    let before = length;
    let word = 0;
    let at = offset;
    const end = offset + length;
    for (const last = end - 4; at <= last; at += 4) {
      word = view.getInt32(at, true);
      before = hash;
      hash = mixWord(hash, word);
    }
    let rest = 0;
    for (; at < end; at++) rest = (rest << 8) | view.getUint8(at);
    this.#mixed = mixWord(hash, rest);
    const rests = length & 3;
    if (rests === 0) return placeIn(mixWord(before, word & ~0x0f0f0000), word >>> 16, word >>> 24);
    if (rests === 1) return placeIn(mixWord(mixWord(before, word & ~0x0f000000), rest & ~0x0f), word >>> 24, rest);
    return placeIn(mixWord(hash, rest & ~0x0f0f), rest >>> 8, rest);
  }

  #find(place: number, view: DataView, offset: number, length: number): number {
    const found = this.#look(this.#slots, place, view, offset, length);
    return found !== -1 || this.#older === null ? found : this.#look(this.#older, place, view, offset, length);
  }

  #look(slots: Int32Array, place: number, view: DataView, offset: number, length: number): number {
    const last = slots.length - 1;
    for (let slot = (place << 1) & last; ; slot = (slot + stepOf(place)) & last) {
      const taken = slots[slot + 1]!;
      if (taken === 0) return -1;
      if (slots[slot] !== place) continue;
      const where = taken - 1;
      const page = this.#arena[where >>> ARENA_BITS]!;
      const start = where & ARENA_MASK;
      if (page.getUint8(start + LENGTH_AT) === length && areEqual(page, start + KEY_AT, view, offset, length))
        return page.getInt32(start, true);
    }
  }

  /** Takes the next number for a key; returns where it is. */
  #store(view: DataView, offset: number, length: number): number {
    const number = this.#count++;
    if (this.#arenaEnd + KEY_AT + length > ARENA_BYTES) this.#turnPage();
    const column = number >>> COLUMN_BITS;
    if (column === this.#entries.length) this.#entries.push(new Int32Array(COLUMN_WORDS));
    const page = this.#arena[this.#arenaPages - 1]!;
    const start = this.#arenaEnd;
    page.setInt32(start, number, true);
    page.setUint8(start + LENGTH_AT, length);
    let at = 0;
    for (; at + 4 <= length; at += 4) page.setInt32(start + KEY_AT + at, view.getInt32(offset + at, true), true);
    for (; at < length; at++) page.setUint8(start + KEY_AT + at, view.getUint8(offset + at));
    this.#arenaEnd = start + KEY_AT + length;
    const where = (this.#arenaPages - 1) * ARENA_BYTES + start;
    const entries = this.#entries[column]!;
    const entry = 2 * (number & (COLUMN_ITEMS - 1));
    entries[entry] = where;
    entries[entry + 1] = spreadWord(this.#mixed) | 0;
    return where | 0;
  }

  #turnPage(): void {
    if (this.#arenaPages === MOST_PAGES) throw new Error(`${this.#count} keys are more than a table holds`);
    if (this.#arenaPages === this.#arena.length) this.#arena.push(new DataView(new ArrayBuffer(ARENA_BYTES)));
    this.#arenaPages += 1;
    this.#arenaEnd = 0;
  }

  #grow(): void {
    this.#older = this.#slots;
    this.#slots = new Int32Array(2 * this.#older.length);
    this.#moved = 0;
  }

  /** What was moved stays readable where it was until all of it is. */
  #moveSome(older: Int32Array): void {
    const slots = this.#slots;
    const end = Math.min(older.length, this.#moved + 2 * MOVED_PER_ADDITION);
    for (let slot = this.#moved; slot < end; slot += 2)
      if (older[slot + 1] !== 0) occupy(slots, older[slot]!, older[slot + 1]!);
    this.#moved = end;
    if (end === older.length) this.#older = null;
  }
}

/** Whether so many bytes are the same in both. */
const areEqual = (one: DataView, at: number, other: DataView, otherAt: number, length: number): boolean => {
  if (length < 4) {
    for (let byte = 0; byte < length; byte++)
      if (one.getUint8(at + byte) !== other.getUint8(otherAt + byte)) return false;
    return true;
  }
  // The last word overlaps the one before it.
  const last = length - 4;
  if (one.getInt32(at + last, true) !== other.getInt32(otherAt + last, true)) return false;
  for (let byte = 0; byte < last; byte += 4)
    if (one.getInt32(at + byte, true) !== other.getInt32(otherAt + byte, true)) return false;
  return true;
};

/** Written to, so that the system has given all of it. */
const touched = (column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
  column.fill(0);
  return column;
};

/** Of a key whose last two characters are these, with the hash of all but what they count. */
const placeIn = (family: number, tens: number, ones: number): number =>
  (spreadWord(family) & ~COUNTED) | (((tens & 15) * 10 + (ones & 15)) & COUNTED);

/** From a slot that is taken to the next one tried, in words; of what does not count. Odd in slots, so that every one is come to. */
const stepOf = (place: number): number => ((place >>> 16) << 2) | 2;

const occupy = (slots: Int32Array, place: number, taken: number): void => {
  const last = slots.length - 1;
  let slot = (place << 1) & last;
  while (slots[slot + 1] !== 0) slot = (slot + stepOf(place)) & last;
  slots[slot] = place;
  slots[slot + 1] = taken;
};
