interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Bits of a number, to be folded into the fingerprint. */
const asNumber = new Float64Array(1);
const asWords = new Uint32Array(asNumber.buffer);

/** The world's one queue: (time, sequence) decides, so equal times run in the order in which they were asked for. */
export class EventQueue {
  readonly #heap: Entry[] = [];
  #order = 0;
  #now = 0;
  #handled = 0;
  #hash = 0x811c9dc5 | 0;

  get now(): number {
    return this.#now;
  }
  get handled(): number {
    return this.#handled;
  }
  /** Of everything that happened so far, in order: two worlds with the same one went the same way. */
  get fingerprint(): string {
    return `${(this.#hash >>> 0).toString(16).padStart(8, '0')}-${this.#handled}`;
  }

  /** Folds a number into the fingerprint: what happened, beside when. */
  mix(value: number): void {
    asNumber[0] = value;
    this.#hash = Math.imul(Math.imul(this.#hash ^ asWords[0]!, 0x01000193) ^ asWords[1]!, 0x01000193);
  }

  at(time: number, run: () => void): void {
    this.#order += 1;
    const entry = { at: Math.max(time, this.#now), order: this.#order, run };
    const heap = this.#heap;
    let child = heap.push(entry) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = entry;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#now + delayMs, run);
  }

  /** Runs everything up to and including `until`. `stop` ends it early. */
  runUntil(until: number, stop: () => boolean): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= until && !stop()) {
      const entry = this.#take();
      this.#now = entry.at;
      this.#handled += 1;
      this.mix(entry.at);
      this.mix(entry.order);
      entry.run();
    }
    if (!stop()) this.#now = Math.max(this.#now, until);
  }

  #take(): Entry {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[parent] = heap[child]!;
      parent = child;
    }
    heap[parent] = last;
    return top;
  }
}

const before = (left: Entry, right: Entry) => left.at < right.at || (left.at === right.at && left.order < right.order);
