import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { CodedError } from '../../base/coded-error.ts';
import type { IdView } from '../../base/id-view.ts';
import type { Report } from '../core/report.ts';
import { REPORT_RECORD_BYTES, writeReportRecord } from './report-record.ts';

const READ_RECORDS = 1024;

/**
 * What one firm was told, in order, as records of fixed size: its drop copy is read from here. It outlives the exchange. After a restart
 * the same reports come again from the commands; those that are here are compared, those that are not are added.
 */
export class ReportFile {
  readonly #path: string;
  readonly #file: number;
  /** Records in the file that were not compared yet. */
  #uncompared: number;
  #written = 0;
  #held = Buffer.alloc(64 * REPORT_RECORD_BYTES);
  #heldView = viewOf(this.#held);
  #heldBytes = 0;
  /** What is compared; only while something is. */
  #old = Buffer.alloc(0);
  #oldFrom = 0;
  #oldTo = 0;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'a+', 0o600);
    const whole = Math.floor(fstatSync(this.#file).size / REPORT_RECORD_BYTES);
    ftruncateSync(this.#file, whole * REPORT_RECORD_BYTES);
    this.#uncompared = whole;
  }

  /** Number of the last report. */
  get last(): number {
    return this.#written + this.#heldBytes / REPORT_RECORD_BYTES;
  }

  add(report: Report, symbol: IdView): void {
    if (this.#heldBytes === this.#held.length) this.#grow();
    const at = this.#heldBytes;
    writeReportRecord(report, symbol, { bytes: this.#held, view: this.#heldView, at });
    if (this.#uncompared > 0) this.#compare(report.n, at);
    else this.#heldBytes += REPORT_RECORD_BYTES;
  }

  /** After the commands of an earlier run were all done again: everything that was told must have come again. */
  endComparison(): void {
    if (this.#uncompared > 0)
      throw this.#error(`it has ${this.#uncompared} reports more than the commands in the journal account for`);
    this.#old = Buffer.alloc(0);
  }

  /** Hands what has gathered to the operating system. */
  flush(): void {
    if (this.#heldBytes === 0) return;
    writeSync(this.#file, this.#held, 0, this.#heldBytes);
    this.#written += this.#heldBytes / REPORT_RECORD_BYTES;
    this.#heldBytes = 0;
  }

  /** Records `after + 1` and on, as many as fit; none at the end. */
  read(after: number): Buffer {
    this.flush();
    const count = Math.max(0, Math.min(READ_RECORDS, this.#written - after));
    const bytes = Buffer.alloc(count * REPORT_RECORD_BYTES);
    const read = count === 0 ? 0 : readSync(this.#file, bytes, 0, bytes.length, after * REPORT_RECORD_BYTES);
    return bytes.subarray(0, read - (read % REPORT_RECORD_BYTES));
  }

  /** What was not flushed is dropped. */
  close(): void {
    closeSync(this.#file);
  }

  #compare(n: number, at: number): void {
    if (this.#oldFrom === this.#oldTo) {
      const position = this.#written * REPORT_RECORD_BYTES;
      this.#oldFrom = 0;
      if (this.#old.length === 0) this.#old = Buffer.alloc(READ_RECORDS * REPORT_RECORD_BYTES);
      this.#oldTo = readSync(this.#file, this.#old, 0, this.#old.length, position);
    }
    const end = this.#oldFrom + REPORT_RECORD_BYTES;
    const same = this.#old.compare(this.#held, at, at + REPORT_RECORD_BYTES, this.#oldFrom, end) === 0;
    if (!same) throw this.#error(`report ${n} is not what the commands in the journal give`);
    this.#oldFrom = end;
    this.#uncompared -= 1;
    this.#written += 1;
  }

  #grow(): void {
    const larger = Buffer.alloc(this.#held.length * 2);
    this.#held.copy(larger);
    this.#held = larger;
    this.#heldView = viewOf(larger);
  }

  #error(found: string): CodedError {
    return new CodedError({
      code: 'HF-7252',
      attempted: `open the ledger ${this.#path}`,
      found,
      next: 'keep the directory; the exchange must not run on books that disagree with what it told its members',
    });
  }
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
