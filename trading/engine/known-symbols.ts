import { BINARY_SYMBOL_BYTES } from './binary-protocol.ts';

const SLOTS = 256;
const SLOT_BITS = 8;
const WORDS = BINARY_SYMBOL_BYTES / 4;

/**
 * Numbers of symbols that were looked up before, found by comparing a few words. What it does not remember is looked up in the state,
 * where numbers never change; two symbols that share a slot only displace each other.
 */
export class KnownSymbols {
  readonly #lengths = new Int32Array(SLOTS);
  readonly #numbers = new Int32Array(SLOTS);
  readonly #words = new Int32Array(SLOTS * WORDS);

  /** −1 when it does not remember these bytes, which lie in a field of 32. */
  numberOf(view: DataView, at: number, length: number): number {
    if (length < 1 || length > BINARY_SYMBOL_BYTES) return -1;
    const last = lastWord(view, at, length);
    const slot = slotOf(view.getInt32(at, true), last, length);
    if (this.#lengths[slot] !== length) return -1;
    const words = this.#words;
    const first = slot * WORDS;
    const before = (length - 1) >>> 2;
    for (let word = 0; word < before; word++) if (words[first + word] !== view.getInt32(at + 4 * word, true)) return -1;
    return words[first + before] === last ? this.#numbers[slot]! : -1;
  }

  remember(view: DataView, at: number, length: number, number: number): void {
    const last = lastWord(view, at, length);
    const slot = slotOf(view.getInt32(at, true), last, length);
    const first = slot * WORDS;
    const before = (length - 1) >>> 2;
    for (let word = 0; word < before; word++) this.#words[first + word] = view.getInt32(at + 4 * word, true);
    this.#words[first + before] = last;
    this.#lengths[slot] = length;
    this.#numbers[slot] = number;
  }
}

/** The last one to four bytes. */
const lastWord = (view: DataView, at: number, length: number): number => {
  const word = view.getInt32(at + ((length - 1) & ~3), true);
  return (length & 3) === 0 ? word : word & ((1 << (8 * (length & 3))) - 1);
};

/** Of a symbol shorter than a word only its last word is its own. */
const slotOf = (first: number, last: number, length: number): number => {
  const mixed = Math.imul(length < 4 ? 0 : first, 0x85ebca6b) ^ Math.imul(last + length, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> (32 - SLOT_BITS);
};
