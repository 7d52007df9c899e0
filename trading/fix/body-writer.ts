import { FixClockText } from './fix-time.ts';

const SOH = 1;
const EQUALS = 61;
const ZERO = 48;
const POINT = 46;

/** A value that would change the message around it. The caller has to check what comes from outside, or to `cleanText` it. */
export class UnwritableValue extends Error {
  constructor(tag: number, found: string) {
    super(`field ${tag} cannot be written: ${found}`);
    this.name = 'UnwritableValue';
  }
}

/**
 * Writes the fields of one message into memory that is used again for the next one. What belongs to the session (header, trailer)
 * is not its business. Text is ISO 8859-1; control characters are refused, so that no value can add a field.
 */
export class BodyWriter {
  #bytes: Buffer;
  #at = 0;
  readonly #clock = new FixClockText();

  constructor(capacityBytes = 1024) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  begin(): this {
    this.#at = 0;
    return this;
  }

  text(tag: number, value: string): this {
    if (value.length === 0) throw new UnwritableValue(tag, 'its value is empty');
    this.#tag(tag, value.length);
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at);
      if (code < 32 || code > 255)
        throw new UnwritableValue(
          tag,
          `character ${at + 1} is ${code < 32 ? 'a control character' : 'not ISO 8859-1'}`,
        );
      this.#bytes[this.#at++] = code;
    }
    this.#bytes[this.#at++] = SOH;
    return this;
  }

  /** A value as it stood in another message, any bytes but the delimiter. */
  value(tag: number, bytes: Uint8Array): this {
    if (bytes.length === 0 || bytes.includes(SOH)) throw new UnwritableValue(tag, 'it is empty or holds a delimiter');
    this.#tag(tag, bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    this.#bytes[this.#at++] = SOH;
    return this;
  }

  int(tag: number, value: number): this {
    if (!Number.isSafeInteger(value)) throw new UnwritableValue(tag, `${value} is not a whole number`);
    this.#tag(tag, 17);
    this.#integer(value);
    this.#bytes[this.#at++] = SOH;
    return this;
  }

  /** `value` × 10^-decimals, exactly. */
  scaled(tag: number, value: number, decimals: number): this {
    if (!Number.isSafeInteger(value)) throw new UnwritableValue(tag, `${value} is not a whole number of units`);
    if (decimals === 0) return this.int(tag, value);
    this.#tag(tag, 20 + decimals);
    const unit = 10 ** decimals;
    const size = Math.abs(value);
    if (value < 0) this.#bytes[this.#at++] = 45;
    this.#integer(Math.floor(size / unit));
    this.#bytes[this.#at++] = POINT;
    let rest = size % unit;
    for (let place = decimals - 1; place >= 0; place--) {
      this.#bytes[this.#at + place] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#at += decimals;
    this.#bytes[this.#at++] = SOH;
    return this;
  }

  flag(tag: number, value: boolean): this {
    return this.text(tag, value ? 'Y' : 'N');
  }

  utc(tag: number, atMs: number): this {
    this.#tag(tag, 22);
    this.#at += this.#clock.bytes(atMs).copy(this.#bytes, this.#at);
    this.#bytes[this.#at++] = SOH;
    return this;
  }

  /** A length field and the bytes after it, which may be any. */
  data(lengthTag: number, tag: number, value: Uint8Array): this {
    this.int(lengthTag, value.length);
    this.#tag(tag, value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    this.#bytes[this.#at++] = SOH;
    return this;
  }

  /** Fields that were encoded before. */
  fields(encoded: Uint8Array): this {
    this.#reserve(encoded.length);
    this.#bytes.set(encoded, this.#at);
    this.#at += encoded.length;
    return this;
  }

  /** What was written since `begin`, valid until the next `begin`. */
  body(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #tag(tag: number, valueBytes: number): void {
    this.#reserve(valueBytes + 10);
    this.#integer(tag);
    this.#bytes[this.#at++] = EQUALS;
  }

  #integer(value: number): void {
    let rest = value;
    if (rest < 0) {
      this.#bytes[this.#at++] = 45;
      rest = -rest;
    }
    let places = 1;
    for (let limit = 10; rest >= limit; limit *= 10) places += 1;
    for (let place = places - 1; place >= 0; place--) {
      const next = Math.floor(rest / 10);
      this.#bytes[this.#at + place] = ZERO + (rest - next * 10);
      rest = next;
    }
    this.#at += places;
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + more));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** A text for people as a value that can be written: what cannot stand in a field becomes a space or `?`, and it is kept short. */
export const cleanText = (text: string, maxLength = 256): string => {
  let clean = '';
  for (const character of text.slice(0, maxLength)) {
    const code = character.charCodeAt(0);
    clean += code < 32 || code === 127 ? ' ' : code > 255 ? '?' : character;
  }
  return clean === '' ? ' ' : clean;
};
