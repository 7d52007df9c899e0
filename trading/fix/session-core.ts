import { cleanText } from './body-writer.ts';
import type { FieldProblem, FixMessage } from './fix-message.ts';
import { InboundGap } from './inbound-gap.ts';
import { identityProblem, logonRefusal, tooLowText } from './logon-rules.ts';
import { MessageCheck } from './message-check.ts';
import { refuseTooLong } from './message-limit.ts';
import { messageProblem, notForward, resendProblem, unreadable } from './message-rules.ts';
import { messageName, messageSpec } from './message-table.ts';
import { OutboundStream } from './outbound-stream.ts';
import { OwnFields } from './own-fields.ts';
import { SessionClock } from './session-clock.ts';
import { marksOf, OVERDUE, type SessionState } from './session-state.ts';
import type { Now, SentMessages, SessionEffects, SessionNumbers, SessionOptions } from './session-types.ts';
import { isAdmin, MSG, REJECT_REASON, TAG } from './tags.ts';

const BEGIN_STRING = 'FIX.4.4';
const RESEND_TIMEOUT_MS = 10_000;

/**
 * One FIX 4.4 session, either side, as a pure state machine: what happens is told by the methods, what is to be done is called on
 * `SessionEffects`. It outlives connections; a restart or a successor elsewhere makes a new one from the kept numbers and messages.
 */
export class SessionCore {
  readonly #options: SessionOptions;
  readonly #effects: SessionEffects;
  readonly #out: OutboundStream;
  readonly #gap = new InboundGap();
  readonly #clock = new SessionClock();
  readonly #check = new MessageCheck();
  readonly #fields = new OwnFields();
  #state: SessionState = 'down';
  #expected: number;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #testRequests = 0;
  #ownLogonSeq = 0;

  constructor(options: {
    readonly session: SessionOptions;
    readonly numbers: SessionNumbers;
    readonly sent: SentMessages;
    readonly effects: SessionEffects;
  }) {
    const { session, numbers, sent, effects } = options;
    this.#options = session;
    this.#effects = effects;
    this.#expected = numbers.nextIn;
    this.#out = new OutboundStream({
      senderCompId: session.senderCompId,
      targetCompId: session.targetCompId,
      sent,
      effects,
      reserveAhead: session.reserveAhead ?? 0,
      next: numbers.nextOut,
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  get numbers(): SessionNumbers {
    return { nextOut: this.#out.next, nextIn: this.#expected };
  }

  /** Messages that have a number and have not left; the application sends no more when this grows. */
  get backlog(): number {
    return this.#out.backlog;
  }

  /** Nothing is known to be missing in either direction of this connection. */
  get caughtUp(): boolean {
    return this.#state === 'up' && !this.#gap.open && !this.#out.resending && this.#out.backlog === 0;
  }

  /** When `tick` is to be called at the latest, on the monotonic clock. */
  get wakeAtMs(): number {
    if (this.#state === 'down') return Number.POSITIVE_INFINITY;
    if (!this.#listening) return this.#deadlineMs;
    return Math.min(this.#deadlineMs, this.#clock.nextMs, this.#gap.deadlineMs);
  }

  /** A transport is there. The initiator logs on; the acceptor waits for that. */
  connected(now: Now): void {
    this.#deadlineMs = now.monoMs + (this.#options.logonTimeoutMs ?? 10_000);
    this.#gap.clear();
    if (this.#options.role === 'acceptor') {
      this.#state = 'awaiting-logon';
      return;
    }
    this.#state = 'logon-sent';
    if (this.#options.resetOnLogon === true) this.#resetNumbers();
    this.#out.open();
    this.#sendLogon(now, { heartBtIntS: this.#options.heartBtIntS ?? 30, reset: this.#options.resetOnLogon === true });
    this.#out.hold();
  }

  /** The transport is gone, whoever ended it. */
  disconnected(reason: string): void {
    if (this.#state !== 'down') this.#goDown(reason);
  }

  /** The transport takes more. */
  drained(now: Now): void {
    this.#out.drained(now.wallMs);
    this.#clock.sent(now.monoMs);
  }

  /** Bytes that are no message. They count for nothing, but before a logon they end the connection. */
  garbled(found: string): void {
    this.#effects.notice({ kind: 'garbled', found });
    if (this.#state === 'awaiting-logon' || this.#state === 'logon-sent') this.#hangUp('what arrived is not FIX');
  }

  /**
   * Sends an application message; `fields` are what a `BodyWriter` wrote. Returns its number. Null: it was not taken, nobody is
   * logged on and this session does not keep messages for later. Throws `MessageTooLong`, before it has a number, for what no journal
   * could keep.
   */
  send(
    msgType: string,
    fields: Uint8Array,
    options: { readonly now: Now; readonly possResend?: boolean },
  ): number | null {
    if (isAdmin(msgType)) throw new Error(`${messageName(msgType)} is the session's own message`);
    refuseTooLong(msgType, fields);
    if (this.#state !== 'up' && this.#options.whileDown === 'refuse') return null;
    const { wallMs, monoMs } = options.now;
    const seq = this.#out.application({ msgType, fields, sendingMs: wallMs, possResend: options.possResend ?? false });
    this.#clock.sent(monoMs);
    return seq;
  }

  /** Refuses an application message for what it asks (BusinessMessageReject). */
  refuse(message: FixMessage, options: { readonly reason: number; readonly text: string; readonly now: Now }): void {
    const { reason, text, now } = options;
    this.#effects.notice({ kind: 'refused', seq: message.int(TAG.MsgSeqNum) ?? 0, text });
    this.send(MSG.BusinessMessageReject, this.#fields.businessReject(message, reason, text), { now });
  }

  /** Ends the session for now: says goodbye, waits for the answer, hangs up. */
  logout(text: string, now: Now): void {
    if (this.#state === 'down') return;
    if (this.#state !== 'up') return this.#hangUp(text);
    this.#own(MSG.Logout, this.#fields.text(text), now);
    this.#state = 'logout-sent';
    this.#deadlineMs = now.monoMs + (this.#options.logoutTimeoutMs ?? 5_000);
  }

  /** Says why and ends the connection at once: what still comes on it is not looked at. */
  end(text: string, now: Now): void {
    this.#fatal(text, now);
  }

  /** Why this Logon would be refused on a new connection, or null; nothing changes. */
  refusalOf(logon: FixMessage, now: Now): string | null {
    const identity = identityProblem(logon, this.#options, now.wallMs);
    const seq = logon.int(TAG.MsgSeqNum);
    if (identity !== null) return identity.text;
    return seq === null || seq < 1 ? 'MsgSeqNum (34) is missing or is no number' : this.#logonRefusal(logon, seq);
  }

  /** Time has passed. */
  tick(now: Now): void {
    if (this.#state === 'down') return;
    if (now.monoMs >= this.#deadlineMs) return this.#hangUp(OVERDUE[this.#state]);
    if (!this.#listening) return;
    const step = this.#gap.late(now.monoMs, now.monoMs + RESEND_TIMEOUT_MS);
    if (step === 'ask') this.#askForGap(now);
    if (step === 'give-up') return this.#fatal(`message ${this.#expected} was asked for and did not come`, now);
    for (let due = this.#clock.due(now.monoMs); due !== 'none'; due = this.#clock.due(now.monoMs)) {
      if (due === 'silent') {
        this.#hangUp('a TestRequest was not answered in time');
        return;
      }
      if (due === 'test-request')
        this.#own(MSG.TestRequest, this.#fields.testRequestId(`test-${++this.#testRequests}`), now);
      else if (!this.#out.full) this.#own(MSG.Heartbeat, this.#fields.none(), now);
    }
  }

  /** A whole message. It is valid during the call only. */
  receive(message: FixMessage, now: Now): void {
    if (this.#state === 'down' || this.#state === 'logout-answered') return;
    this.#clock.heard(now.monoMs);
    if (!message.equals(TAG.BeginString, BEGIN_STRING))
      return this.#fatal(
        `BeginString (8) is ${cleanText(message.textAt(0), 16)}; this session speaks ${BEGIN_STRING}`,
        now,
      );
    const seq = message.int(TAG.MsgSeqNum);
    if (seq === null || seq < 1) return this.#fatal('MsgSeqNum (34) is missing or is no number', now);
    if (this.#state === 'awaiting-logon' || this.#state === 'logon-sent') {
      this.#receiveBeforeUp(message, seq, now);
      return;
    }
    const identity = identityProblem(message, this.#options, now.wallMs);
    if (identity !== null) {
      if (seq === this.#expected) this.#consume(seq + 1, now);
      this.#reject(message, seq, identity, now);
      this.#fatal(identity.text, now);
      return;
    }
    const { msgType } = message;
    if (msgType === MSG.SequenceReset && !message.flag(TAG.GapFillFlag)) this.#sequenceReset(message, seq, now);
    else if (msgType === MSG.Logon && message.flag(TAG.ResetSeqNumFlag)) this.#logonWhileUp(message, seq, now);
    else if (seq < this.#expected) this.#tooLow(message, seq, now);
    else if (seq > this.#expected) this.#tooHigh(message, seq, now);
    else this.#inOrder(message, seq, now);
  }

  /** Messages are processed, heartbeats and gaps are minded. */
  get #listening(): boolean {
    return this.#state === 'up' || this.#state === 'logout-sent';
  }

  #receiveBeforeUp(message: FixMessage, seq: number, now: Now): void {
    if (message.msgType === MSG.Logout && this.#state === 'logon-sent') {
      if (seq === this.#expected) this.#consume(seq + 1, now);
      this.#hangUp(`the Logon was refused: ${message.text(TAG.Text) ?? 'no reason was given'}`);
      return;
    }
    if (message.msgType !== MSG.Logon)
      return this.#hangUp(`the first message is ${messageName(message.msgType)}, not Logon`);
    const identity = identityProblem(message, this.#options, now.wallMs);
    if (identity !== null && identity.reason === REJECT_REASON.compIdProblem) return this.#hangUp(identity.text);
    const refusal = identity?.text ?? this.#logonRefusal(message, seq);
    if (refusal !== null) return this.#fatal(refusal, now);
    const reset = message.flag(TAG.ResetSeqNumFlag);
    const askedByUs = this.#options.role === 'initiator' && this.#options.resetOnLogon === true;
    if (reset && !askedByUs) {
      if (this.#options.role === 'initiator') return this.#fatal('ResetSeqNumFlag (141) was not asked for', now);
      this.#resetNumbers();
    }
    this.#logOn(message, { seq, reset, now });
  }

  #logonRefusal(message: FixMessage, seq: number): string | null {
    return logonRefusal(message, { seq, options: this.#options, numbers: this.numbers, check: this.#check });
  }

  #logOn(message: FixMessage, options: { seq: number; reset: boolean; now: Now }): void {
    const { seq, reset, now } = options;
    const heartBtIntS = message.int(TAG.HeartBtInt)!;
    const theirNext = this.#options.useNextExpected === true ? message.int(TAG.NextExpectedMsgSeqNum) : null;
    const inOrder = seq === this.#expected;
    if (inOrder) this.#consume(seq + 1, now);
    let nextSeenByThem = this.#ownLogonSeq + 1;
    if (this.#options.role === 'acceptor') {
      this.#out.open();
      nextSeenByThem = this.#out.next;
      this.#sendLogon(now, { heartBtIntS, reset });
    }
    this.#state = 'up';
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#clock.start(heartBtIntS, now.monoMs);
    this.#effects.notice({ kind: 'up', heartBtIntS, reset });
    if (inOrder) this.#effects.notice({ kind: 'caught-up', nextIn: this.#expected });
    else this.#noteGap(seq, now, { ask: theirNext === null });
    if (theirNext !== null && theirNext < nextSeenByThem)
      this.#out.resend(Math.max(1, theirNext), this.#ownLogonSeq, now.wallMs);
    this.#out.release(now.wallMs);
  }

  #sendLogon(now: Now, options: { heartBtIntS: number; reset: boolean }): void {
    const nextExpected = this.#options.useNextExpected === true ? this.#expected : null;
    const { logonFields } = this.#options;
    const more = typeof logonFields === 'function' ? logonFields() : logonFields;
    const fields = this.#fields.logon({ ...options, nextExpected, more });
    this.#ownLogonSeq = this.#own(MSG.Logon, fields, now);
  }

  /** The other side begins again at 1 on a connection that is up (24-hour sessions). */
  #logonWhileUp(message: FixMessage, seq: number, now: Now): void {
    const refusal = this.#logonRefusal(message, seq);
    if (refusal !== null) return this.#fatal(refusal, now);
    const heartBtIntS = message.int(TAG.HeartBtInt)!;
    this.#resetNumbers();
    this.#gap.clear();
    this.#consume(2, now);
    this.#sendLogon(now, { heartBtIntS, reset: true });
    this.#clock.start(heartBtIntS, now.monoMs);
    this.#effects.notice({ kind: 'up', heartBtIntS, reset: true });
  }

  #tooLow(message: FixMessage, seq: number, now: Now): void {
    if (message.flag(TAG.PossDupFlag))
      this.#effects.notice({ kind: 'ignored', seq, text: 'a possible duplicate of what was received' });
    else this.#fatal(tooLowText(seq, this.#expected), now);
  }

  #tooHigh(message: FixMessage, seq: number, now: Now): void {
    if (message.msgType === MSG.Logout) {
      this.#answerLogout(message, now);
      return;
    }
    if (message.msgType === MSG.ResendRequest) this.#answerResendRequest(message, seq, now);
    if (this.#state !== 'down') this.#noteGap(seq, now, { ask: true });
  }

  #inOrder(message: FixMessage, seq: number, now: Now): void {
    const { msgType } = message;
    const problem = messageProblem(message, this.#check);
    if (problem !== null) {
      this.#consume(seq + 1, now);
      if (msgType === MSG.Reject) this.#effects.notice({ kind: 'ignored', seq, text: problem.text });
      else this.#reject(message, seq, problem, now);
      if (problem.reason === REJECT_REASON.sendingTimeAccuracy) this.#fatal(problem.text, now);
      return;
    }
    if (msgType === MSG.SequenceReset) {
      this.#fillGap(message, seq, now);
      return;
    }
    if (!isAdmin(msgType)) {
      if (messageSpec(msgType) !== undefined) this.#effects.deliver(message, marksOf(message));
      this.#consume(seq + 1, now);
      if (messageSpec(msgType) === undefined)
        this.refuse(message, { reason: 3, text: `${messageName(msgType)} is not in use here`, now });
      return;
    }
    this.#consume(seq + 1, now);
    switch (msgType) {
      case MSG.TestRequest:
        this.#own(MSG.Heartbeat, this.#fields.heartbeatFor(message), now);
        return;
      case MSG.ResendRequest:
        this.#answerResendRequest(message, seq, now);
        return;
      case MSG.Reject:
        this.#effects.notice({
          kind: 'rejected-by-peer',
          seq: message.int(TAG.RefSeqNum)!,
          tag: message.int(TAG.RefTagID),
          reason: message.int(TAG.SessionRejectReason),
          text: message.text(TAG.Text) ?? '',
        });
        return;
      case MSG.Logout:
        this.#answerLogout(message, now);
        return;
      case MSG.Logon:
        this.#reject(message, seq, { reason: REJECT_REASON.other, tag: 0, text: 'this session is logged on' }, now);
        return;
    }
  }

  /** SequenceReset with GapFillFlag: the numbers in between were never anybody's business here. */
  #fillGap(message: FixMessage, seq: number, now: Now): void {
    const next = message.int(TAG.NewSeqNo)!;
    if (next > seq) this.#consume(next, now);
    else {
      this.#consume(seq + 1, now);
      this.#reject(message, seq, notForward(next, seq + 1), now);
    }
  }

  /** SequenceReset without it: an operator at the other side gives up what lies in between. Its own number counts for nothing. */
  #sequenceReset(message: FixMessage, seq: number, now: Now): void {
    const next = message.int(TAG.NewSeqNo);
    if (next === null) this.#reject(message, seq, unreadable(message, TAG.NewSeqNo), now);
    else if (next < this.#expected) this.#reject(message, seq, notForward(next, this.#expected), now);
    else {
      this.#effects.notice({ kind: 'ignored', seq, text: `the other side set its next number to ${next}` });
      if (next > this.#expected) this.#consume(next, now);
    }
  }

  #answerResendRequest(message: FixMessage, seq: number, now: Now): void {
    const from = message.int(TAG.BeginSeqNo);
    const to = message.int(TAG.EndSeqNo);
    const last = this.#out.next - 1;
    const problem = resendProblem(from, to, last);
    if (problem !== null) this.#reject(message, seq, problem, now);
    else {
      this.#out.resend(from!, to === 0 ? last : to!, now.wallMs);
      this.#clock.sent(now.monoMs);
    }
  }

  #answerLogout(message: FixMessage, now: Now): void {
    if (this.#state === 'logout-sent') return this.#hangUp('logged out');
    const text = message.text(TAG.Text);
    this.#effects.notice({ kind: 'goodbye', text: text ?? 'no reason was given' });
    this.#own(MSG.Logout, this.#fields.none(), now);
    this.#state = 'logout-answered';
    this.#deadlineMs = now.monoMs + (this.#options.logoutTimeoutMs ?? 5_000);
  }

  #noteGap(seq: number, now: Now, options: { ask: boolean }): void {
    const step = this.#gap.seen(seq, now.monoMs + RESEND_TIMEOUT_MS);
    if (step === 'ask' && options.ask) this.#askForGap(now);
    else this.#effects.notice({ kind: 'ignored', seq, text: `${this.#expected} is expected first` });
  }

  #askForGap(now: Now): void {
    this.#effects.notice({ kind: 'gap', from: this.#expected, through: this.#gap.through });
    this.#own(MSG.ResendRequest, this.#fields.resendFrom(this.#expected), now);
  }

  /** Everything below `next` is done with. */
  #consume(next: number, now: Now): void {
    this.#expected = next;
    this.#effects.keepReceived(next);
    if (!this.#gap.open) return;
    const step = this.#gap.advanced(next, now.monoMs + RESEND_TIMEOUT_MS);
    if (step === 'ask') this.#askForGap(now);
    else if (step === 'closed') this.#effects.notice({ kind: 'caught-up', nextIn: next });
  }

  #reject(message: FixMessage, seq: number, problem: FieldProblem, now: Now): void {
    this.#effects.notice({ kind: 'refused', seq, text: problem.text });
    this.#own(MSG.Reject, this.#fields.reject(message, seq, problem), now);
  }

  /** Nothing can be believed of this connection any more: says why, if it can be said, and ends it. */
  #fatal(text: string, now: Now): void {
    if (this.#state === 'down') return;
    if (this.#state === 'awaiting-logon') this.#out.open();
    if (this.#out.backlog === 0) {
      this.#out.release(now.wallMs);
      this.#own(MSG.Logout, this.#fields.text(text), now);
    }
    this.#hangUp(text);
  }

  #own(msgType: string, fields: Buffer, now: Now): number {
    this.#clock.sent(now.monoMs);
    return this.#out.own(msgType, fields, now.wallMs);
  }

  #resetNumbers(): void {
    this.#effects.keepReset();
    this.#out.reset();
    this.#expected = 1;
  }

  #hangUp(reason: string): void {
    this.#effects.disconnect(reason);
    this.#goDown(reason);
  }

  #goDown(reason: string): void {
    this.#state = 'down';
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#gap.clear();
    this.#out.close();
    this.#effects.notice({ kind: 'down', reason });
  }
}
