import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { asciiText } from './view/glyph.ts';

/** Where a command reads and writes. Tests give one that remembers. */
export interface Terminal {
  /** A person is there to be asked: input and output are a terminal. */
  readonly interactive: boolean;
  /** Output is a terminal, so a screen may be redrawn. */
  readonly redraws: boolean;
  readonly columns: number;
  readonly lines: number;
  out(text: string): void;
  err(text: string): void;
  /** Null when the input ends without an answer. */
  ask(question: string): Promise<string | null>;
}

interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  readonly stderr: Writable;
}

export function processTerminal(streams: Streams, options: { readonly ascii: boolean }): Terminal {
  const { stdin, stdout, stderr } = streams;
  const shown = options.ascii ? asciiText : (text: string) => text;
  return {
    interactive: stdin.isTTY === true && stdout.isTTY === true,
    redraws: stdout.isTTY === true,
    columns: stdout.columns ?? 80,
    lines: stdout.rows ?? 24,
    out: (text) => void stdout.write(shown(text)),
    err: (text) => void stderr.write(shown(text)),
    ask: async (question) => {
      const reader = createInterface({ input: stdin, output: stdout });
      const ended = new Promise<null>((resolve) => reader.once('close', () => resolve(null)));
      try {
        return await Promise.race([reader.question(shown(question)), ended]);
      } finally {
        reader.close();
      }
    },
  };
}
