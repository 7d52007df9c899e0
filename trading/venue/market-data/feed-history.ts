import { FEED_MESSAGE_BYTES, type FeedMessage, readFeedMessage, writeFeedMessage } from '../../venue-protocol/feed.ts';

/** The last messages of the feed by their sequence, in one piece of memory: what packets are cut from and gaps are filled from. */
export class FeedHistory {
  readonly #room: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #next = 1;

  constructor(room: number) {
    this.#room = room;
    this.#bytes = new Uint8Array(room * FEED_MESSAGE_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Sequence of the next message. */
  get next(): number {
    return this.#next;
  }

  /** Sequence of the oldest message that is still here; `next` when there is none. */
  get oldest(): number {
    return Math.max(1, this.#next - this.#room);
  }

  add(message: FeedMessage): void {
    writeFeedMessage(this.#bytes, this.#view, this.#at(this.#next), message);
    this.#next += 1;
  }

  /** Copies a message that is here. */
  copy(sequence: number, into: Uint8Array, at: number): void {
    const from = this.#at(sequence);
    into.set(this.#bytes.subarray(from, from + FEED_MESSAGE_BYTES), at);
  }

  read(sequence: number, into: FeedMessage): void {
    readFeedMessage(this.#bytes, this.#view, this.#at(sequence), into);
  }

  #at(sequence: number): number {
    return (sequence % this.#room) * FEED_MESSAGE_BYTES;
  }
}
