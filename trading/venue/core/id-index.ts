import { hashId, type IdView } from '../../base/id-view.ts';

/**
 * Ids by owner: open addressing over one arena of bytes, no object per id. Entries are numbered 0, 1, 2, … in the order in which
 * they were added and are never removed: an id is unique for as long as the exchange keeps its books.
 */
export class IdIndex {
  #arena = new Uint8Array(1 << 16);
  #arenaEnd = 0;
  #count = 0;
  #offset = new Float64Array(1 << 10);
  #length = new Uint8Array(1 << 10);
  #owner = new Int32Array(1 << 10);
  #hash = new Uint32Array(1 << 10);
  /** Entry + 1, or 0. A power of two, at most half full. */
  #slots = new Int32Array(1 << 12);

  get count(): number {
    return this.#count;
  }

  /** The entry's number, or -1. */
  find(owner: number, id: IdView): number {
    const hash = hashId(id, owner);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (entry < 0) return -1;
      if (this.#hash[entry] === hash && this.#owner[entry] === owner && this.#equals(entry, id)) return entry;
    }
  }

  /** Adds an id that is not there; returns its number. */
  add(owner: number, id: IdView): number {
    const entry = this.#count;
    if (entry === this.#offset.length) this.#growEntries();
    if ((entry + 1) * 2 > this.#slots.length) this.#growSlots();
    if (this.#arenaEnd + id.length > this.#arena.length) this.#arena = grown(this.#arena);
    for (let at = 0; at < id.length; at++) this.#arena[this.#arenaEnd + at] = id.bytes[id.at + at]!;
    this.#offset[entry] = this.#arenaEnd;
    this.#length[entry] = id.length;
    this.#owner[entry] = owner;
    this.#hash[entry] = hashId(id, owner);
    this.#arenaEnd += id.length;
    this.#count += 1;
    this.#place(entry);
    return entry;
  }

  /** Points a view at the entry's bytes: valid until the next `add`. */
  read(entry: number, into: IdView): void {
    into.bytes = this.#arena;
    into.at = this.#offset[entry]!;
    into.length = this.#length[entry]!;
  }

  #equals(entry: number, id: IdView): boolean {
    if (this.#length[entry] !== id.length) return false;
    const offset = this.#offset[entry]!;
    for (let at = 0; at < id.length; at++) if (this.#arena[offset + at] !== id.bytes[id.at + at]) return false;
    return true;
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hash[entry]! & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #growEntries(): void {
    this.#offset = grown(this.#offset);
    this.#length = grown(this.#length);
    this.#owner = grown(this.#owner);
    this.#hash = grown(this.#hash);
  }

  #growSlots(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let entry = 0; entry < this.#count; entry++) this.#place(entry);
  }
}

type Column = Uint8Array | Int32Array | Uint32Array | Float64Array;

/** The same column with twice the room. */
export const grown = <Kind extends Column>(column: Kind): Kind => {
  const larger = new (column.constructor as new (length: number) => Kind)(column.length * 2);
  larger.set(column);
  return larger;
};
