/** One change in shipped code that the simulation knows nothing of and has to catch within a few worlds. This tests the tests. */
export interface SessionVariant {
  readonly name: string;
  /** In this folder. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** What the broken code would do to a firm. */
  readonly why: string;
}

export const WORLDS_AT_MOST = 60;

export const SESSION_VARIANTS: readonly SessionVariant[] = [
  {
    name: 'what was sent is not kept',
    file: 'session-store.ts',
    find: "this.#entries.push({ kind: 'fix-sent', session: this.session, seq, msgType, sendingMs, possResend, fields });",
    replace: '',
    why: 'an order that was on its way when the process died is never sent again',
  },
  {
    name: 'the numbers of own messages are not kept',
    file: 'outbound-stream.ts',
    find: 'this.#effects.keepNumbersBefore(this.#keptBefore);',
    replace: '',
    why: 'the successor logs on with a number that was used, and is refused',
  },
  {
    name: 'kept numbers are not counted by the successor',
    file: 'kept-session.ts',
    find: 'this.#nextOut = Math.max(this.#nextOut, entry.next);',
    replace: '',
    why: 'two different messages under one number',
  },
  {
    name: 'a resend is not marked',
    file: 'outbound-stream.ts',
    find: '{ msgType, seq, sendingMs: wallMs, possDup: true, origSendingMs: Math.min(sendingMs, wallMs), possResend },',
    replace: '{ msgType, seq, sendingMs: wallMs, possResend },',
    why: 'the other side books an order twice',
  },
  {
    name: 'gaps are filled over orders',
    file: 'outbound-stream.ts',
    find: 'while (to <= this.#resendThrough && this.#sent.get(to) === null) to += 1;',
    replace: 'while (to <= this.#resendThrough) to += 1;',
    why: 'orders between two heartbeats are never sent again',
  },
  {
    name: 'a resend reaches into what has not left',
    file: 'outbound-stream.ts',
    find: 'this.#resendThrough = Math.min(through, this.#liveNext - 1);',
    replace: 'this.#resendThrough = through;',
    why: 'the same number leaves twice, once unmarked, and the session breaks',
  },
  {
    name: 'what comes out of order is taken as it comes',
    file: 'session-core.ts',
    find: 'else if (seq > this.#expected) this.#tooHigh(message, seq, now);',
    replace: '',
    why: 'the messages in the hole are lost',
  },
  {
    name: 'a gap at logon is not asked for',
    file: 'session-core.ts',
    find: 'else this.#noteGap(seq, now, { ask: theirNext === null });',
    replace: 'else this.#consume(seq + 1, now);',
    why: 'executions that happened while the connection was cut are lost',
  },
  {
    name: 'received is kept one too far',
    file: 'session-core.ts',
    find: 'this.#effects.keepReceived(next);',
    replace: 'this.#effects.keepReceived(next + 1);',
    why: 'after a take-over one execution is missing',
  },
  {
    name: 'the checksum is not looked at',
    file: 'frame-reader.ts',
    find: 'if (stated !== sum)',
    replace: 'if (stated < 0)',
    why: 'a changed byte changes an order',
  },
];
