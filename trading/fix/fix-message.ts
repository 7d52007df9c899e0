import { parseUtcTimestamp } from './fix-time.ts';
import { DATA_TAG_OF_LENGTH_TAG, REJECT_REASON } from './tags.ts';

/** Why a message cannot be taken as it is, in the words of a session-level Reject. */
export interface FieldProblem {
  readonly reason: number;
  /** 0 = no field in particular. */
  readonly tag: number;
  readonly text: string;
}

const SOH = 1;
const EQUALS = 61;
const ZERO = 48;
const MAX_FIELDS = 8192;
const MAX_TAG = 99_999;

const MSG_TYPES = new Map<number, string>();
const msgTypeText = (bytes: Buffer, from: number, to: number): string => {
  if (to - from > 3) return bytes.toString('latin1', from, to);
  let key = 0;
  for (let at = from; at < to; at++) key = key * 256 + bytes[at]!;
  let text = MSG_TYPES.get(key);
  if (text === undefined) {
    text = bytes.toString('latin1', from, to);
    if (MSG_TYPES.size < 256) MSG_TYPES.set(key, text);
  }
  return text;
};

/**
 * One whole message: an index of its fields over the bytes it arrived in. Nothing is converted before it is asked for. The same
 * object is used for the next message, so whoever wants to keep something takes it out, or takes a `copy()`.
 *
 * Getters answer null when a field is absent or is not what was asked for. `from` and `to` are field positions, for the entries of
 * repeating groups.
 */
export class FixMessage {
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #count = 0;
  #tags = new Int32Array(128);
  #from = new Int32Array(128);
  #to = new Int32Array(128);
  #problem: FieldProblem | null = null;
  #msgType = '';

  /** Indexes the message between two offsets, whose frame (first three fields, trailer) has been checked. */
  index(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#count = 0;
    this.#problem = null;
    let dataTag = 0;
    let dataBytes = 0;
    let at = start;
    while (at < end) {
      const tagAt = at;
      let tag = 0;
      let byte = bytes[at]!;
      while (byte >= ZERO && byte <= 57 && tag <= MAX_TAG) {
        tag = tag * 10 + byte - ZERO;
        byte = bytes[++at]!;
      }
      if (byte !== EQUALS || tag === 0 || tag > MAX_TAG || bytes[tagAt] === ZERO) {
        at = this.#next(tagAt, end);
        this.#complain(REJECT_REASON.invalidTag, 0, `"${clip(bytes, tagAt, at)}" does not start with a tag`);
        at += 1;
        continue;
      }
      const from = at + 1;
      let to: number;
      if (tag === dataTag && bytes[from + dataBytes] === SOH && from + dataBytes < end) to = from + dataBytes;
      else {
        to = from;
        while (to < end && bytes[to] !== SOH) to += 1;
        if (tag === dataTag)
          this.#complain(REJECT_REASON.valueFormat, tag, `field ${tag} is not as long as the field before it says`);
      }
      if (to === from) this.#complain(REJECT_REASON.tagWithoutValue, tag, `field ${tag} has no value`);
      if (this.#count === MAX_FIELDS) {
        this.#complain(REJECT_REASON.other, 0, `the message has more than ${MAX_FIELDS} fields`);
        return;
      }
      if (this.#count === this.#tags.length) this.#grow();
      const index = this.#count++;
      this.#tags[index] = tag;
      this.#from[index] = from;
      this.#to[index] = to;
      if (index === 2) this.#msgType = msgTypeText(bytes, from, to);
      dataTag = DATA_TAG_OF_LENGTH_TAG.get(tag) ?? 0;
      if (dataTag !== 0) dataBytes = this.#digits(from, to) ?? 0;
      at = to + 1;
    }
  }

  get fieldCount(): number {
    return this.#count;
  }
  get byteLength(): number {
    return this.#end - this.#start;
  }
  get msgType(): string {
    return this.#msgType;
  }
  /** What is wrong with the fields as such, whatever they mean. */
  get problem(): FieldProblem | null {
    return this.#problem;
  }

  tagAt(index: number): number {
    return index < this.#count ? this.#tags[index]! : 0;
  }

  /** Position of the first field with this tag, or -1. */
  find(tag: number, from = 0, to = this.#count): number {
    const tags = this.#tags;
    for (let index = from; index < to; index++) if (tags[index] === tag) return index;
    return -1;
  }

  has(tag: number): boolean {
    return this.find(tag) !== -1;
  }

  text(tag: number, from = 0, to = this.#count): string | null {
    const index = this.find(tag, from, to);
    return index === -1 ? null : this.textAt(index);
  }

  textAt(index: number): string {
    return this.#bytes.toString('latin1', this.#from[index]!, this.#to[index]!);
  }

  valueLengthAt(index: number): number {
    return this.#to[index]! - this.#from[index]!;
  }

  /** First byte of a value, as a character code. */
  firstCodeAt(index: number): number {
    return this.#bytes[this.#from[index]!]!;
  }

  /** Whether a field's value is exactly this text (ASCII); no text is made. */
  equals(tag: number, value: string): boolean {
    const index = this.find(tag);
    if (index === -1 || this.valueLengthAt(index) !== value.length) return false;
    const from = this.#from[index]!;
    for (let at = 0; at < value.length; at++) if (this.#bytes[from + at] !== value.charCodeAt(at)) return false;
    return true;
  }

  /** A whole number; null when it is none or is too large to be exact. */
  int(tag: number, from = 0, to = this.#count): number | null {
    const index = this.find(tag, from, to);
    return index === -1 ? null : this.intAt(index);
  }

  intAt(index: number): number | null {
    const from = this.#from[index]!;
    if (this.#bytes[from] !== 45) return this.#digits(from, this.#to[index]!);
    const value = this.#digits(from + 1, this.#to[index]!);
    return value === null ? null : -value;
  }

  /** A price or a quantity as an integer of `10^-decimals`; null when it is not exactly one, so that nothing is ever rounded. */
  scaled(tag: number, decimals: number, from = 0, to = this.#count): number | null {
    const index = this.find(tag, from, to);
    return index === -1 ? null : this.scaledAt(index, decimals);
  }

  scaledAt(index: number, decimals: number): number | null {
    const bytes = this.#bytes;
    const to = this.#to[index]!;
    let at = this.#from[index]!;
    const negative = bytes[at] === 45;
    if (negative) at += 1;
    let value = 0;
    let digitCount = 0;
    let places = -1;
    for (; at < to; at++) {
      const byte = bytes[at]!;
      if (byte === 46 && places === -1) {
        places = 0;
        continue;
      }
      const digit = byte - ZERO;
      if (digit < 0 || digit > 9) return null;
      digitCount += 1;
      if (places === decimals) {
        if (digit !== 0) return null;
        continue;
      }
      value = value * 10 + digit;
      if (places >= 0) places += 1;
    }
    if (digitCount === 0) return null;
    for (let missing = Math.max(0, places); missing < decimals; missing++) value *= 10;
    return value > Number.MAX_SAFE_INTEGER ? null : negative ? -value : value;
  }

  /** A boolean field; absent or `N` is false. */
  flag(tag: number): boolean {
    return this.equals(tag, 'Y');
  }

  utcMs(tag: number): number | null {
    const index = this.find(tag);
    return index === -1 ? null : this.utcMsAt(index);
  }

  utcMsAt(index: number): number | null {
    return parseUtcTimestamp(this.#bytes, this.#from[index]!, this.#to[index]!);
  }

  /** The bytes of a value, valid as long as the message is. */
  valueAt(index: number): Buffer {
    return this.#bytes.subarray(this.#from[index]!, this.#to[index]!);
  }

  /**
   * Where the entries of a repeating group begin, and at last where the group ends: entry *k* is the fields from `[k]` to `[k + 1]`.
   * Empty when the group is absent. Members are the tags that an entry may hold, its first one included.
   */
  groupEntries(countTag: number, firstTag: number, members: ReadonlySet<number>): readonly number[] {
    const at = this.find(countTag);
    if (at === -1) return [];
    const entries: number[] = [];
    let index = at + 1;
    for (; index < this.#count && members.has(this.#tags[index]!); index++)
      if (this.#tags[index] === firstTag) entries.push(index);
    if (entries.length > 0) entries.push(index);
    return entries;
  }

  /** The whole message, valid as long as the message is. */
  bytes(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** A message of its own, to be kept. */
  copy(): FixMessage {
    const message = new FixMessage();
    const bytes = Buffer.from(this.bytes());
    message.index(bytes, 0, bytes.length);
    return message;
  }

  /** For people: `|` between fields. */
  toString(): string {
    return this.bytes().toString('latin1').replaceAll('\u0001', '|');
  }

  #digits(from: number, to: number): number | null {
    if (from >= to || to - from > 16) return null;
    let value = 0;
    for (let at = from; at < to; at++) {
      const digit = this.#bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return null;
      value = value * 10 + digit;
    }
    return value <= Number.MAX_SAFE_INTEGER ? value : null;
  }

  #next(from: number, end: number): number {
    const at = this.#bytes.indexOf(SOH, from);
    return at === -1 || at > end ? end : at;
  }

  #complain(reason: number, tag: number, text: string): void {
    this.#problem ??= { reason, tag, text };
  }

  #grow(): void {
    const grown = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const larger = new Int32Array(old.length * 2);
      larger.set(old);
      return larger;
    };
    this.#tags = grown(this.#tags);
    this.#from = grown(this.#from);
    this.#to = grown(this.#to);
  }
}

const clip = (bytes: Buffer, from: number, to: number): string =>
  bytes.toString('latin1', from, Math.min(to, from + 24)).replace(/[^ -~]/g, '?');
