import { BodyWriter } from './body-writer.ts';
import { checksum } from './frame-reader.ts';
import { TAG } from './tags.ts';

const SOH = 1;
const ZERO = 48;
const TRAILER_BYTES = 7;

/** What the session puts before the fields of a message. */
export interface FrameHeader {
  readonly msgType: string;
  readonly seq: number;
  readonly sendingMs: number;
  readonly possDup?: boolean;
  /** SendingTime of the first time; only with `possDup`. */
  readonly origSendingMs?: number;
  readonly possResend?: boolean;
}

/** Makes whole messages of one session: header, given fields, BodyLength and CheckSum. */
export class FrameEncoder {
  readonly #begin: Buffer;
  readonly #writer = new BodyWriter();
  readonly #parties: Buffer;
  #bytes = Buffer.allocUnsafe(2048);

  constructor(options: { readonly beginString: string; readonly senderCompId: string; readonly targetCompId: string }) {
    this.#begin = Buffer.from(`8=${options.beginString}\u00019=`, 'latin1');
    const parties = new BodyWriter(128);
    parties.begin().text(TAG.SenderCompID, options.senderCompId).text(TAG.TargetCompID, options.targetCompId);
    this.#parties = Buffer.from(parties.body());
  }

  /** The message, valid until the next call. `fields` is everything after the header. */
  encode(header: FrameHeader, fields: Uint8Array): Buffer {
    const writer = this.#writer.begin();
    writer.text(TAG.MsgType, header.msgType).fields(this.#parties).int(TAG.MsgSeqNum, header.seq);
    if (header.possDup === true) writer.flag(TAG.PossDupFlag, true);
    if (header.possResend === true) writer.flag(TAG.PossResend, true);
    writer.utc(TAG.SendingTime, header.sendingMs);
    if (header.origSendingMs !== undefined) writer.utc(TAG.OrigSendingTime, header.origSendingMs);
    const head = writer.body();
    const bodyBytes = head.length + fields.length;
    const size = this.#begin.length + 8 + bodyBytes + TRAILER_BYTES;
    if (size > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(size * 2);
    const bytes = this.#bytes;
    bytes.set(this.#begin, 0);
    let at = this.#begin.length;
    let places = 1;
    for (let limit = 10; bodyBytes >= limit; limit *= 10) places += 1;
    let rest = bodyBytes;
    for (let place = places - 1; place >= 0; place--) {
      bytes[at + place] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    at += places;
    bytes[at++] = SOH;
    bytes.set(head, at);
    at += head.length;
    bytes.set(fields, at);
    at += fields.length;
    const sum = checksum(bytes, 0, at);
    bytes[at++] = 49;
    bytes[at++] = ZERO;
    bytes[at++] = 61;
    bytes[at++] = ZERO + Math.floor(sum / 100);
    bytes[at++] = ZERO + (Math.floor(sum / 10) % 10);
    bytes[at++] = ZERO + (sum % 10);
    bytes[at++] = SOH;
    return bytes.subarray(0, at);
  }
}
