import { crc32 } from 'node:zlib';
import { writeU64 } from '../base/u64.ts';

/**
 * The unit of the journal and of replication: a few records written at once, in one epoch, chained to the block before by
 * its checksum. Equal checksums at equal sequences therefore mean equal journals up to there. Blocks are copied between
 * instances byte for byte. `docs/reference/journal-format.md` has the offsets.
 */
export interface Block {
  readonly header: BlockHeader;
  /** Header and payload, as stored and sent. */
  readonly bytes: Buffer;
}

export interface BlockHeader {
  readonly epoch: number;
  readonly firstSequence: number;
  readonly count: number;
  /** Commit marker: how far releases had got when this was written. */
  readonly committed: number;
  /** Checksum of the block before; 0 for the first. */
  readonly previousCrc: number;
  /** CRC-32 of everything in the block after this field. */
  readonly crc: number;
  readonly payloadBytes: number;
}

/** End of a log: the last sequence, the epoch of that entry and the checksum of its block. Sequence 0 = empty. */
export interface LogEnd {
  readonly sequence: number;
  readonly epoch: number;
  readonly crc: number;
}

export const EMPTY_LOG: LogEnd = { sequence: 0, epoch: 0, crc: 0 };
export const BLOCK_HEADER_BYTES = 48;
export const MAX_BLOCK_BYTES = 8 * 1024 * 1024;
const MAGIC = 0x324a_4648; // "HFJ2"
const CRC_FROM = 8;

export const MAGIC_BYTES: Buffer = Buffer.from([0x48, 0x46, 0x4a, 0x32]);

export const lastSequenceOf = (header: BlockHeader): number => header.firstSequence + header.count - 1;
export const blockEnd = (header: BlockHeader): LogEnd => ({
  sequence: lastSequenceOf(header),
  epoch: header.epoch,
  crc: header.crc,
});

/**
 * Turns bytes into the block that follows `previous`: `bytes` has room for the header in front of whole records, and is the
 * block's own from now on. `view` begins with the same byte.
 */
export const sealBlock = (
  bytes: Buffer,
  view: DataView,
  options: {
    readonly previous: LogEnd;
    readonly epoch: number;
    readonly committed: number;
    readonly count: number;
  },
): Block => {
  const { previous, epoch, committed, count } = options;
  const payloadBytes = bytes.length - BLOCK_HEADER_BYTES;
  const firstSequence = previous.sequence + 1;
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, payloadBytes, true);
  view.setUint32(12, count, true);
  writeU64(view, 16, epoch);
  writeU64(view, 24, firstSequence);
  writeU64(view, 32, committed);
  view.setUint32(40, previous.crc, true);
  view.setUint32(44, 0, true);
  const crc = crc32(bytes.subarray(CRC_FROM));
  view.setUint32(4, crc, true);
  const header = { epoch, firstSequence, count, committed, previousCrc: previous.crc, crc, payloadBytes };
  return { bytes, header };
};

/** Makes the block that follows `previous` of records that lie elsewhere. */
export const encodeBlock = (options: {
  readonly previous: LogEnd;
  readonly epoch: number;
  readonly committed: number;
  readonly records: readonly Uint8Array[];
}): Block => {
  const { records, ...place } = options;
  const bytes = Buffer.concat([Buffer.alloc(BLOCK_HEADER_BYTES), ...records]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return sealBlock(bytes, view, { ...place, count: records.length });
};

/** The block at an offset if all of it is there and its checksum holds, else null. */
export const decodeBlock = (buffer: Buffer, offset: number): Block | null => {
  if (offset + BLOCK_HEADER_BYTES > buffer.length || buffer.readUInt32LE(offset) !== MAGIC) return null;
  const payloadBytes = buffer.readUInt32LE(offset + 8);
  const end = offset + BLOCK_HEADER_BYTES + payloadBytes;
  if (payloadBytes > MAX_BLOCK_BYTES || end > buffer.length) return null;
  const crc = buffer.readUInt32LE(offset + 4);
  if (crc32(buffer.subarray(offset + CRC_FROM, end)) !== crc) return null;
  const header = readHeader(buffer, offset);
  if (header === null) return null;
  return { header, bytes: buffer.subarray(offset, end) };
};

/** What a block's header says, whatever stands behind it; null when none is there. */
export const readHeader = (buffer: Buffer, offset: number): BlockHeader | null => {
  if (offset + BLOCK_HEADER_BYTES > buffer.length || buffer.readUInt32LE(offset) !== MAGIC) return null;
  return {
    epoch: readNumber(buffer, offset + 16),
    firstSequence: readNumber(buffer, offset + 24),
    count: buffer.readUInt32LE(offset + 12),
    committed: readNumber(buffer, offset + 32),
    previousCrc: buffer.readUInt32LE(offset + 40),
    crc: buffer.readUInt32LE(offset + 4),
    payloadBytes: buffer.readUInt32LE(offset + 8),
  };
};

/** A number of six bytes; the two behind it are zero. */
const readNumber = (buffer: Buffer, offset: number): number =>
  buffer.readUInt32LE(offset) + buffer.readUInt16LE(offset + 4) * 0x1_0000_0000;

/** Why a block cannot follow `end`, or null when it can. */
export const whyNotNext = (end: LogEnd, header: BlockHeader): string | null => {
  if (header.firstSequence !== end.sequence + 1)
    return `it starts at ${header.firstSequence} where ${end.sequence + 1} is next`;
  if (header.previousCrc !== end.crc) return `it does not follow the block that ends at ${end.sequence}`;
  if (header.epoch < end.epoch) return `its epoch ${header.epoch} is older than ${end.epoch}`;
  return header.count === 0 ? 'it is empty' : null;
};

/** The records of a block, each as the bytes that it has there; a record begins with its length in two bytes. */
export const blockRecords = (block: Block): Buffer[] => {
  const { bytes, header } = block;
  const records: Buffer[] = [];
  let offset = BLOCK_HEADER_BYTES;
  for (let at = 0; at < header.count; at++) {
    const end = offset + bytes.readUInt16LE(offset);
    records.push(bytes.subarray(offset, end));
    offset = end;
  }
  return records;
};
