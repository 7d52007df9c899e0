import { closeSync, constants, fsyncSync, ftruncateSync, openSync, readSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { CodedError } from '../base/coded-error.ts';
import { syncDirectory } from '../base/durable-file.ts';
import { encodeRecord, type LedgerRecord } from './ledger-record.ts';

/**
 * Append-only ledger on the client's own disk. What was appended before `durable()` was called is on disk when its promise
 * resolves. One write is in flight at a time, and it ends on disk (`O_DSYNC`): a sync in a second call would have to wait for this
 * process's turn once more. What gathers meanwhile forms the next group.
 *
 * After a failed write nothing more is accepted and every `durable()` rejects: an intent that could not be recorded must
 * not be sent.
 */
export class LedgerWriter {
  readonly #fd: number;
  #end: number;
  #buffer: string[] = [];
  #waiters: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #flushing = false;
  #failure: Error | null = null;
  #lazyTimer: NodeJS.Timeout | null = null;
  #closed = false;

  private constructor(fd: number, end: number) {
    this.#fd = fd;
    this.#end = end;
  }

  /**
   * Opens or creates the file and cuts a torn last line, which a crash in the middle of a write leaves behind. With
   * `preallocateBytes` so much is written with zeros first: a sync then need not wait for the file system's own journal, which
   * every other process of the machine keeps busy.
   */
  static open(file: string, options: { readonly preallocateBytes: number } = { preallocateBytes: 0 }): LedgerWriter {
    const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    const end = endOfLastLine(fd);
    ftruncateSync(fd, end);
    if (options.preallocateBytes > 0)
      writeSync(fd, Buffer.alloc(options.preallocateBytes), 0, options.preallocateBytes, end);
    fsyncSync(fd);
    closeSync(fd);
    syncDirectory(dirname(file));
    return new LedgerWriter(openSync(file, constants.O_RDWR | constants.O_DSYNC), end);
  }

  append(record: LedgerRecord): void {
    if (this.#closed) return;
    this.#buffer.push(encodeRecord(record));
    this.#lazyTimer ??= setTimeout(() => this.#flush(), lazyFlushMs);
  }

  durable(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#flush();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.durable();
    } finally {
      this.#closed = true;
      if (this.#lazyTimer !== null) clearTimeout(this.#lazyTimer);
      ftruncateSync(this.#fd, this.#end);
      closeSync(this.#fd);
    }
  }

  #flush(): void {
    if (this.#flushing || this.#failure !== null) return;
    if (this.#lazyTimer !== null) clearTimeout(this.#lazyTimer);
    this.#lazyTimer = null;
    const bytes = Buffer.from(this.#buffer.join(''));
    const waiters = this.#waiters;
    this.#buffer = [];
    this.#waiters = [];
    if (bytes.length === 0) {
      for (const waiter of waiters) waiter.resolve();
      return;
    }
    this.#flushing = true;
    this.#writeAll(bytes, (error) => {
      this.#flushing = false;
      if (error !== null) {
        this.#failure = new CodedError({
          code: 'HF-7205',
          attempted: 'write the ledger',
          found: error.message,
          next: 'free the disk or repair it, then start the generator again; what was not recorded was not sent',
          cause: error,
        });
        for (const waiter of [...waiters, ...this.#waiters.splice(0)]) waiter.reject(this.#failure);
        return;
      }
      for (const waiter of waiters) waiter.resolve();
      if (this.#waiters.length > 0) this.#flush();
    });
  }

  #writeAll(bytes: Buffer, done: (error: Error | null) => void): void {
    write(this.#fd, bytes, 0, bytes.length, this.#end, (writeError, written) => {
      if (writeError !== null) {
        done(writeError);
        return;
      }
      this.#end += written;
      if (written < bytes.length) this.#writeAll(bytes.subarray(written), done);
      else done(null);
    });
  }
}

/** Outcomes need not wait for the disk: one that is lost in a crash turns into an unknown, which is resolved later. */
const lazyFlushMs = 20;

/** End of the last whole line before the first zero byte: a line has none, what was only preallocated has nothing else. */
const endOfLastLine = (fd: number): number => {
  const chunk = Buffer.alloc(1024 * 1024);
  let end = 0;
  for (let at = 0; ; ) {
    const length = readSync(fd, chunk, 0, chunk.length, at);
    const zero = chunk.subarray(0, length).indexOf(0);
    const lastLine = chunk.subarray(0, zero === -1 ? length : zero).lastIndexOf(0x0a);
    if (lastLine >= 0) end = at + lastLine + 1;
    if (zero !== -1 || length === 0) return end;
    at += length;
  }
};
