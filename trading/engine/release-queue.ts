/** Where released text goes. */
export interface ReleaseSink {
  push(text: string): void;
  flush(): void;
}

/** Where released messages of bytes go. What is staged leaves with `flush`, or not at all. */
export interface ByteSink {
  /** The connection that this stands for at this moment; null = nobody, and the message is dropped. */
  readonly receiver: ByteSink | null;
  /** One message, or several one after the other. `words` are the same bytes, four in each; start and length are whole words. */
  stage(bytes: Buffer, start: number, length: number, words: Int32Array): void;
  unstage(): void;
  flush(): void;
}

/** Where orders and requests go, by their numbers. What is staged leaves with `flush`, or not at all. */
export interface ItemSink {
  stageItem(item: number): void;
  unstage(): void;
  flush(): void;
}

type Sink = ReleaseSink | ByteSink | ItemSink;

/** Items gathered for one write to each sink: no turn of the event loop has more. */
const CHUNK = 8192;
/** Places kept for items, so that they do not grow again each turn. */
const KEPT_ITEMS = 4 * CHUNK;
/** Every message begins at a whole number of these. */
const ALIGN_MASK = 7;
const FIRST_ITEMS = 1024;
const FIRST_BYTES = 64 * 1024;

/**
 * Everything that waits to leave the engine, in the order in which it was computed, each item with the sequence that the
 * acknowledgement set must hold before it may go. Permission is asked immediately before every single write, so that a process
 * that is frozen anywhere else and thawed when its lease is over writes nothing (I1). What remains is a freeze between the
 * question and the system call; what such a write carries was held by the whole set. Items of bytes allocate nothing.
 */
export class ReleaseQueue {
  #sequences = new Float64Array(FIRST_ITEMS);
  /** Number of the order that an item tells of or sends; −1 = another thing. */
  #orders = new Int32Array(FIRST_ITEMS);
  /** Length of an item's bytes; 0 = it is text, −1 = an order or request that its sink knows by number. */
  #lengths = new Int32Array(FIRST_ITEMS);
  #texts: string[] = [];
  #sinks: Sink[] = [];
  #head = 0;
  #tail = 0;
  /** Bytes of the items in order; those of the first item begin at `#bytesHead`. */
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #view = viewOf(this.#bytes);
  #words = wordsOf(this.#bytes);
  /** What one chunk is gathered for: sinks in the order in which they are written to, and their text; null = bytes are staged. */
  readonly #receivers: Sink[] = [];
  readonly #gathered: (string | null)[] = [];
  #bytesHead = 0;
  #bytesTail = 0;
  #releasing = false;
  /** Asked for while releasing, or what is being released. */
  #askedUpTo = 0;

  get length(): number {
    return this.#tail - this.#head;
  }

  /** What `reserve` points into; another one after each `reserve`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  add(sequence: number, sink: ReleaseSink, text: string, order = -1): void {
    this.#push(sequence, sink, order, 0, text);
  }

  /** Offset at which a message of this length is to be written; `addBytes` follows at once. */
  reserve(length: number): number {
    if (this.#bytesTail + length + ALIGN_MASK > this.#bytes.length) this.#makeRoom(length + ALIGN_MASK);
    return this.#bytesTail;
  }

  /** Queues the message that was written at the reserved offset. */
  addBytes(sequence: number, sink: ByteSink, length: number, order = -1): void {
    this.#push(sequence, sink, order, length, '');
    this.#bytesTail += (length + ALIGN_MASK) & ~ALIGN_MASK;
  }

  /** Queues an order or request for where it is to be sent. */
  addItem(sequence: number, sink: ItemSink, item: number): void {
    this.#push(sequence, sink, item, -1, '');
  }

  /** Nothing that still waits tells of these orders or sends them any more. */
  withdraw(orders: ReadonlySet<number>): void {
    this.#keep((at) => !orders.has(this.#orders[at]!));
  }

  /**
   * Sequence of the oldest order or request that waits to be sent, also of one that is being let out; without any, beyond every
   * sequence. An answer may wait at the sequence of one that has left.
   */
  get oldestItem(): number {
    for (let at = this.#head; at < this.#tail; at++) if (this.#lengths[at] === -1) return this.#sequences[at]!;
    return Number.POSITIVE_INFINITY;
  }

  /**
   * Writes what may go; what may not stays, in order. A sink that is just being given something may queue more and ask for a release:
   * that one follows this one.
   */
  release(upTo: number, mayRelease: () => boolean): void {
    if (this.#releasing) {
      this.#askedUpTo = Math.max(this.#askedUpTo, upTo);
      return;
    }
    this.#releasing = true;
    this.#askedUpTo = upTo;
    try {
      while (this.#head < this.#tail && this.#sequences[this.#head]! <= this.#askedUpTo) {
        if (!this.#releaseChunk(this.#askedUpTo, mayRelease)) break;
      }
    } finally {
      this.#releasing = false;
      this.#forgetGathered();
    }
    if (this.#head === this.#tail) this.clear();
    else if (this.#head > 4096 && this.#head > this.#tail / 2) this.#moveUp();
  }

  clear(): void {
    // What they hold is written over.
    if (this.#texts.length > KEPT_ITEMS) {
      this.#texts.length = 0;
      this.#sinks.length = 0;
    }
    this.#head = 0;
    this.#tail = 0;
    this.#bytesHead = 0;
    this.#bytesTail = 0;
  }

  /** One write per sink. False when permission ended; the items of sinks not yet written to are still queued then. */
  #releaseChunk(upTo: number, mayRelease: () => boolean): boolean {
    // Not what is queued meanwhile.
    const limit = Math.min(this.#tail, this.#head + CHUNK);
    const receivers = this.#receivers;
    let end = this.#head;
    let offset = this.#bytesHead;
    // Messages to one receiver that lie one after the other are staged at once.
    let run: ByteSink | null = null;
    let runAt = offset;
    let runEnd = offset;
    let itemSink: Sink | null = null;
    for (; end < limit && this.#sequences[end]! <= upTo; end++) {
      const sink = this.#sinks[end]!;
      const length = this.#lengths[end]!;
      if (length === 0) this.#gathered[this.#placeOf(sink, '')] += this.#texts[end]!;
      else if (length === -1) {
        if (sink !== itemSink) {
          itemSink = sink;
          this.#placeOf(sink, null);
        }
        (sink as ItemSink).stageItem(this.#orders[end]!);
      } else {
        const { receiver } = sink as ByteSink;
        if (receiver !== run || offset !== runEnd) {
          if (run !== null) run.stage(this.#bytes, runAt, runEnd - runAt, this.#words);
          run = receiver;
          runAt = offset;
          if (receiver !== null) this.#placeOf(receiver, null);
        }
        runEnd = offset + length;
        offset += (length + ALIGN_MASK) & ~ALIGN_MASK;
      }
    }
    if (run !== null) run.stage(this.#bytes, runAt, runEnd - runAt, this.#words);
    for (let at = 0; at < receivers.length; at++) {
      if (!mayRelease()) {
        this.#giveBack(at, end);
        return false;
      }
      const sink = receivers[at]!;
      const text = this.#gathered[at]!;
      if (text !== null) (sink as ReleaseSink).push(text);
      sink.flush();
    }
    this.#forgetGathered();
    this.#head = end;
    this.#bytesHead = offset;
    return true;
  }

  /** Place of a sink among those of this chunk. There are few, and mostly the ones at the front. */
  #placeOf(sink: Sink, text: string | null): number {
    const receivers = this.#receivers;
    for (let at = 0; at < receivers.length; at++) if (receivers[at] === sink) return at;
    receivers.push(sink);
    this.#gathered.push(text);
    return receivers.length - 1;
  }

  /** Permission ended before the sink at this place: only what was written is out of the queue. */
  #giveBack(unwritten: number, end: number): void {
    for (let at = unwritten; at < this.#receivers.length; at++)
      if (this.#gathered[at] === null) (this.#receivers[at] as ByteSink | ItemSink).unstage();
    const written = new Set(this.#receivers.slice(0, unwritten));
    this.#forgetGathered();
    if (written.size > 0) this.#keep((at) => at >= end || !written.has(this.#receiverOf(at)));
  }

  #forgetGathered(): void {
    this.#receivers.length = 0;
    this.#gathered.length = 0;
  }

  #receiverOf(at: number): Sink {
    const sink = this.#sinks[at]!;
    return this.#lengths[at]! <= 0 ? sink : ((sink as ByteSink).receiver ?? sink);
  }

  #push(sequence: number, sink: Sink, order: number, length: number, text: string): void {
    if (this.#tail === this.#sequences.length) this.#widen();
    // Mostly what was there before: to look is quicker than to store.
    if (this.#texts[this.#tail] !== text) this.#texts[this.#tail] = text;
    if (this.#sinks[this.#tail] !== sink) this.#sinks[this.#tail] = sink;
    this.#sequences[this.#tail] = sequence;
    this.#orders[this.#tail] = order;
    this.#lengths[this.#tail] = length;
    this.#tail += 1;
  }

  /** Moves all that still waits to the front, at once: while replicas confirm it is never empty. */
  #moveUp(): void {
    const [head, tail] = [this.#head, this.#tail];
    this.#sequences.copyWithin(0, head, tail);
    this.#orders.copyWithin(0, head, tail);
    this.#lengths.copyWithin(0, head, tail);
    for (let at = head; at < tail; at++) {
      this.#texts[at - head] = this.#texts[at]!;
      this.#sinks[at - head] = this.#sinks[at]!;
    }
    this.#bytes.copyWithin(0, this.#bytesHead, this.#bytesTail);
    this.#bytesTail -= this.#bytesHead;
    this.#bytesHead = 0;
    this.#head = 0;
    this.#tail = tail - head;
    if (this.#texts.length <= KEPT_ITEMS) return;
    this.#texts.length = this.#tail;
    this.#sinks.length = this.#tail;
  }

  /** Moves what still waits and is to be kept to the front. */
  #keep(kept: (at: number) => boolean): void {
    let tail = 0;
    let from = this.#bytesHead;
    let to = 0;
    for (let at = this.#head; at < this.#tail; at++) {
      const length = Math.max(0, this.#lengths[at]!);
      const room = (length + ALIGN_MASK) & ~ALIGN_MASK;
      if (kept(at)) {
        this.#sequences[tail] = this.#sequences[at]!;
        this.#orders[tail] = this.#orders[at]!;
        this.#lengths[tail] = this.#lengths[at]!;
        this.#texts[tail] = this.#texts[at]!;
        this.#sinks[tail] = this.#sinks[at]!;
        this.#bytes.copyWithin(to, from, from + length);
        to += room;
        tail += 1;
      }
      from += room;
    }
    this.#texts.length = tail;
    this.#sinks.length = tail;
    this.#head = 0;
    this.#tail = tail;
    this.#bytesHead = 0;
    this.#bytesTail = to;
  }

  #widen(): void {
    const size = this.#sequences.length * 2;
    const [sequences, orders, lengths] = [new Float64Array(size), new Int32Array(size), new Int32Array(size)];
    sequences.set(this.#sequences);
    orders.set(this.#orders);
    lengths.set(this.#lengths);
    this.#sequences = sequences;
    this.#orders = orders;
    this.#lengths = lengths;
  }

  /** While something is released offsets are in use: then nothing moves, and there is only more of it. */
  #makeRoom(length: number): void {
    const start = this.#releasing ? 0 : this.#bytesHead;
    if (!this.#releasing && this.#bytesHead > this.#bytes.length / 2) this.#bytes.copyWithin(0, start, this.#bytesTail);
    else {
      const wider = Buffer.allocUnsafeSlow((this.#bytes.length * 2 + length) & ~ALIGN_MASK);
      this.#bytes.copy(wider, 0, start, this.#bytesTail);
      this.#bytes = wider;
      this.#view = viewOf(wider);
      this.#words = wordsOf(wider);
    }
    this.#bytesTail -= start;
    this.#bytesHead -= start;
  }
}

const wordsOf = (bytes: Buffer): Int32Array => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
