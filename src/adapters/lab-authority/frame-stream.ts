import type { Socket } from 'node:net';

/** Longest frame that either side accepts; a longer one closes the connection. */
export const maxFrameBytes = 16 * 1024 * 1024;

/**
 * Cuts a byte stream into newline-delimited frames. Bytes are gathered as chunks and joined once per frame, so a long
 * frame in many chunks costs no quadratic copying.
 */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Complete frames in `chunk` and what was left before it. Throws on a frame above `maxFrameBytes`. */
  push(chunk: Buffer): string[] {
    const frames: string[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(10, start);
      if (end < 0) break;
      frames.push(this.#take(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return frames;
  }

  #take(tail: Buffer): string {
    this.#keep(tail);
    const frame =
      this.#chunks.length === 1 ? this.#chunks[0]!.toString('utf8') : Buffer.concat(this.#chunks).toString('utf8');
    this.#chunks = [];
    this.#length = 0;
    return frame;
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > maxFrameBytes) throw new Error(`frame longer than ${maxFrameBytes} bytes`);
    this.#chunks.push(part);
  }
}

export function writeFrame(socket: Socket, frame: unknown): void {
  socket.write(`${JSON.stringify(frame)}\n`);
}
