import { crc32c } from './crc32c.ts';
import { formatLsn, type Lsn } from './lsn.ts';

/** One record of a write-ahead log, whole and with a checksum that holds. */
export interface WalRecord {
  readonly lsn: Lsn;
  /** Where the next one begins, up to alignment and page headers. */
  readonly end: Lsn;
  readonly xid: number;
  readonly resourceManager: number;
  readonly info: number;
  /** What follows the header: references to blocks, then data. */
  readonly body: Buffer;
}

/** Where reading ended. `damaged`: more was written behind that place, or what stands there is no record. */
export interface WalEnd {
  readonly end: Lsn;
  readonly damaged: string | null;
}

export interface WalSource {
  readonly segmentBytes: number;
  /** The segment of this number; null when there is none. */
  readonly segment: (number: number) => Buffer | null;
}

const RECORD_HEADER_BYTES = 24;
const SHORT_HEADER_BYTES = 24;
const LONG_HEADER_BYTES = 40;
const CONTINUES = 0x1;
const LONG = 0x2;
const OVERWRITES_UNFINISHED = 0x8;
const XLOG_MANAGER = 0;
const SWITCH = 0x40;

interface Page {
  readonly bytes: Buffer;
  readonly headerBytes: number;
  readonly flags: number;
  readonly remaining: number;
}

/**
 * `unfinished`: the page that it goes on in was never written. `damaged`: it was, with something else. `overwritten`: with something else on
 * purpose, after a crash.
 */
interface Unfinished {
  readonly kind: 'unfinished' | 'damaged' | 'overwritten';
  readonly at: Lsn;
}

/**
 * Reads a log from the start of a segment to its end: format of PostgreSQL 15 to 18. Pages are believed when they say the address at
 * which they stand (a recycled segment holds older ones), records when their checksum and their link to the one before hold.
 */
export class WalReader {
  readonly #source: WalSource;
  #pageBytes = 8_192;
  #magic = 0;
  #loaded: { readonly number: number; readonly bytes: Buffer | null } | null = null;

  constructor(source: WalSource) {
    this.#source = source;
  }

  /** Gives every record to `take`; returns where the log ends. */
  read(fromSegment: number, take: (record: WalRecord) => void): WalEnd {
    const start = fromSegment * this.#source.segmentBytes;
    const first = this.#segment(fromSegment);
    if (first === null || first.length < LONG_HEADER_BYTES) return { end: start, damaged: 'the segment is not there' };
    this.#magic = first.readUInt16LE(0);
    this.#pageBytes = first.readUInt32LE(36);
    const page = this.#page(start);
    if (page === null || (page.flags & LONG) === 0 || first.readUInt32LE(32) !== this.#source.segmentBytes)
      return { end: start, damaged: `the segment of ${formatLsn(start)} does not begin as one` };
    let position: Lsn = start + page.headerBytes;
    if (page.flags & CONTINUES) {
      const skipped = this.#collect(position, page.remaining);
      if (skipped.kind === 'unfinished' || skipped.kind === 'damaged')
        return this.#ended(start, skipped.at, skipped.kind === 'unfinished');
      position = skipped.kind === 'whole' ? skipped.next : skipped.at;
    }
    let previous: Lsn | null = null;
    for (;;) {
      position = aligned(position);
      if (position % this.#pageBytes === 0) {
        const next = this.#page(position);
        if (next === null) return this.#ended(position, position);
        position += next.headerBytes;
      }
      const begins = this.#page(pageStart(position, this.#pageBytes));
      if (begins === null) return this.#ended(position, position);
      const offset = position % this.#pageBytes;
      const length = begins.bytes.readUInt32LE(offset);
      if (length === 0) return this.#ended(position, position, isZero(begins.bytes.subarray(offset)));
      if (length < RECORD_HEADER_BYTES) return this.#ended(position, position, false);
      const collected = this.#collect(position, length);
      if (collected.kind !== 'whole') {
        if (collected.kind !== 'overwritten')
          return this.#ended(position, collected.at, collected.kind === 'unfinished');
        position = collected.at;
        continue;
      }
      const { bytes } = collected;
      const linked: boolean = previous === null || Number(bytes.readBigUInt64LE(8)) === previous;
      const body = bytes.subarray(RECORD_HEADER_BYTES);
      if (!linked || crc32c(body, bytes.subarray(0, 20)) !== bytes.readUInt32LE(20))
        return this.#ended(position, position, false);
      previous = position;
      const info = bytes[16] ?? 0;
      const resourceManager = bytes[17] ?? 0;
      const switches = resourceManager === XLOG_MANAGER && (info & 0xf0) === SWITCH;
      const { segmentBytes } = this.#source;
      const end = switches ? Math.ceil(collected.next / segmentBytes) * segmentBytes : aligned(collected.next);
      take({ lsn: position, end, xid: bytes.readUInt32LE(4), resourceManager, info, body });
      position = end;
    }
  }

  /** `clean`: what stands at the end looks like the end of a log. What was written behind it says otherwise. */
  #ended(end: Lsn, lookFrom: Lsn, clean = true): WalEnd {
    if (!clean) return { end, damaged: `what stands at ${formatLsn(end)} is no record and not nothing` };
    for (let at = pageStart(lookFrom, this.#pageBytes) + this.#pageBytes; ; at += this.#pageBytes) {
      if (this.#segment(Math.floor(at / this.#source.segmentBytes)) === null) return { end, damaged: null };
      if (this.#page(at) !== null)
        return { end, damaged: `the log breaks off at ${formatLsn(end)} and goes on at ${formatLsn(at)}` };
    }
  }

  #collect(
    from: Lsn,
    length: number,
  ): { readonly kind: 'whole'; readonly bytes: Buffer; readonly next: Lsn } | Unfinished {
    const parts: Buffer[] = [];
    let missing = length;
    for (let at = from; ; ) {
      const page = this.#page(pageStart(at, this.#pageBytes));
      if (page === null) return { kind: 'unfinished', at: pageStart(at, this.#pageBytes) };
      if (at !== from) {
        if (page.flags & OVERWRITES_UNFINISHED) return { kind: 'overwritten', at };
        if ((page.flags & CONTINUES) === 0 || page.remaining !== missing) return { kind: 'damaged', at };
        at += page.headerBytes;
      }
      const part = page.bytes.subarray(at % this.#pageBytes).subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      at += part.length;
      if (missing === 0) return { kind: 'whole', bytes: Buffer.concat(parts), next: at };
    }
  }

  #page(at: Lsn): Page | null {
    const bytes = this.#segment(Math.floor(at / this.#source.segmentBytes));
    const offset = at % this.#source.segmentBytes;
    if (bytes === null || bytes.length < offset + this.#pageBytes) return null;
    if (bytes.readUInt16LE(offset) !== this.#magic || bytes.readBigUInt64LE(offset + 8) !== BigInt(at)) return null;
    const flags = bytes.readUInt16LE(offset + 2);
    return {
      bytes: bytes.subarray(offset, offset + this.#pageBytes),
      headerBytes: flags & LONG ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES,
      flags,
      remaining: bytes.readUInt32LE(offset + 16),
    };
  }

  #segment(number: number): Buffer | null {
    if (this.#loaded?.number !== number) this.#loaded = { number, bytes: this.#source.segment(number) };
    return this.#loaded.bytes;
  }
}

const aligned = (position: Lsn): Lsn => Math.ceil(position / 8) * 8;
const pageStart = (position: Lsn, pageBytes: number): Lsn => position - (position % pageBytes);
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);
