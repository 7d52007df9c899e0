import { closeSync, fdatasync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { CodedError } from '../../base/coded-error.ts';

/** Magic, bytes of the payload, checksum of everything after it, commands in it, number of the first, chain after the last. */
const HEADER_BYTES = 32;
const MAGIC = 0x4a56_4648;
const CHECKED_FROM = 12;
const MOST_PAYLOAD = 64 * 1024 * 1024;
/** What has gathered beyond this is synced in the background: `sync`, for which a takeover waits, finds little left to do. */
const SYNCED_BEHIND_BYTES = 32 * 1024;

export interface JournalBatch {
  readonly payload: Buffer;
  readonly commands: number;
  /** Number of its first command, from 1. */
  readonly first: number;
  /** The exchange's chain after its last command. */
  readonly chain: number;
}

/**
 * Every command that took effect, in order, in batches that are whole or not there: the one truth from which books and reports come
 * again. A batch is written before anyone is told of what it brought about.
 */
export class CommandJournal {
  readonly #path: string;
  readonly #file: number;
  #end = 0;
  #next = 1;
  #held = Buffer.alloc(64 * 1024);
  #heldEnd = HEADER_BYTES;
  #heldCommands = 0;
  #torn = false;
  #unsyncedBytes = 0;
  #isSyncing = false;
  #isClosed = false;
  /** A sync failed: what came before it may be lost, whatever a later one says. */
  #failure: Error | null = null;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'a+', 0o600);
  }

  /** Gives each batch of earlier runs to `onBatch`. A torn last batch is passed over; damage before the last is an error. */
  read(onBatch: (batch: JournalBatch) => void): void {
    const size = fstatSync(this.#file).size;
    const header = Buffer.alloc(HEADER_BYTES);
    while (this.#end + HEADER_BYTES <= size) {
      readSync(this.#file, header, 0, HEADER_BYTES, this.#end);
      const bytes = header.readUInt32LE(4);
      if (header.readUInt32LE(0) !== MAGIC || bytes > MOST_PAYLOAD) throw this.#damaged('is no batch of commands');
      if (this.#end + HEADER_BYTES + bytes > size) break;
      const payload = Buffer.alloc(bytes);
      readSync(this.#file, payload, 0, bytes, this.#end + HEADER_BYTES);
      const last = this.#end + HEADER_BYTES + bytes === size;
      if (crc32(payload, crc32(header.subarray(CHECKED_FROM))) !== header.readUInt32LE(8)) {
        if (last) break;
        throw this.#damaged('does not have the bytes that its checksum says');
      }
      const first = header.readDoubleLE(16);
      if (first !== this.#next) throw this.#damaged(`begins at command ${first}, expected ${this.#next}`);
      const commands = header.readUInt32LE(12);
      onBatch({ payload, commands, first, chain: header.readDoubleLE(24) });
      this.#next += commands;
      this.#end += HEADER_BYTES + bytes;
    }
    this.#torn = this.#end < size;
  }

  /** Cuts what is torn at the end. Only once it is clear that nobody was told of it. */
  cutTorn(): void {
    if (this.#torn) ftruncateSync(this.#file, this.#end);
    this.#torn = false;
  }

  /** Room for one more record of at most `bytes`; call `added` with its end. */
  room(bytes: number): { readonly bytes: Buffer; readonly at: number } {
    if (this.#heldEnd + bytes > this.#held.length) {
      const larger = Buffer.alloc(this.#held.length * 2);
      this.#held.copy(larger, 0, 0, this.#heldEnd);
      this.#held = larger;
    }
    return { bytes: this.#held, at: this.#heldEnd };
  }

  added(end: number): void {
    this.#heldEnd = end;
    this.#heldCommands += 1;
  }

  /** Hands the batch that has gathered to the operating system: it survives this process. */
  flush(chain: number): void {
    if (this.#heldCommands === 0) return;
    const bytes = this.#held;
    bytes.writeUInt32LE(MAGIC, 0);
    bytes.writeUInt32LE(this.#heldEnd - HEADER_BYTES, 4);
    bytes.writeUInt32LE(this.#heldCommands, 12);
    bytes.writeDoubleLE(this.#next, 16);
    bytes.writeDoubleLE(chain, 24);
    bytes.writeUInt32LE(crc32(bytes.subarray(HEADER_BYTES, this.#heldEnd), headerCrc(bytes)), 8);
    writeSync(this.#file, bytes, 0, this.#heldEnd);
    this.#end += this.#heldEnd;
    this.#unsyncedBytes += this.#heldEnd;
    this.#next += this.#heldCommands;
    this.#heldEnd = HEADER_BYTES;
    this.#heldCommands = 0;
    if (this.#unsyncedBytes >= SYNCED_BEHIND_BYTES) this.#syncBehind();
  }

  /** What was flushed survives the machine when this returns. */
  sync(): void {
    if (this.#failure !== null) throw this.#failure;
    fdatasyncSync(this.#file);
    this.#unsyncedBytes = 0;
  }

  close(): void {
    this.#isClosed = true;
    if (!this.#isSyncing) closeSync(this.#file);
  }

  #syncBehind(): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    this.#unsyncedBytes = 0;
    fdatasync(this.#file, (error) => {
      this.#isSyncing = false;
      this.#failure ??= error;
      if (this.#isClosed) closeSync(this.#file);
    });
  }

  #damaged(found: string): CodedError {
    return new CodedError({
      code: 'HF-7251',
      attempted: `read the exchange's journal ${this.#path}`,
      found: `what begins at byte ${this.#end} ${found}`,
      next: 'keep the directory; the exchange cannot know what it acknowledged after that place',
    });
  }
}

const headerCrc = (bytes: Buffer): number => crc32(bytes.subarray(CHECKED_FROM, HEADER_BYTES));
