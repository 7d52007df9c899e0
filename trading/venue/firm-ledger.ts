import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { countField, type JsonRecord, parseRecord } from '../base/json-record.ts';

const INDEX_EVERY = 256;
const READ_BYTES = 256 * 1024;

/**
 * What the venue did for one firm: a file of JSON lines, numbered reports and epoch raises, which outlives the venue and is what
 * a drop copy is read from. Reports are written once per turn of the event loop, before anyone is told of them.
 */
export class FirmLedger {
  readonly #file: number;
  /** Byte offset of report 1, 257, 513, … */
  readonly #offsets: number[] = [];
  #unwritten = '';
  #unwrittenBytes = 0;
  #bytes = 0;
  #last = 0;

  /** Opens or creates the file, giving each whole line to `onLine` in order. A torn last line is cut. */
  constructor(path: string, onLine: (record: JsonRecord) => void) {
    this.#file = openSync(path, 'a+', 0o600);
    const size = fstatSync(this.#file).size;
    let rest = '';
    const chunk = Buffer.alloc(READ_BYTES);
    const decoder = new TextDecoder();
    for (let at = 0; at < size; ) {
      const read = readSync(this.#file, chunk, 0, chunk.length, at);
      at += read;
      const lines = (rest + decoder.decode(chunk.subarray(0, read), { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const record = parseRecord(line);
        if (record === null) throw new Error(`the ledger ${path} is damaged near byte ${this.#bytes}`);
        this.#note(record);
        this.#bytes += Buffer.byteLength(line) + 1;
        onLine(record);
      }
    }
    if (this.#bytes < size) ftruncateSync(this.#file, this.#bytes);
  }

  /** Number of the last report. */
  get last(): number {
    return this.#last;
  }

  /** Adds a report, which gets the next number; returns its line. */
  report(fields: object): string {
    const record = { t: 'report', n: this.#last + 1, ...fields };
    const line = `${JSON.stringify(record)}\n`;
    this.#note(record);
    this.#hold(line);
    return line;
  }

  /** On disk when this returns. */
  raiseEpoch(epoch: number): void {
    this.#hold(`${JSON.stringify({ t: 'epoch', epoch })}\n`);
    this.flush();
    fdatasyncSync(this.#file);
  }

  flush(): void {
    if (this.#unwritten === '') return;
    const text = this.#unwritten;
    this.#unwritten = '';
    this.#unwrittenBytes = 0;
    this.#bytes += writeSync(this.#file, text);
  }

  /** Where reports after `after` begin in the file, and how many to skip from there. */
  locate(after: number): { offset: number; skipTo: number } {
    return { offset: this.#offsets[Math.floor(after / INDEX_EVERY)] ?? this.#bytes, skipTo: after };
  }

  /** The whole lines from an offset on, as text of limited size, and the offset after them; null at the end. */
  read(offset: number): { readonly lines: readonly string[]; readonly next: number } | null {
    this.flush();
    if (offset >= this.#bytes) return null;
    const chunk = Buffer.alloc(Math.min(READ_BYTES, this.#bytes - offset));
    const read = readSync(this.#file, chunk, 0, chunk.length, offset);
    const end = chunk.lastIndexOf(10, read - 1) + 1;
    if (end === 0) throw new Error('a ledger line is longer than the read size');
    return { lines: chunk.toString('utf8', 0, end - 1).split('\n'), next: offset + end };
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }

  #hold(line: string): void {
    this.#unwritten += line;
    this.#unwrittenBytes += Buffer.byteLength(line);
  }

  #note(record: JsonRecord): void {
    const n = record.t === 'report' ? countField(record, 'n') : null;
    if (n === null) return;
    if (n !== this.#last + 1) throw new Error(`report ${n} after ${this.#last} in a ledger`);
    this.#last = n;
    if ((n - 1) % INDEX_EVERY === 0) this.#offsets.push(this.#bytes + this.#unwrittenBytes);
  }
}
