import { FEED_MESSAGE_BYTES } from '../venue-protocol/feed.ts';

/** Messages that came before their turn, by sequence, in one piece of memory. A newer one takes the place of one a whole window older. */
export class HeldMessages {
  readonly window: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Which sequence is in each place; 0 = none. */
  readonly #sequences: Float64Array;

  constructor(window: number) {
    this.window = window;
    this.bytes = new Uint8Array(window * FEED_MESSAGE_BYTES);
    this.view = new DataView(this.bytes.buffer);
    this.#sequences = new Float64Array(window);
  }

  has(sequence: number): boolean {
    return this.#sequences[sequence % this.window] === sequence;
  }

  /** Where in `bytes` a message begins that is here. */
  at(sequence: number): number {
    return (sequence % this.window) * FEED_MESSAGE_BYTES;
  }

  keep(sequence: number, bytes: Uint8Array, at: number): void {
    const place = sequence % this.window;
    if (this.#sequences[place]! > sequence) return;
    this.#sequences[place] = sequence;
    const to = place * FEED_MESSAGE_BYTES;
    for (let byte = 0; byte < FEED_MESSAGE_BYTES; byte++) this.bytes[to + byte] = bytes[at + byte]!;
  }

  drop(sequence: number): void {
    this.#sequences[sequence % this.window] = 0;
  }

  clear(): void {
    this.#sequences.fill(0);
  }
}
