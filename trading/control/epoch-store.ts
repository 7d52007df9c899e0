import { readFileSync } from 'node:fs';
import { CodedError } from '../base/coded-error.ts';
import { writeFileDurably } from '../base/durable-file.ts';
import { countField, parseRecord } from '../base/json-record.ts';

/** The highest epoch ever seen, which survives a power loss. It never goes down. */
export class EpochStore {
  readonly #path: string;
  #highest: number;

  private constructor(path: string, highest: number) {
    this.#path = path;
    this.#highest = highest;
  }

  /** Reads the file; a file that is not there means that no epoch was ever seen. */
  static open(path: string): EpochStore {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new EpochStore(path, 0);
      throw unreadable(path, 'it cannot be read', cause);
    }
    const record = parseRecord(text);
    const highest = record === null ? null : countField(record, 'epoch');
    if (highest === null) throw unreadable(path, 'its content is not an epoch');
    return new EpochStore(path, highest);
  }

  get highest(): number {
    return this.#highest;
  }

  /** Returns after the epoch is on disk. A lower or equal one changes nothing. */
  raise(epoch: number): void {
    if (epoch <= this.#highest) return;
    writeFileDurably(this.#path, `${JSON.stringify({ epoch })}\n`);
    this.#highest = epoch;
  }
}

const unreadable = (path: string, found: string, cause?: unknown): CodedError =>
  new CodedError({
    code: 'HF-7103',
    attempted: `read the stored epoch ${path}`,
    found,
    next: 'do not delete it: an instance without it would accept an old primary. Restore it, or rebuild the instance',
    cause,
  });
