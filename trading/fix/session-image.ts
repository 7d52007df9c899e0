import { KeptSession } from './kept-session.ts';
import { decodeFixEntry, encodeFixEntry, MAX_NAME_BYTES } from './session-entry.ts';
import type { SentMessage } from './session-types.ts';

/** Offsets in front of name, places and messages, which follow one directly after the other. */
const HEAD = {
  bytes: 0,
  nameBytes: 4,
  nextOut: 8,
  nextIn: 16,
  places: 24,
  messages: 28,
} as const;
const HEAD_BYTES = 32;
const PLACE_BYTES = 8;

/** A session as bytes: its numbers, where each of its messages is in the journal, and those that are in memory, as their records. */
export const writeSessionImage = (kept: KeptSession): Buffer => {
  const { numbers, places, messages } = kept.held;
  const { session } = kept;
  const name = Buffer.from(session);
  const head = Buffer.alloc(HEAD_BYTES);
  const placed = Buffer.alloc(places.length * PLACE_BYTES);
  for (const [number, place] of places.entries()) placed.writeDoubleLE(place, number * PLACE_BYTES);
  const records = messages.map((message) => encodeFixEntry({ kind: 'fix-sent', session, ...message }));
  const image = Buffer.concat([head, name, placed, ...records]);
  image.writeUInt32LE(image.length, HEAD.bytes);
  image.writeUInt32LE(name.length, HEAD.nameBytes);
  image.writeDoubleLE(numbers.nextOut, HEAD.nextOut);
  image.writeDoubleLE(numbers.nextIn, HEAD.nextIn);
  image.writeUInt32LE(places.length, HEAD.places);
  image.writeUInt32LE(records.length, HEAD.messages);
  return image;
};

/** The session whose image begins there, and where it ends. Throws when there is none. Nothing of the session lies in `bytes`. */
export const readSessionImage = (
  bytes: Buffer,
  offset: number,
): { readonly kept: KeptSession; readonly end: number } => {
  if (offset + HEAD_BYTES > bytes.length) throw new Error('the image of a FIX session is shorter than its numbers');
  const end = offset + bytes.readUInt32LE(offset + HEAD.bytes);
  const nameAt = offset + HEAD_BYTES;
  const placesAt = nameAt + bytes.readUInt32LE(offset + HEAD.nameBytes);
  const placeCount = bytes.readUInt32LE(offset + HEAD.places);
  const messagesAt = placesAt + placeCount * PLACE_BYTES;
  if (placesAt - nameAt > MAX_NAME_BYTES || messagesAt > end || end > bytes.length)
    throw new Error('the image of a FIX session is shorter than what it holds');
  const session = bytes.toString('utf8', nameAt, placesAt);
  const places = Float64Array.from({ length: placeCount }, (_, at) => bytes.readDoubleLE(placesAt + at * PLACE_BYTES));
  const messages: SentMessage[] = [];
  let at = messagesAt;
  for (let left = bytes.readUInt32LE(offset + HEAD.messages); left > 0; left--) {
    const length = at + 2 <= end ? bytes.readUInt16LE(at) : 0;
    if (length === 0 || at + length > end) throw new Error('the image of a FIX session ends within its messages');
    const entry = decodeFixEntry(bytes.subarray(at, at + length));
    if (entry?.kind !== 'fix-sent' || entry.session !== session)
      throw new Error(`the image of the FIX session ${session} holds something else`);
    const { seq, msgType, sendingMs, possResend, fields } = entry;
    messages.push({ seq, msgType, sendingMs, possResend, fields });
    at += length;
  }
  if (at !== end) throw new Error('the image of a FIX session is longer than what it holds');
  const numbers = {
    nextOut: bytes.readDoubleLE(offset + HEAD.nextOut),
    nextIn: bytes.readDoubleLE(offset + HEAD.nextIn),
  };
  return { kept: KeptSession.restored(session, { numbers, places, messages }), end };
};
