const SLOTS = 256;
const SLOT_BITS = 8;
const MOST_BYTES = 32;
const WORDS = MOST_BYTES / 4;

/**
 * Numbers of clients and symbols that were looked up before, found by comparing a few words. What it does not remember is looked up in the
 * state, where numbers never change; two texts that share a slot only displace each other. Up to three bytes behind a text are read.
 */
export class KnownTexts {
  readonly #lengths = new Int32Array(SLOTS);
  readonly #numbers = new Int32Array(SLOTS);
  readonly #words = new Int32Array(SLOTS * WORDS);

  /** −1 when it does not remember these bytes, longer ones never. */
  numberOf(view: DataView, at: number, length: number): number {
    if (length < 1 || length > MOST_BYTES) return -1;
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
    if (length < 1 || length > MOST_BYTES) return;
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

/** Of a text shorter than a word only its last word is its own. */
const slotOf = (first: number, last: number, length: number): number => {
  const mixed = Math.imul(length < 4 ? 0 : first, 0x85ebca6b) ^ Math.imul(last + length, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> (32 - SLOT_BITS);
};
