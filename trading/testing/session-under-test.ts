import { FrameReader } from '../fix/frame-reader.ts';
import { KeptSession } from '../fix/kept-session.ts';
import { MemoryEntryLog } from '../fix/memory-entry-log.ts';
import { SessionCore } from '../fix/session-core.ts';
import { SessionStore } from '../fix/session-store.ts';
import type { SessionNotice, SessionOptions } from '../fix/session-types.ts';
import { TAG } from '../fix/tags.ts';
import { fixFrame, readable } from './fix-text.ts';

const WALL_MS = Date.UTC(2026, 0, 5, 9);

export const ACCEPTOR: SessionOptions = { role: 'acceptor', senderCompId: 'VENUE', targetCompId: 'FIRM' };
export const INITIATOR: SessionOptions = { role: 'initiator', senderCompId: 'FIRM', targetCompId: 'VENUE' };

/** One session core with everything it does written down. The other side is whatever the test says it is. */
export class SessionUnderTest {
  readonly core: SessionCore;
  readonly log: MemoryEntryLog;
  readonly notices: SessionNotice[] = [];
  delivered: string[] = [];
  disconnects: string[] = [];
  nowMs = 0;
  /** What `transmit` answers. */
  roomInTransport = true;
  readonly #options: SessionOptions;
  readonly #store: SessionStore;
  readonly #reader: FrameReader;
  #sent: Buffer[] = [];

  constructor(options: SessionOptions, log = new MemoryEntryLog()) {
    this.#options = options;
    this.log = log;
    const kept = new KeptSession('s');
    log.entries.forEach((entry, at) => {
      kept.apply(entry, at + 1);
    });
    this.#store = new SessionStore(log, kept);
    this.core = new SessionCore({
      session: options,
      numbers: kept.numbers,
      sent: this.#store,
      effects: {
        keepSent: (message) => this.#store.keepSent(message),
        keepNumbersBefore: (next) => this.#store.keepNumbersBefore(next),
        keepReceived: (next) => this.#store.keepReceived(next),
        keepReset: () => this.#store.keepReset(),
        transmit: (frame) => {
          this.#sent.push(Buffer.from(frame));
          return this.roomInTransport;
        },
        deliver: (message, marks) => {
          const id = message.text(TAG.ClOrdID) ?? message.msgType;
          this.delivered.push(`${id}${marks.possDup ? ' dup' : ''}${marks.possResend ? ' resend' : ''}`);
        },
        disconnect: (reason) => this.disconnects.push(reason),
        notice: (notice) => this.notices.push(notice),
      },
    });
    this.#reader = new FrameReader({
      onMessage: (message) => this.core.receive(message, this.now),
      onGarbled: (found) => this.core.garbled(found),
    });
  }

  get now(): { monoMs: number; wallMs: number } {
    return { monoMs: this.nowMs, wallMs: WALL_MS + this.nowMs };
  }

  /** What was transmitted since the last question, without header fields that never differ. */
  sent(): string[] {
    const { senderCompId, targetCompId } = this.#options;
    return this.frames().map((frame) => readable(frame).replace(`49=${senderCompId}|56=${targetCompId}|`, ''));
  }

  /** The same as bytes. */
  frames(): Buffer[] {
    this.#store.settle();
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  connect(): this {
    this.core.connected(this.now);
    return this;
  }

  /** Connected and logged on from the other side's first message. */
  loggedOn(logon = '34=1|98=0|108=30'): this {
    this.connect();
    this.receive(`35=A|${logon}`);
    this.sent();
    return this;
  }

  /** `35=…|34=…|…`; CompIDs and SendingTime are added after MsgType where the text does not give them. */
  receive(text: string): this {
    const [type = '', ...fields] = text.split('|');
    const given = fields.join('|');
    const { senderCompId, targetCompId } = this.#options;
    const added = [
      /(^|\|)49=/.test(given) ? '' : `49=${targetCompId}|`,
      /(^|\|)56=/.test(given) ? '' : `56=${senderCompId}|`,
      /(^|\|)52=/.test(given) ? '' : `52=${this.timestamp()}|`,
    ].join('');
    return this.receiveBytes(fixFrame(`${type}|${added}${given}`));
  }

  receiveBytes(bytes: Buffer): this {
    this.#reader.push(bytes);
    return this;
  }

  timestamp(offsetMs = 0): string {
    return new Date(WALL_MS + this.nowMs + offsetMs)
      .toISOString()
      .replace('T', '-')
      .replace('Z', '')
      .replaceAll(/(\d{4})-(\d\d)-(\d\d)/g, '$1$2$3');
  }

  pass(ms: number): this {
    this.nowMs += ms;
    this.core.tick(this.now);
    return this;
  }

  order(id: string): this {
    this.core.send('D', Buffer.from(`11=${id}\u0001`, 'latin1'), { now: this.now });
    return this;
  }
}
