import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { CodedError } from '../base/coded-error.ts';
import { writeFileDurably } from '../base/durable-file.ts';
import { countField, parseRecord } from '../base/json-record.ts';

/** Each copy lies in a page of its own, and within one sector of it, which a disk writes as a whole or not at all. */
const COPY_BYTES = 4096;
const COPIES = 2;

/**
 * The highest epoch ever seen, which survives a power loss. It never goes down. It is kept twice, each copy with a checksum, and is
 * answered only when both are on disk: one altered bit would make an epoch of it that was never granted, or one that a dead primary
 * still has, so whichever copy is whole is believed, and never less than was answered. It is written over in its place, because a
 * take-over waits for it: one sync, where a file that is replaced needs two and what the file system writes about names.
 */
export class EpochStore {
  readonly #path: string;
  #highest: number;
  #exists: boolean;

  private constructor(path: string, highest: number | null) {
    this.#path = path;
    this.#highest = highest ?? 0;
    this.#exists = highest !== null;
  }

  /** Reads the file; a file that is not there means that no epoch was ever seen. A copy that is damaged, or behind, is made good. */
  static open(path: string): EpochStore {
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new EpochStore(path, null);
      throw unreadable(path, 'it cannot be read', cause);
    }
    const copies = Array.from({ length: COPIES }, (_, copy) => epochOf(bytes, copy));
    const whole = copies.filter((epoch) => epoch !== null);
    if (whole.length === 0) throw unreadable(path, 'no copy in it is as it was written');
    const highest = Math.max(...whole);
    const store = new EpochStore(path, highest);
    store.#write(
      highest,
      copies.flatMap((epoch, copy) => (epoch === highest ? [] : [copy])),
    );
    return store;
  }

  get highest(): number {
    return this.#highest;
  }

  /** Returns after the epoch is on disk. A lower or equal one changes nothing. */
  raise(epoch: number): void {
    if (epoch <= this.#highest) return;
    if (this.#exists) this.#write(epoch, [0, 1]);
    else writeFileDurably(this.#path, contentOf(epoch).repeat(COPIES));
    this.#exists = true;
    this.#highest = epoch;
  }

  #write(epoch: number, copies: readonly number[]): void {
    if (copies.length === 0) return;
    const file = openSync(this.#path, 'r+');
    try {
      for (const copy of copies) writeSync(file, contentOf(epoch), copy * COPY_BYTES);
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

const checksumOf = (epoch: number): string => crc32(`epoch ${epoch}`).toString(16).padStart(8, '0');

const contentOf = (epoch: number): string =>
  `${JSON.stringify({ epoch, crc: checksumOf(epoch) }).padEnd(COPY_BYTES - 1)}\n`;

/** Null when this copy is not as it was written. */
const epochOf = (bytes: Buffer, copy: number): number | null => {
  const text = bytes.toString('latin1', copy * COPY_BYTES, (copy + 1) * COPY_BYTES);
  const record = parseRecord(text);
  const epoch = record === null ? null : countField(record, 'epoch');
  return epoch !== null && text === contentOf(epoch) ? epoch : null;
};

const unreadable = (path: string, found: string, cause?: unknown): CodedError =>
  new CodedError({
    code: 'HF-7103',
    attempted: `read the stored epoch ${path}`,
    found,
    next: 'do not delete it: an instance without it would accept an old primary. Restore it, or rebuild the instance',
    cause,
  });
