import type { Socket } from 'node:net';
import type { Door } from './door.ts';
import { LineReader } from './line-reader.ts';
import { Pace } from './pace.ts';

/** Requests of one connection as lines, read at the pace at which their answers are taken. */
export class PacedLines {
  readonly #lines: LineReader;
  readonly #pace: Pace;

  constructor(options: {
    readonly socket: Socket;
    readonly maxLineLength: number;
    readonly onLine: (line: string) => void;
    readonly onOverflow: () => void;
    /** Characters of answers that were not written to the socket yet, and will be. */
    readonly owed?: () => number;
    readonly door: Door;
  }) {
    const { socket, door, maxLineLength, onOverflow } = options;
    this.#lines = new LineReader({
      maxLineLength,
      onLine: (line) => {
        door.spoke(socket);
        options.onLine(line);
        this.#pace.look();
      },
      onOverflow,
    });
    this.#pace = new Pace({ socket, reader: this.#lines, owed: options.owed ?? (() => 0) });
  }

  push(text: string): void {
    this.#lines.push(text);
  }

  /** An answer is being given that takes a while: nothing more is read until `go`. */
  hold(): void {
    this.#pace.hold();
  }

  go(): void {
    this.#pace.go();
  }

  /** Reads nothing more, for good. */
  end(): void {
    this.#lines.end();
  }
}
