import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { CodedError } from '../base/coded-error.ts';
import { writeFileDurably } from '../base/durable-file.ts';
import { countField, parseRecord, textField } from '../base/json-record.ts';

/**
 * The highest epoch ever seen, which survives a power loss. It never goes down. Its file has a checksum: one altered bit would make an
 * epoch of it that was never granted, or one that a dead primary still has.
 */
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
    if (record === null || highest === null) throw unreadable(path, 'its content is not an epoch');
    if (textField(record, 'crc') !== checksumOf(highest) || text !== contentOf(highest))
      throw unreadable(path, 'it is not as it was written: its checksum is wrong');
    return new EpochStore(path, highest);
  }

  get highest(): number {
    return this.#highest;
  }

  /** Returns after the epoch is on disk. A lower or equal one changes nothing. */
  raise(epoch: number): void {
    if (epoch <= this.#highest) return;
    writeFileDurably(this.#path, contentOf(epoch));
    this.#highest = epoch;
  }
}

const checksumOf = (epoch: number): string => crc32(`epoch ${epoch}`).toString(16).padStart(8, '0');

const contentOf = (epoch: number): string => `${JSON.stringify({ epoch, crc: checksumOf(epoch) })}\n`;

const unreadable = (path: string, found: string, cause?: unknown): CodedError =>
  new CodedError({
    code: 'HF-7103',
    attempted: `read the stored epoch ${path}`,
    found,
    next: 'do not delete it: an instance without it would accept an old primary. Restore it, or rebuild the instance',
    cause,
  });
