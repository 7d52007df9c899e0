import { type FileHandle, open } from 'node:fs/promises';
import { CodedError } from '../base/coded-error.ts';
import { decodeRecord, type LedgerRecord } from './ledger-record.ts';

/**
 * Reads a ledger that may still be written to; each call of `read` delivers only what was added since the last one. A line
 * without its end is left for the next call. A damaged complete line means that the ledger was tampered with or the disk
 * lied: reading throws, for nothing may be concluded from the rest.
 */
export class LedgerReader {
  readonly #file: string;
  #offset = 0;
  #line = 0;

  constructor(file: string) {
    this.#file = file;
  }

  async read(onRecord: (record: LedgerRecord) => void): Promise<void> {
    const handle = await open(this.#file, 'r');
    try {
      await this.#readFrom(handle, onRecord);
    } finally {
      await handle.close();
    }
  }

  async #readFrom(handle: FileHandle, onRecord: (record: LedgerRecord) => void): Promise<void> {
    const { size } = await handle.stat();
    if (size < this.#offset) {
      throw this.#damaged(`it has shrunk from ${this.#offset} to ${size} bytes`);
    }
    const chunk = Buffer.alloc(chunkBytes);
    let carried = Buffer.alloc(0);
    let at = this.#offset;
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
      // Zeros are space that the writer has set aside.
      const zero = chunk.subarray(0, bytesRead).indexOf(0);
      const length = zero === -1 ? bytesRead : zero;
      if (length === 0) return;
      at += length;
      const data =
        carried.length === 0 ? chunk.subarray(0, length) : Buffer.concat([carried, chunk.subarray(0, length)]);
      const end = data.lastIndexOf(0x0a) + 1;
      for (const line of data.toString('utf8', 0, end).split('\n')) if (line !== '') this.#deliver(line, onRecord);
      this.#offset += end;
      carried = Buffer.from(data.subarray(end));
    }
  }

  #deliver(line: string, onRecord: (record: LedgerRecord) => void): void {
    this.#line += 1;
    const record = decodeRecord(line);
    if (record === null) throw this.#damaged(`line ${this.#line} is damaged`);
    onRecord(record);
  }

  #damaged(found: string): CodedError {
    return new CodedError({
      code: 'HF-7202',
      attempted: `read the ledger ${this.#file}`,
      found,
      next: 'conclude nothing from this ledger; find out who or what changed it',
    });
  }
}

const chunkBytes = 1024 * 1024;
