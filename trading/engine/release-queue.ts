/** Where released text goes. */
export interface ReleaseSink {
  push(text: string): void;
  flush(): void;
}

const CHUNK = 256;

/**
 * Everything that waits to leave the engine, in the order in which it was computed, each item with the sequence that the
 * acknowledgement set must hold before it may go. Permission is asked before every chunk of writes, so that a process that was
 * frozen in between writes at most what it had already been allowed to (I1).
 */
export class ReleaseQueue {
  #sequences: number[] = [];
  #sinks: ReleaseSink[] = [];
  #texts: string[] = [];
  #head = 0;

  get length(): number {
    return this.#sequences.length - this.#head;
  }

  add(sequence: number, sink: ReleaseSink, text: string): void {
    this.#sequences.push(sequence);
    this.#sinks.push(sink);
    this.#texts.push(text);
  }

  /** Writes what may go. Returns how many items went. */
  release(upTo: number, mayRelease: () => boolean): number {
    const start = this.#head;
    while (this.#head < this.#sequences.length && this.#sequences[this.#head]! <= upTo && mayRelease())
      this.#releaseChunk(upTo);
    const released = this.#head - start;
    if (this.#head === this.#sequences.length) this.clear();
    else if (this.#head > 4096 && this.#head > this.#sequences.length / 2) this.#compact();
    return released;
  }

  clear(): void {
    this.#sequences = [];
    this.#sinks = [];
    this.#texts = [];
    this.#head = 0;
  }

  #releaseChunk(upTo: number): void {
    const touched = new Set<ReleaseSink>();
    const limit = Math.min(this.#sequences.length, this.#head + CHUNK);
    while (this.#head < limit && this.#sequences[this.#head]! <= upTo) {
      const sink = this.#sinks[this.#head]!;
      sink.push(this.#texts[this.#head]!);
      touched.add(sink);
      this.#head += 1;
    }
    for (const sink of touched) sink.flush();
  }

  #compact(): void {
    this.#sequences = this.#sequences.slice(this.#head);
    this.#sinks = this.#sinks.slice(this.#head);
    this.#texts = this.#texts.slice(this.#head);
    this.#head = 0;
  }
}
