import type { WalRecord } from './wal-reader.ts';

/** A file of a relation, as the log names it. */
export interface RelationFile {
  readonly tablespace: number;
  /** 0: shared by all databases. */
  readonly database: number;
  readonly file: number;
}

export interface BlockReference {
  readonly id: number;
  readonly relation: RelationFile;
  /** 0: the rows themselves, not maps of free space or visibility. */
  readonly fork: number;
  readonly block: number;
}

const SHORT_DATA = 255;
const LONG_DATA = 254;
const ORIGIN = 253;
const TOPLEVEL_XID = 252;
const HIGHEST_BLOCK_ID = 32;
const HAS_IMAGE = 0x10;
const SAME_RELATION = 0x80;
const HAS_HOLE = 0x01;
const COMPRESSED = 0x04 | 0x08 | 0x10;

/** Splits a record's body (PostgreSQL 15 and newer). Null: it is of no form that is known. */
export function parseRecordBody({
  body,
}: Pick<WalRecord, 'body'>): { readonly blocks: readonly BlockReference[]; readonly data: Buffer } | null {
  const blocks: BlockReference[] = [];
  let at = 0;
  let payload = 0;
  let dataBytes = 0;
  let relation: RelationFile | null = null;
  while (body.length - at > payload + dataBytes) {
    const id = body[at] ?? 0;
    at += 1;
    if (id === SHORT_DATA) {
      dataBytes = body.readUInt8(at);
      at += 1;
    } else if (id === LONG_DATA) {
      dataBytes = body.readUInt32LE(at);
      at += 4;
    } else if (id === ORIGIN) at += 2;
    else if (id === TOPLEVEL_XID) at += 4;
    else if (id <= HIGHEST_BLOCK_ID) {
      const flags = body.readUInt8(at);
      payload += body.readUInt16LE(at + 1);
      at += 3;
      if (flags & HAS_IMAGE) {
        payload += body.readUInt16LE(at);
        const imageFlags = body.readUInt8(at + 4);
        at += imageFlags & HAS_HOLE && imageFlags & COMPRESSED ? 7 : 5;
      }
      if ((flags & SAME_RELATION) === 0) {
        relation = parseRelationFile(body, at);
        at += RELATION_FILE_BYTES;
      }
      if (relation === null) return null;
      blocks.push({ id, relation, fork: flags & 0x0f, block: body.readUInt32LE(at) });
      at += 4;
    } else return null;
  }
  if (body.length - at !== payload + dataBytes) return null;
  return { blocks, data: body.subarray(body.length - dataBytes) };
}

export const RELATION_FILE_BYTES = 12;

export const parseRelationFile = (bytes: Buffer, at: number): RelationFile => ({
  tablespace: bytes.readUInt32LE(at),
  database: bytes.readUInt32LE(at + 4),
  file: bytes.readUInt32LE(at + 8),
});
