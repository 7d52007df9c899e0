import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeDurably } from './durable-file.ts';

/**
 * The highest epoch that was accepted for each resource of a server that knows no epochs (I2): its driver refuses for it. A file that
 * is either the old or the new state after any crash.
 */
export class GuardedEpochs {
  readonly #path: string;
  #epochs: ReadonlyMap<string, number>;

  /** Throws when the file exists and cannot be read: guessing an epoch would be unsafe. */
  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#epochs = new Map(Object.entries(readEpochs(path)));
  }

  /** 0 = none was ever accepted. */
  highest(resource: string): number {
    return this.#epochs.get(resource) ?? 0;
  }

  /** False for one that is older than the highest. One that is accepted is on disk when this returns. */
  admit(resource: string, epoch: number): boolean {
    const highest = this.highest(resource);
    if (epoch < highest) return false;
    if (epoch > highest) {
      const next = new Map(this.#epochs).set(resource, epoch);
      this.#write(next);
      this.#epochs = next;
    }
    return true;
  }

  #write(epochs: ReadonlyMap<string, number>): void {
    writeDurably(this.#path, `${JSON.stringify(Object.fromEntries(epochs))}\n`);
  }
}

function readEpochs(path: string): Readonly<Record<string, number>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  const epochs = JSON.parse(text) as Record<string, number>;
  for (const [resource, epoch] of Object.entries(epochs))
    if (!Number.isSafeInteger(epoch)) throw new Error(`${path}: "${resource}" has no whole number for an epoch`);
  return epochs;
}
