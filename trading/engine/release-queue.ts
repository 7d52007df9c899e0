/** Where released text goes. */
export interface ReleaseSink {
  push(text: string): void;
  flush(): void;
}

const CHUNK = 256;

/**
 * Everything that waits to leave the engine, in the order in which it was computed, each item with the sequence that the
 * acknowledgement set must hold before it may go. Permission is asked immediately before every single write, so that a process
 * that is frozen anywhere else and thawed when its lease is over writes nothing (I1). What remains is a freeze between the
 * question and the system call; what such a write carries was held by the whole set.
 */
export class ReleaseQueue {
  #sequences: number[] = [];
  #sinks: ReleaseSink[] = [];
  #texts: string[] = [];
  /** Number of the order that an item tells of or sends; −1 = another thing. */
  #orders: number[] = [];
  #head = 0;

  get length(): number {
    return this.#sequences.length - this.#head;
  }

  add(sequence: number, sink: ReleaseSink, text: string, order = -1): void {
    this.#sequences.push(sequence);
    this.#sinks.push(sink);
    this.#texts.push(text);
    this.#orders.push(order);
  }

  /** Nothing that still waits tells of these orders or sends them any more. */
  withdraw(orders: ReadonlySet<number>): void {
    const kept: number[] = [];
    for (let at = this.#head; at < this.#sequences.length; at++) {
      if (!orders.has(this.#orders[at]!)) kept.push(at);
    }
    this.#keep(kept);
  }

  /** Writes what may go; what may not stays, in order. */
  release(upTo: number, mayRelease: () => boolean): void {
    while (this.#head < this.#sequences.length && this.#sequences[this.#head]! <= upTo) {
      if (!this.#releaseChunk(upTo, mayRelease)) break;
    }
    if (this.#head === this.#sequences.length) this.clear();
    else if (this.#head > 4096 && this.#head > this.#sequences.length / 2) this.#dropReleased();
  }

  clear(): void {
    this.#sequences = [];
    this.#sinks = [];
    this.#texts = [];
    this.#orders = [];
    this.#head = 0;
  }

  /** One write per sink. False when permission ended; the items of sinks not yet written to are still queued then. */
  #releaseChunk(upTo: number, mayRelease: () => boolean): boolean {
    const gathered = new Map<ReleaseSink, string>();
    const limit = Math.min(this.#sequences.length, this.#head + CHUNK);
    let end = this.#head;
    for (; end < limit && this.#sequences[end]! <= upTo; end++) {
      const sink = this.#sinks[end]!;
      gathered.set(sink, (gathered.get(sink) ?? '') + this.#texts[end]!);
    }
    const written = new Set<ReleaseSink>();
    for (const [sink, text] of gathered) {
      if (!mayRelease()) {
        this.#keepUnwritten(end, written);
        return false;
      }
      sink.push(text);
      sink.flush();
      written.add(sink);
    }
    this.#head = end;
    return true;
  }

  #keepUnwritten(end: number, written: ReadonlySet<ReleaseSink>): void {
    if (written.size === 0) return;
    const kept: number[] = [];
    for (let at = this.#head; at < this.#sequences.length; at++)
      if (at >= end || !written.has(this.#sinks[at]!)) kept.push(at);
    this.#keep(kept);
  }

  #keep(kept: readonly number[]): void {
    this.#sequences = kept.map((at) => this.#sequences[at]!);
    this.#texts = kept.map((at) => this.#texts[at]!);
    this.#sinks = kept.map((at) => this.#sinks[at]!);
    this.#orders = kept.map((at) => this.#orders[at]!);
    this.#head = 0;
  }

  #dropReleased(): void {
    this.#sequences = this.#sequences.slice(this.#head);
    this.#sinks = this.#sinks.slice(this.#head);
    this.#texts = this.#texts.slice(this.#head);
    this.#orders = this.#orders.slice(this.#head);
    this.#head = 0;
  }
}
