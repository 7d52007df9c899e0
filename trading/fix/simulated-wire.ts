/** One thing that happens at a time; equal times in the order in which they were asked for. */
interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: nothing happens but what was put here. */
export class SimulatedTime {
  nowMs = 0;
  #order = 0;
  #heap: Happening[] = [];

  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    let index = heap.length;
    const item = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, run };
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (before(heap[parent]!, item)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = item;
  }

  runUntil(atMs: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= atMs) {
      const first = this.#pop();
      this.nowMs = first.atMs;
      first.run();
    }
    this.nowMs = atMs;
  }

  #pop(): Happening {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (before(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

const before = (a: Happening, b: Happening): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export interface WireEnd {
  bytes(chunk: Buffer): void;
  closed(): void;
}

/**
 * A connection as TCP gives it: in order, in any pieces, until it is cut; what is under way then is lost, and each end hears of it
 * later, or never. Now and then a byte arrives changed.
 */
export class SimulatedWire {
  readonly #time: SimulatedTime;
  readonly #random: () => number;
  readonly #ends: readonly [WireEnd, WireEnd];
  readonly #arrivesAtMs = [0, 0];
  readonly corruptShare: number;
  #cut = false;

  constructor(options: {
    time: SimulatedTime;
    random: () => number;
    ends: readonly [WireEnd, WireEnd];
    corruptShare: number;
  }) {
    this.#time = options.time;
    this.#random = options.random;
    this.#ends = options.ends;
    this.corruptShare = options.corruptShare;
  }

  /** From one end to the other. */
  send(from: 0 | 1, bytes: Buffer): void {
    const to = from === 0 ? 1 : 0;
    let at = 0;
    while (at < bytes.length) {
      const size = this.#random() < 0.7 ? bytes.length - at : 1 + Math.floor(this.#random() * (bytes.length - at));
      const piece = Buffer.from(bytes.subarray(at, at + size));
      at += size;
      if (this.#random() < this.corruptShare)
        piece[Math.floor(this.#random() * piece.length)]! ^= 1 << Math.floor(this.#random() * 8);
      const atMs = Math.max(this.#time.nowMs + 1 + this.#random() * 20, this.#arrivesAtMs[to]!);
      this.#arrivesAtMs[to] = atMs;
      this.#time.at(atMs, () => {
        if (!this.#cut) this.#ends[to].bytes(piece);
      });
    }
  }

  /** Silent: nobody is told. */
  cut(options: { silent: boolean }): void {
    if (this.#cut) return;
    this.#cut = true;
    if (options.silent) return;
    for (const end of this.#ends) this.#time.at(this.#time.nowMs + this.#random() * 30, () => end.closed());
  }
}
