import type { IdView } from '../base/id-view.ts';

/** Returned for a 64-bit number that is no safe integer. */
export const NOT_SAFE = -1;

export const readU64 = (view: DataView, at: number): number => {
  const high = view.getUint32(at + 4, true);
  return high > 0x1f_ffff ? NOT_SAFE : high * 0x1_0000_0000 + view.getUint32(at, true);
};

/** Points at a text; false when it is not well formed: something follows its first zero byte, or it has control characters. */
export const readText = (bytes: Uint8Array, at: number, size: number, into: IdView): boolean => {
  let length = 0;
  while (length < size && bytes[at + length] !== 0) {
    const code = bytes[at + length]!;
    if (code < 0x20 || code === 0x7f) return false;
    length += 1;
  }
  for (let rest = length; rest < size; rest++) if (bytes[at + rest] !== 0) return false;
  into.bytes = bytes;
  into.at = at;
  into.length = length;
  return true;
};

/** Writes a text, or as much of it as has room; false when it was cut. */
export const writeText = (bytes: Uint8Array, at: number, size: number, text: IdView): boolean => {
  const length = Math.min(size, text.length);
  for (let index = 0; index < length; index++) bytes[at + index] = text.bytes[text.at + index]!;
  for (let index = length; index < size; index++) bytes[at + index] = 0;
  return text.length <= size;
};
