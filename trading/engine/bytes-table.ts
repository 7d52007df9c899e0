/** Hash of some bytes: the same in every process and on every machine. */
export const hashBytes = (bytes: Uint8Array, offset: number, length: number): number => {
  let hash = length;
  let at = offset;
  const end = offset + length;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = mixIn(hash, word);
  }
  let rest = 0;
  for (; at < end; at++) rest = (rest << 8) | bytes[at]!;
  return spread(mixIn(hash, rest));
};

/** Takes one more 32-bit word into a hash; `spread` finishes it. */
export const mixIn = (hash: number, word: number): number => {
  const mixed = Math.imul((hash << 13) | (hash >>> 19), 0x2c1b3c6d) ^ Math.imul(word, 0x297a2d39);
  return mixed ^ (mixed >>> 15);
};

/** Every bit of the input changes about half of the bits of the result, an unsigned 32-bit number. */
export const spread = (hash: number): number => {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
};

const ARENA_BITS = 16;
const ARENA_BYTES = 1 << ARENA_BITS;
const COLUMN_BITS = 14;
const COLUMN_ITEMS = 1 << COLUMN_BITS;
const COLUMN_WORDS = 2 * COLUMN_ITEMS;
const FIRST_SLOTS = 4096;
/** Slots of the smaller table that each addition moves: it is through long before the bigger one is full. */
const MOVED_PER_ADDITION = 8;
/** Bits of the last byte that a key's slot keeps: keys that are counted up lie side by side. */
const COUNTED = 15;

/** Longest key. */
export const MAX_KEY_BYTES = 255;

/**
 * Byte strings numbered from 0 in the order in which they came, found by content: open addressing over typed arrays. It grows
 * a little with each addition, so that none of them takes long. Keys that differ in their last character only are neighbours in
 * the table: ids that count up meet memory that was just used. Nothing is ever removed.
 */
export class BytesTable {
  /** Pairs of place and number + 1; 0 = free. A key's slot is the first free one from its place on. */
  #slots = new Int32Array(2 * FIRST_SLOTS);
  /** The table before it grew, while it is being moved. */
  #older: Int32Array | null = null;
  #moved = 0;
  #count = 0;
  /** Keys one after the other, each behind its length; none reaches over the end of its page. */
  readonly #arena: Buffer[] = [];
  #arenaPages = 0;
  #arenaEnd = ARENA_BYTES;
  /** Pairs of where a key is and its hash, by number. */
  readonly #entries: Uint32Array[] = [];
  /** Of the key that `#digest` saw last. */
  #hash = 0;
  #place = 0;

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
        if (older[slot + 1] !== 0) occupy(this.#slots, older[slot]!, older[slot + 1]! - 1);
    }
    const columns = Math.max(0, Math.ceil(wanted / COLUMN_ITEMS) - this.#entries.length);
    const entries = touched(new Uint32Array(columns * COLUMN_WORDS));
    for (let at = 0; at < entries.length; at += COLUMN_WORDS)
      this.#entries.push(entries.subarray(at, at + COLUMN_WORDS));
    const pages = this.#arenaPages + Math.ceil((keys * (keyBytes + 1)) / ARENA_BYTES) - this.#arena.length;
    const arena = Buffer.alloc(Math.max(0, pages) * ARENA_BYTES).fill(0);
    for (let at = 0; at < arena.length; at += ARENA_BYTES) this.#arena.push(arena.subarray(at, at + ARENA_BYTES));
  }

  /** Number of these bytes; −1 when they are not here. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    this.#digest(bytes, offset, length);
    return this.#find(bytes, offset, length);
  }

  /** Number of these bytes, which are added if they are not here. */
  put(bytes: Uint8Array, offset: number, length: number): number {
    this.#digest(bytes, offset, length);
    const known = this.#find(bytes, offset, length);
    if (known !== -1) return known;
    if (length > MAX_KEY_BYTES) throw new Error(`a key of ${length} bytes`);
    const number = this.#count;
    this.#store(number, bytes, offset, length);
    this.#count += 1;
    if (this.#older !== null) this.#moveSome(this.#older);
    else if (this.#count * 4 > this.#slots.length) this.#grow();
    occupy(this.#slots, this.#place, number);
    return number;
  }

  /** Hash of the bytes with this number. */
  hashOf(number: number): number {
    return this.#entries[number >>> COLUMN_BITS]![2 * (number & (COLUMN_ITEMS - 1)) + 1]!;
  }

  lengthOf(number: number): number {
    const at = this.#whereOf(number);
    return this.#arena[at >>> ARENA_BITS]![at & (ARENA_BYTES - 1)]!;
  }

  /** Copies a key into `target`; returns its length. */
  copy(number: number, target: Uint8Array, offset: number): number {
    const at = this.#whereOf(number);
    const page = this.#arena[at >>> ARENA_BITS]!;
    const start = at & (ARENA_BYTES - 1);
    const length = page[start]!;
    for (let byte = 0; byte < length; byte++) target[offset + byte] = page[start + 1 + byte]!;
    return length;
  }

  text(number: number): string {
    const at = this.#whereOf(number);
    const page = this.#arena[at >>> ARENA_BITS]!;
    const start = at & (ARENA_BYTES - 1);
    return page.toString('utf8', start + 1, start + 1 + page[start]!);
  }

  #whereOf(number: number): number {
    return this.#entries[number >>> COLUMN_BITS]![2 * (number & (COLUMN_ITEMS - 1))]!;
  }

  /** The hash as `hashBytes` has it; and the place, which forgets of the last byte what counts. */
  #digest(bytes: Uint8Array, offset: number, length: number): void {
    let hash = length;
    let before = length;
    let word = 0;
    let at = offset;
    const end = offset + length;
    for (; at + 4 <= end; at += 4) {
      word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      before = hash;
      hash = mixIn(hash, word);
    }
    let rest = 0;
    for (; at < end; at++) rest = (rest << 8) | bytes[at]!;
    this.#hash = spread(mixIn(hash, rest));
    if (length === 0) this.#place = 0;
    else {
      const family = (length & 3) === 0 ? mixIn(before, word & ~(COUNTED << 24)) : mixIn(hash, rest & ~COUNTED);
      this.#place = (spread(family) & ~COUNTED) | (bytes[end - 1]! & COUNTED);
    }
  }

  #find(bytes: Uint8Array, offset: number, length: number): number {
    const found = this.#look(this.#slots, bytes, offset, length);
    return found === -1 && this.#older !== null ? this.#look(this.#older, bytes, offset, length) : found;
  }

  #look(slots: Int32Array, bytes: Uint8Array, offset: number, length: number): number {
    const place = this.#place;
    const last = slots.length - 1;
    for (let slot = (place << 1) & last; ; slot = (slot + 2) & last) {
      const number = slots[slot + 1]! - 1;
      if (number === -1) return -1;
      if (slots[slot] === place && this.#equals(number, bytes, offset, length)) return number;
    }
  }

  #equals(number: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const at = this.#whereOf(number);
    const page = this.#arena[at >>> ARENA_BITS]!;
    const start = at & (ARENA_BYTES - 1);
    if (page[start] !== length) return false;
    for (let byte = 0; byte < length; byte++) if (page[start + 1 + byte] !== bytes[offset + byte]) return false;
    return true;
  }

  #store(number: number, bytes: Uint8Array, offset: number, length: number): void {
    if (this.#arenaEnd + length + 1 > ARENA_BYTES) {
      if (this.#arenaPages === this.#arena.length) this.#arena.push(Buffer.allocUnsafeSlow(ARENA_BYTES));
      this.#arenaPages += 1;
      this.#arenaEnd = 0;
    }
    const column = number >>> COLUMN_BITS;
    if (column === this.#entries.length) this.#entries.push(new Uint32Array(COLUMN_WORDS));
    const page = this.#arenaPages - 1;
    const bytesOfPage = this.#arena[page]!;
    const start = this.#arenaEnd;
    bytesOfPage[start] = length;
    for (let at = 0; at < length; at++) bytesOfPage[start + 1 + at] = bytes[offset + at]!;
    this.#arenaEnd = start + length + 1;
    const entries = this.#entries[column]!;
    const entry = 2 * (number & (COLUMN_ITEMS - 1));
    entries[entry] = page * ARENA_BYTES + start;
    entries[entry + 1] = this.#hash;
  }

  #grow(): void {
    this.#older = this.#slots;
    this.#slots = new Int32Array(2 * this.#older.length);
    this.#moved = 0;
  }

  /** What was moved stays readable where it was until all of it is. */
  #moveSome(older: Int32Array): void {
    const end = Math.min(older.length, this.#moved + 2 * MOVED_PER_ADDITION);
    for (let slot = this.#moved; slot < end; slot += 2)
      if (older[slot + 1] !== 0) occupy(this.#slots, older[slot]!, older[slot + 1]! - 1);
    this.#moved = end;
    if (end === older.length) this.#older = null;
  }
}

/** Written to, so that the system has given all of it. */
const touched = <Column extends Int32Array | Uint32Array>(column: Column): Column => {
  column.fill(0);
  return column;
};

const occupy = (slots: Int32Array, place: number, number: number): void => {
  const last = slots.length - 1;
  let slot = (place << 1) & last;
  while (slots[slot + 1] !== 0) slot = (slot + 2) & last;
  slots[slot] = place;
  slots[slot + 1] = number + 1;
};
