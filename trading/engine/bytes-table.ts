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
const FIRST_SLOTS = 4096;
/** Slots of the smaller table that each addition moves: it is through long before the bigger one is full. */
const MOVED_PER_ADDITION = 8;

/** Longest key. */
export const MAX_KEY_BYTES = 255;

/**
 * Byte strings numbered from 0 in the order in which they came, found by content: open addressing over typed arrays. It grows
 * a little with each addition, so that none of them takes long. Nothing is ever removed.
 */
export class BytesTable {
  /** Pairs of hash and number + 1; 0 = free. */
  #slots = new Int32Array(2 * FIRST_SLOTS);
  /** The table before it grew, while it is being moved. */
  #older: Int32Array | null = null;
  #moved = 0;
  #count = 0;
  /** Keys one after the other, each behind its length; none reaches over the end of its page. */
  readonly #arena: Buffer[] = [];
  #arenaEnd = ARENA_BYTES;
  readonly #places: Uint32Array[] = [];
  readonly #hashes: Uint32Array[] = [];

  get count(): number {
    return this.#count;
  }

  /** Number of these bytes; −1 when they are not here. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    return this.#find(hashBytes(bytes, offset, length), bytes, offset, length);
  }

  /** Number of these bytes, which are added if they are not here. */
  put(bytes: Uint8Array, offset: number, length: number): number {
    const hash = hashBytes(bytes, offset, length);
    const known = this.#find(hash, bytes, offset, length);
    if (known !== -1) return known;
    if (length > MAX_KEY_BYTES) throw new Error(`a key of ${length} bytes`);
    const number = this.#count;
    this.#store(number, hash, bytes, offset, length);
    this.#count += 1;
    if (this.#older !== null) this.#moveSome(this.#older);
    else if (this.#count * 4 > this.#slots.length) this.#grow();
    occupy(this.#slots, hash, number);
    return number;
  }

  /** Hash of the bytes with this number. */
  hashOf(number: number): number {
    return this.#hashes[number >>> COLUMN_BITS]![number & (COLUMN_ITEMS - 1)]!;
  }

  lengthOf(number: number): number {
    const place = this.#places[number >>> COLUMN_BITS]![number & (COLUMN_ITEMS - 1)]!;
    return this.#arena[place >>> ARENA_BITS]![place & (ARENA_BYTES - 1)]!;
  }

  /** Copies a key into `target`; returns its length. */
  copy(number: number, target: Uint8Array, offset: number): number {
    const place = this.#places[number >>> COLUMN_BITS]![number & (COLUMN_ITEMS - 1)]!;
    const page = this.#arena[place >>> ARENA_BITS]!;
    const start = place & (ARENA_BYTES - 1);
    const length = page[start]!;
    for (let at = 0; at < length; at++) target[offset + at] = page[start + 1 + at]!;
    return length;
  }

  text(number: number): string {
    const place = this.#places[number >>> COLUMN_BITS]![number & (COLUMN_ITEMS - 1)]!;
    const page = this.#arena[place >>> ARENA_BITS]!;
    const start = place & (ARENA_BYTES - 1);
    return page.toString('utf8', start + 1, start + 1 + page[start]!);
  }

  #find(hash: number, bytes: Uint8Array, offset: number, length: number): number {
    const found = this.#look(this.#slots, hash, bytes, offset, length);
    return found === -1 && this.#older !== null ? this.#look(this.#older, hash, bytes, offset, length) : found;
  }

  #look(slots: Int32Array, hash: number, bytes: Uint8Array, offset: number, length: number): number {
    const last = slots.length - 1;
    for (let slot = (hash << 1) & last; ; slot = (slot + 2) & last) {
      const number = slots[slot + 1]! - 1;
      if (number === -1) return -1;
      if (slots[slot] === (hash | 0) && this.#equals(number, bytes, offset, length)) return number;
    }
  }

  #equals(number: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const place = this.#places[number >>> COLUMN_BITS]![number & (COLUMN_ITEMS - 1)]!;
    const page = this.#arena[place >>> ARENA_BITS]!;
    const start = place & (ARENA_BYTES - 1);
    if (page[start] !== length) return false;
    for (let at = 0; at < length; at++) if (page[start + 1 + at] !== bytes[offset + at]) return false;
    return true;
  }

  #store(number: number, hash: number, bytes: Uint8Array, offset: number, length: number): void {
    if (this.#arenaEnd + length + 1 > ARENA_BYTES) {
      this.#arena.push(Buffer.allocUnsafeSlow(ARENA_BYTES));
      this.#arenaEnd = 0;
    }
    if ((number & (COLUMN_ITEMS - 1)) === 0) {
      this.#places.push(new Uint32Array(COLUMN_ITEMS));
      this.#hashes.push(new Uint32Array(COLUMN_ITEMS));
    }
    const page = this.#arena.length - 1;
    const bytesOfPage = this.#arena[page]!;
    const start = this.#arenaEnd;
    bytesOfPage[start] = length;
    for (let at = 0; at < length; at++) bytesOfPage[start + 1 + at] = bytes[offset + at]!;
    this.#arenaEnd = start + length + 1;
    this.#places[number >>> COLUMN_BITS]![number & (COLUMN_ITEMS - 1)] = page * ARENA_BYTES + start;
    this.#hashes[number >>> COLUMN_BITS]![number & (COLUMN_ITEMS - 1)] = hash;
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

const occupy = (slots: Int32Array, hash: number, number: number): void => {
  const last = slots.length - 1;
  let slot = (hash << 1) & last;
  while (slots[slot + 1] !== 0) slot = (slot + 2) & last;
  slots[slot] = hash;
  slots[slot + 1] = number + 1;
};
