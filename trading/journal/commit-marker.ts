import { closeSync, constants, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { writeU64 } from '../base/u64.ts';

/** What the journal is known to hold for certain; tells a torn tail from a lost one at recovery. */
export interface Marker {
  /** Everything up to here was on disk when this was written. */
  readonly durable: number;
  /** Everything up to here had been released, as far as this instance knew. */
  readonly released: number;
}

const SLOT_BYTES = 32;
const SUMMED_BYTES = 24;

/**
 * A file of two slots written in turn, so that a torn write leaves the other one. It is written *after* the blocks it
 * speaks of were synced and not synced itself: it may be behind the journal, never ahead of it.
 */
export class CommitMarker {
  readonly #file: number;
  readonly #slot = Buffer.alloc(SLOT_BYTES);
  readonly #view = new DataView(this.#slot.buffer, this.#slot.byteOffset, SLOT_BYTES);
  readonly #summed = this.#slot.subarray(0, SUMMED_BYTES);
  #generation = 0;
  #marker: Marker = { durable: 0, released: 0 };

  constructor(path: string) {
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    for (const slot of [0, 1]) this.#load(slot);
  }

  get marker(): Marker {
    return this.#marker;
  }

  write(marker: Marker): void {
    this.#marker = marker;
    this.#generation += 1;
    writeU64(this.#view, 0, this.#generation);
    writeU64(this.#view, 8, marker.durable);
    writeU64(this.#view, 16, marker.released);
    this.#view.setUint32(SUMMED_BYTES, crc32(this.#summed), true);
    writeSync(this.#file, this.#slot, 0, SLOT_BYTES, (this.#generation % 2) * SLOT_BYTES);
  }

  /** After this the marker survives a power loss; needed only before it is lowered. */
  sync(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }

  #load(slot: number): void {
    const bytes = Buffer.alloc(SLOT_BYTES);
    if (readSync(this.#file, bytes, 0, SLOT_BYTES, slot * SLOT_BYTES) !== SLOT_BYTES) return;
    if (crc32(bytes.subarray(0, SUMMED_BYTES)) !== bytes.readUInt32LE(SUMMED_BYTES)) return;
    const generation = bytes.readUIntLE(0, 6);
    if (generation <= this.#generation) return;
    this.#generation = generation;
    this.#marker = { durable: bytes.readUIntLE(8, 6), released: bytes.readUIntLE(16, 6) };
  }
}
