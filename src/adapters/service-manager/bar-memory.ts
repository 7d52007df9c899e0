import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeDurably } from '../system/durable-file.ts';

/** Since when a service is barred, by the epoch of who ordered it. */
export interface Bar {
  readonly epoch: number;
}

/** Whether one service is barred from starting: kept by the agent, because its manager forgets. The old or the new state after any crash. */
export class BarMemory {
  readonly #path: string;
  #bar: Bar | null;

  /** Throws when the file exists and cannot be read: guessing that nothing is barred would be unsafe. */
  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#bar = readBar(path);
  }

  get bar(): Bar | null {
    return this.#bar;
  }

  /** On disk when this returns. */
  set(bar: Bar | null): void {
    if (bar?.epoch === this.#bar?.epoch) return;
    writeDurably(this.#path, `${JSON.stringify({ bar })}\n`);
    this.#bar = bar;
  }
}

function readBar(path: string): Bar | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const { bar } = JSON.parse(text) as { readonly bar: Bar | null };
  if (bar !== null && !Number.isSafeInteger(bar.epoch)) throw new Error(`${path}: a bar without an epoch`);
  return bar;
}
