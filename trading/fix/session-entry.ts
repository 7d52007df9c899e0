import type { SentMessage } from './session-types.ts';

/**
 * What a journal has to hold of a session so that another place can continue it. State is a fold over these and nothing else; each is
 * one record (`docs/reference/journal-format.md`) and may stand among records of other kinds.
 */
export type FixEntry =
  | ({ readonly kind: 'fix-sent'; readonly session: string } & SentMessage)
  /** No number below `next` is to be used again. */
  | { readonly kind: 'fix-numbers'; readonly session: string; readonly next: number }
  /** Everything below `next` was received and delivered. */
  | { readonly kind: 'fix-received'; readonly session: string; readonly next: number }
  | { readonly kind: 'fix-reset'; readonly session: string };

/** The number of each kind in a record. 32 to 47 are for FIX sessions and never given to anything else. */
export const FIX_RECORD_KIND = {
  'fix-sent': 32,
  'fix-numbers': 33,
  'fix-received': 34,
  'fix-reset': 35,
} as const satisfies Record<FixEntry['kind'], number>;

const FIRST_FIX_KIND = 32;
const LAST_FIX_KIND = 47;

/** Whether a record of this kind is a session's. */
export const isFixKind = (kind: number): boolean => kind >= FIRST_FIX_KIND && kind <= LAST_FIX_KIND;

/** The longest name of a session, and the longest MsgType, in a record. */
export const MAX_NAME_BYTES = 255;
/** Fields of the longest message in a record: with header and trailer it stays below the 64 KiB that a `FrameReader` takes. */
export const MAX_FIELDS_BYTES: number = 60 * 1024;

/** Offsets within a record. Name, MsgType and fields follow the numbers, one directly after the other. */
const RECORD = {
  bytes: 0,
  kind: 2,
  /** 1: PossResend. */
  flags: 3,
  sessionLength: 4,
  msgTypeLength: 5,
  fieldsLength: 6,
  number: 8,
  /** Only in `fix-sent`. */
  sendingMs: 16,
  texts: 16,
  textsOfSent: 24,
} as const;

const POSS_RESEND = 1;
const HIGH = 0x1_0000_0000;

const textsAt = (kind: number): number => (kind === FIX_RECORD_KIND['fix-sent'] ? RECORD.textsOfSent : RECORD.texts);
const padded = (bytes: number): number => (bytes + 7) & ~7;

/** How long the record of an entry is. */
export const fixRecordBytes = (entry: FixEntry): number => {
  const more = entry.kind === 'fix-sent' ? Buffer.byteLength(entry.msgType) + entry.fields.length : 0;
  return padded(textsAt(FIX_RECORD_KIND[entry.kind]) + Buffer.byteLength(entry.session) + more);
};

/** Writes an entry at an offset with room for `fixRecordBytes`; returns the record's length. What does not fit is a bug and throws. */
export const writeFixEntry = (bytes: Buffer, offset: number, entry: FixEntry): number => {
  const kind = FIX_RECORD_KIND[entry.kind];
  bytes.fill(0, offset, offset + textsAt(kind));
  bytes[offset + RECORD.kind] = kind;
  let at = writeText(bytes, offset + textsAt(kind), { text: entry.session, lengthAt: offset + RECORD.sessionLength });
  if (entry.kind === 'fix-sent') {
    const { fields } = entry;
    if (fields.length > MAX_FIELDS_BYTES) throw new Error(`${fields.length} bytes of fields in a journal entry`);
    if (entry.possResend) bytes[offset + RECORD.flags] = POSS_RESEND;
    writeCount(bytes, offset + RECORD.number, entry.seq);
    writeCount(bytes, offset + RECORD.sendingMs, entry.sendingMs);
    at = writeText(bytes, at, { text: entry.msgType, lengthAt: offset + RECORD.msgTypeLength });
    bytes.writeUInt16LE(fields.length, offset + RECORD.fieldsLength);
    bytes.set(fields, at);
    at += fields.length;
  } else if (entry.kind !== 'fix-reset') writeCount(bytes, offset + RECORD.number, entry.next);
  const length = padded(at - offset);
  bytes.fill(0, at, offset + length);
  bytes.writeUInt16LE(length, offset + RECORD.bytes);
  return length;
};

/** An entry as a record of its own. */
export const encodeFixEntry = (entry: FixEntry): Buffer => {
  const bytes = Buffer.alloc(fixRecordBytes(entry));
  writeFixEntry(bytes, 0, entry);
  return bytes;
};

/**
 * Reads a record; null for one that is no session's. The block's checksum has vouched for it, so a strange one is a bug, or of a newer
 * version, and throws. Nothing of the answer lies in `record`.
 */
export const decodeFixEntry = (record: Buffer): FixEntry | null => {
  const kind = record[RECORD.kind]!;
  if (!isFixKind(kind)) return null;
  if (kind > FIX_RECORD_KIND['fix-reset'])
    throw new Error(`an entry of a FIX session of unknown kind ${kind}: written by a newer version?`);
  const sessionAt = textsAt(kind);
  const msgTypeAt = sessionAt + record[RECORD.sessionLength]!;
  const fieldsAt = msgTypeAt + record[RECORD.msgTypeLength]!;
  const end = fieldsAt + record.readUInt16LE(RECORD.fieldsLength);
  if (padded(end) !== record.length)
    throw new Error(`an entry of a FIX session of ${record.length} bytes that says it needs ${padded(end)}`);
  const session = record.toString('utf8', sessionAt, msgTypeAt);
  switch (kind) {
    case FIX_RECORD_KIND['fix-sent']:
      return {
        kind: 'fix-sent',
        session,
        seq: readCount(record, RECORD.number),
        sendingMs: readCount(record, RECORD.sendingMs),
        msgType: record.toString('utf8', msgTypeAt, fieldsAt),
        possResend: record[RECORD.flags] === POSS_RESEND,
        fields: Buffer.from(record.subarray(fieldsAt, end)),
      };
    case FIX_RECORD_KIND['fix-numbers']:
      return { kind: 'fix-numbers', session, next: readCount(record, RECORD.number) };
    case FIX_RECORD_KIND['fix-received']:
      return { kind: 'fix-received', session, next: readCount(record, RECORD.number) };
    default:
      return { kind: 'fix-reset', session };
  }
};

const writeText = (
  bytes: Buffer,
  at: number,
  options: { readonly text: string; readonly lengthAt: number },
): number => {
  const length = Buffer.byteLength(options.text);
  if (length > MAX_NAME_BYTES) throw new Error(`a name of ${length} bytes in a journal entry`);
  bytes.write(options.text, at);
  bytes[options.lengthAt] = length;
  return at + length;
};

const writeCount = (bytes: Buffer, offset: number, value: number): void => {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`the number ${value} in a journal entry`);
  bytes.writeUInt32LE(value % HIGH, offset);
  bytes.writeUInt32LE(Math.floor(value / HIGH), offset + 4);
};

const readCount = (record: Buffer, offset: number): number =>
  record.readUInt32LE(offset) + record.readUInt32LE(offset + 4) * HIGH;
