import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from '../base/durable-file.ts';
import { asRecord, parseRecord } from '../base/json-record.ts';
import { KeeperBook, type KeptPart } from './keeper-book.ts';

/**
 * What a position keeper took in, on its own disk: an append-only file of chained lines, so that a start need not read it from the engine
 * again. It proves nothing: a file that is not as it was written, or whose trades do not make the positions that it names, is set
 * aside, and everything is read from the engine.
 */
export class KeeperLog {
  readonly #path: string;
  #file: number;
  #link = firstLink;
  #through = 0;
  /** Why a file that was there is not used; null = it is, or there was none. */
  readonly setAside: string | null;
  /** The book that the file amounts to. */
  readonly book: KeeperBook;

  /** @param path of the file; one that cannot be used is kept beside it, with `.unusable` behind its name. */
  static open(path: string): KeeperLog {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (!existsSync(path)) return new KeeperLog(path, null);
    try {
      return new KeeperLog(path, null, readWhole(path));
    } catch (error) {
      renameSync(path, `${path}.unusable`);
      return new KeeperLog(path, error instanceof Error ? error.message : String(error));
    }
  }

  private constructor(path: string, setAside: string | null, found: Whole | null = null) {
    this.#path = path;
    this.setAside = setAside;
    this.#file = openSync(path, 'a', 0o600);
    this.book = found?.book ?? new KeeperBook();
    this.#through = this.book.through;
    this.#link = found?.link ?? firstLink;
    // What a crash left of a last line.
    ftruncateSync(this.#file, found?.bytes ?? 0);
    syncDirectory(dirname(path));
  }

  /** How far it goes. */
  get through(): number {
    return this.#through;
  }

  /** Adds what the book has beyond the file; on disk when this returns. A book with entries that could not be booked is not kept. */
  keep(book: KeeperBook): void {
    if (book.through === this.#through || book.unbooked.length > 0) return;
    this.#link = write(this.#file, this.#link, book.partsAfter(this.#through, rowsPerLine));
    this.#through = book.through;
  }

  /** Another book takes the place of what was kept, which is there until all of it is on disk. One that cannot be kept takes none. */
  replace(book: KeeperBook): void {
    if (book.unbooked.length > 0) return;
    const next = `${this.#path}.new`;
    const file = openSync(next, 'w', 0o600);
    try {
      const link = write(file, firstLink, book.partsAfter(0, rowsPerLine));
      renameSync(next, this.#path);
      closeSync(this.#file);
      this.#file = file;
      this.#link = link;
      this.#through = book.through;
    } catch (error) {
      closeSync(file);
      throw error;
    }
    syncDirectory(dirname(this.#path));
  }

  /** Another book that the file amounts to, read again. @throws Error when it is no longer as it was written. */
  reread(): KeeperBook {
    return readWhole(this.#path).book;
  }

  close(): void {
    closeSync(this.#file);
  }
}

interface Whole {
  readonly book: KeeperBook;
  readonly link: string;
  readonly bytes: number;
}

const readWhole = (path: string): Whole => {
  const content = readFileSync(path);
  const bytes = content.lastIndexOf(0x0a) + 1;
  const book = new KeeperBook();
  let link = firstLink;
  let hash = '';
  for (const [index, line] of content.toString('utf8', 0, bytes).split('\n').slice(0, -1).entries()) {
    const [said, body] = [line.slice(0, linkLength), line.slice(linkLength + 1)];
    link = linkOf(link, body);
    const part = parseRecord(body);
    if (said !== link || asRecord(part) === null) throw new Error(`line ${index + 1} is not as it was written`);
    // Its link says that it was written here.
    const kept = part as unknown as KeptPart;
    book.restore(kept);
    hash = kept.hash;
  }
  if (bytes > 0 && book.snapshot().hash !== hash) throw new Error('its trades do not make the positions that it names');
  if (book.unbooked.length > 0) throw new Error('an entry of it could not be booked');
  return { book, link, bytes };
};

/** On disk when this returns. Returns the link of the last line. */
const write = (file: number, first: string, parts: readonly KeptPart[]): string => {
  let link = first;
  let text = '';
  for (const part of parts) {
    const body = JSON.stringify(part);
    link = linkOf(link, body);
    text += `${link} ${body}\n`;
  }
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  fsyncSync(file);
  return link;
};

const linkLength = 64;
const firstLink = '0'.repeat(linkLength);
const linkOf = (link: string, body: string): string => createHash('sha256').update(link).update(body).digest('hex');

const rowsPerLine = 10_000;
