import { BodyWriter } from './body-writer.ts';
import { FrameEncoder } from './frame-encoder.ts';
import type { SentMessage, SentMessages, SessionEffects } from './session-types.ts';
import { MSG, TAG } from './tags.ts';

interface OwnMessage {
  readonly msgType: string;
  readonly fields: Buffer;
}

/**
 * The numbered stream to the other side. A number belongs to one message for ever: application messages are kept before they leave,
 * the numbers of the session's own are kept as used. What could not leave yet (a resend is going on, the transport is full, the
 * logon is not answered) follows in order. Pure: its owner says what time it is.
 */
export class OutboundStream {
  readonly #encoder: FrameEncoder;
  readonly #sent: SentMessages;
  readonly #effects: SessionEffects;
  readonly #reserveAhead: number;
  readonly #writer = new BodyWriter(64);
  /** The session's own messages that have a number and have not left. */
  readonly #waiting = new Map<number, OwnMessage>();
  #next: number;
  #keptBefore: number;
  /** The first number that has not left on this connection. */
  #liveNext: number;
  #connected = false;
  #held = false;
  #full = false;
  #resendAt = 0;
  #resendThrough = -1;

  constructor(options: {
    readonly senderCompId: string;
    readonly targetCompId: string;
    readonly sent: SentMessages;
    readonly effects: SessionEffects;
    readonly reserveAhead: number;
    readonly next: number;
  }) {
    this.#encoder = new FrameEncoder({ beginString: 'FIX.4.4', ...options });
    this.#sent = options.sent;
    this.#effects = options.effects;
    this.#reserveAhead = options.reserveAhead;
    this.#next = options.next;
    this.#keptBefore = options.next;
    this.#liveNext = options.next;
  }

  /** The number that the next message gets. */
  get next(): number {
    return this.#next;
  }

  /** Messages that have a number and have not left. */
  get backlog(): number {
    return this.#next - this.#liveNext;
  }

  get full(): boolean {
    return this.#full;
  }

  get resending(): boolean {
    return this.#resendAt <= this.#resendThrough;
  }

  /** A connection is there. What was numbered before it leaves only when it is asked for. */
  open(): void {
    this.#connected = true;
    this.#full = false;
    this.#held = false;
    this.#liveNext = this.#next;
    this.#waiting.clear();
    this.#stopResending();
  }

  close(): void {
    this.#connected = false;
    this.#waiting.clear();
    this.#stopResending();
    this.#liveNext = this.#next;
  }

  /** Numbers go on being given and kept, and nothing leaves until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(wallMs: number): void {
    this.#held = false;
    this.pump(wallMs);
  }

  drained(wallMs: number): void {
    this.#full = false;
    this.pump(wallMs);
  }

  /** Numbers and keeps an application message; it leaves as soon as it may. */
  application(message: Omit<SentMessage, 'seq'>): number {
    const seq = this.#next++;
    const kept: SentMessage = { seq, ...message };
    this.#effects.keepSent(kept);
    this.#keptBefore = Math.max(this.#keptBefore, this.#next);
    if (!this.#connected) this.#liveNext = this.#next;
    else if (this.#mayLeave(seq)) this.#leaveLive(kept, message.sendingMs);
    return seq;
  }

  /** Numbers a message of the session itself; it is never sent twice. */
  own(msgType: string, fields: Buffer, wallMs: number): number {
    const seq = this.#next++;
    if (this.#next > this.#keptBefore) {
      this.#keptBefore = this.#next + this.#reserveAhead;
      this.#effects.keepNumbersBefore(this.#keptBefore);
    }
    if (this.#mayLeave(seq)) {
      this.#liveNext = seq + 1;
      this.#transmit(this.#encoder.encode({ msgType, seq, sendingMs: wallMs }, fields));
    } else this.#waiting.set(seq, { msgType, fields: Buffer.from(fields) });
    return seq;
  }

  /** Sends a range again: what is kept as possible duplicates, the rest as filled gaps. What has not left yet is not part of it. */
  resend(from: number, through: number, wallMs: number): void {
    this.#resendAt = from;
    this.#resendThrough = Math.min(through, this.#liveNext - 1);
    if (this.resending) this.#effects.notice({ kind: 'resending', from: this.#resendAt, through: this.#resendThrough });
    this.pump(wallMs);
  }

  /** Both sides begin again at 1. */
  reset(): void {
    this.#next = 1;
    this.#keptBefore = 1;
    this.#liveNext = 1;
    this.#waiting.clear();
    this.#stopResending();
  }

  /** Lets leave what may. */
  pump(wallMs: number): void {
    while (this.#connected && !this.#full && this.resending) this.#resendStep(wallMs);
    while (this.#liveNext < this.#next && this.#mayLeave(this.#liveNext)) this.#leaveWaiting(this.#liveNext, wallMs);
  }

  #mayLeave(seq: number): boolean {
    return this.#connected && !this.#held && !this.#full && !this.resending && seq === this.#liveNext;
  }

  #leaveWaiting(seq: number, wallMs: number): void {
    const own = this.#waiting.get(seq);
    if (own !== undefined) {
      this.#waiting.delete(seq);
      this.#liveNext = seq + 1;
      this.#transmit(this.#encoder.encode({ msgType: own.msgType, seq, sendingMs: wallMs }, own.fields));
      return;
    }
    const kept = this.#sent.get(seq);
    if (kept === null) {
      this.#liveNext = seq + 1;
      this.#fillGap(seq, seq + 1, wallMs);
    } else this.#leaveLive(kept, wallMs);
  }

  #leaveLive(kept: SentMessage, wallMs: number): void {
    const { msgType, seq, possResend, fields } = kept;
    this.#liveNext = seq + 1;
    this.#transmit(this.#encoder.encode({ msgType, seq, sendingMs: wallMs, possResend }, fields));
  }

  #resendStep(wallMs: number): void {
    const from = this.#resendAt;
    const kept = this.#sent.get(from);
    if (kept !== null) {
      const { msgType, seq, possResend, fields, sendingMs } = kept;
      this.#resendAt = from + 1;
      this.#transmit(
        this.#encoder.encode(
          { msgType, seq, sendingMs: wallMs, possDup: true, origSendingMs: Math.min(sendingMs, wallMs), possResend },
          fields,
        ),
      );
      return;
    }
    let to = from + 1;
    while (to <= this.#resendThrough && this.#sent.get(to) === null) to += 1;
    this.#resendAt = to;
    this.#fillGap(from, to, wallMs);
  }

  #fillGap(from: number, to: number, wallMs: number): void {
    const fields = this.#writer.begin().flag(TAG.GapFillFlag, true).int(TAG.NewSeqNo, to).body();
    const header = { msgType: MSG.SequenceReset, seq: from, sendingMs: wallMs, possDup: true, origSendingMs: wallMs };
    this.#transmit(this.#encoder.encode(header, fields));
  }

  #transmit(frame: Buffer): void {
    if (!this.#effects.transmit(frame)) this.#full = true;
  }

  #stopResending(): void {
    this.#resendAt = 0;
    this.#resendThrough = -1;
  }
}
