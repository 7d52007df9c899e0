import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CodedError } from '../base/coded-error.ts';
import { syncDirectory } from '../base/durable-file.ts';
import { BreakHistory } from './break-history.ts';
import { type BreakRecord, decodeBreakRecord, encodeBreakRecord, firstLink } from './break-record.ts';

/**
 * Breaks on disk: an append-only file of chained lines. What `append` was given is durable when it returns. A last line without its
 * end, which a crash leaves behind, is cut when the file is opened; anything else that is not as it was written stops with HF-7404.
 */
export class BreakStore {
  readonly #file: number;
  readonly #path: string;
  readonly history = new BreakHistory();
  #link = firstLink;
  #bytes = 0;

  private constructor(file: number, path: string) {
    this.#file = file;
    this.#path = path;
  }

  static open(path: string): BreakStore {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600);
    const store = new BreakStore(file, path);
    try {
      store.#load();
      syncDirectory(dirname(path));
      return store;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  append(records: readonly BreakRecord[]): void {
    if (records.length === 0) return;
    if (fstatSync(this.#file).size !== this.#bytes) throw writtenTwice(this.#path);
    let text = '';
    let link = this.#link;
    for (const record of records) {
      const encoded = encodeBreakRecord(record, link);
      text += encoded.line;
      link = encoded.link;
    }
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    fsyncSync(this.#file);
    this.#bytes += bytes.length;
    this.#link = link;
    for (const record of records) this.history.apply(record);
  }

  close(): void {
    closeSync(this.#file);
  }

  #load(): void {
    const bytes = readFileSync(this.#file);
    const end = bytes.lastIndexOf(0x0a) + 1;
    const lines = bytes.toString('utf8', 0, end).split('\n').slice(0, -1);
    for (const [index, line] of lines.entries()) {
      const decoded = decodeBreakRecord(line, this.#link);
      if (decoded === null) throw damaged(this.#path, index + 1);
      this.#link = decoded.link;
      this.history.apply(decoded.record);
    }
    // A whole record with another byte where its line should end was no write that a crash cut short.
    if (decodeBreakRecord(bytes.toString('utf8', end, bytes.length - 1), this.#link) !== null)
      throw damaged(this.#path, lines.length + 1);
    if (end < bytes.length) ftruncateSync(this.#file, end);
    this.#bytes = end;
  }
}

const damaged = (path: string, line: number): CodedError =>
  new CodedError({
    code: 'HF-7404',
    attempted: `read the breaks in ${path}`,
    found: `line ${line} is not as it was written`,
    next: 'keep the file and find out who changed it; move it away to begin a new one',
  });

const writtenTwice = (path: string): CodedError =>
  new CodedError({
    code: 'HF-7405',
    attempted: `add to the breaks in ${path}`,
    found: 'another process has written to it meanwhile',
    next: 'nothing was added; run one reconciliation at a time, then this one again',
  });
