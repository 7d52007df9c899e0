const DAY_MS = 86_400_000;
const ZERO = 48;

/** Writes UTC milliseconds as `YYYYMMDD-HH:MM:SS.sss`, without making a text of every call: the day is kept. */
export class FixClockText {
  #dayStart = Number.NaN;
  #day = '';
  #atMs = Number.NaN;
  readonly #bytes = Buffer.alloc(21, '00000000-00:00:00.000', 'latin1');

  /** Valid until the next call. */
  bytes(atMs: number): Buffer {
    if (atMs === this.#atMs) return this.#bytes;
    this.#atMs = atMs;
    const dayStart = Math.floor(atMs / DAY_MS) * DAY_MS;
    if (dayStart !== this.#dayStart) {
      this.#dayStart = dayStart;
      this.#day = new Date(dayStart).toISOString().slice(0, 10).replaceAll('-', '');
      this.#bytes.write(this.#day, 0, 'latin1');
    }
    const ms = atMs - dayStart;
    const seconds = Math.floor(ms / 1000);
    this.#two(9, Math.floor(seconds / 3600));
    this.#two(12, Math.floor(seconds / 60) % 60);
    this.#two(15, seconds % 60);
    const fraction = Math.floor(ms % 1000);
    this.#bytes[18] = ZERO + Math.floor(fraction / 100);
    this.#two(19, fraction % 100);
    return this.#bytes;
  }

  #two(at: number, value: number): void {
    this.#bytes[at] = ZERO + Math.floor(value / 10);
    this.#bytes[at + 1] = ZERO + (value % 10);
  }
}

const digits = (bytes: Uint8Array, from: number, to: number): number => {
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
};

/**
 * A UTCTimestamp as milliseconds, or null when it is none: `YYYYMMDD-HH:MM:SS`, with or without a fraction of three, six or nine
 * digits, of which three are kept. A leap second counts as the first of the next minute.
 */
export const parseUtcTimestamp = (bytes: Uint8Array, from: number, to: number): number | null => {
  const length = to - from;
  if (length !== 17 && length !== 21 && length !== 24 && length !== 27) return null;
  if (bytes[from + 8] !== 45 || bytes[from + 11] !== 58 || bytes[from + 14] !== 58) return null;
  const year = digits(bytes, from, from + 4);
  const month = digits(bytes, from + 4, from + 6);
  const day = digits(bytes, from + 6, from + 8);
  const hour = digits(bytes, from + 9, from + 11);
  const minute = digits(bytes, from + 12, from + 14);
  const second = digits(bytes, from + 15, from + 17);
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 && minute <= 59 && second <= 60)) return null;
  let ms = 0;
  if (length > 17) {
    if (bytes[from + 17] !== 46 || Number.isNaN(digits(bytes, from + 18, to))) return null;
    ms = digits(bytes, from + 18, from + 21);
  }
  const day0 = dayStartMs(year, month, day);
  return day0 === null ? null : day0 + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms;
};

let knownDay = 0;
let knownDayMs = 0;

/** Nearly all times of a session are of one day. */
const dayStartMs = (year: number, month: number, day: number): number | null => {
  const key = year * 10_000 + month * 100 + day;
  if (key === knownDay) return knownDayMs;
  const atMs = Date.UTC(year, month - 1, day);
  if (new Date(atMs).getUTCDate() !== day) return null;
  knownDay = key;
  knownDayMs = atMs;
  return atMs;
};
