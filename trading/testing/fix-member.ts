import { BodyWriter } from '../fix/body-writer.ts';
import { FixInitiator } from '../fix/fix-initiator.ts';
import type { FixMessage } from '../fix/fix-message.ts';
import { KeptSession } from '../fix/kept-session.ts';
import { MemoryEntryLog } from '../fix/memory-entry-log.ts';
import { SessionStore } from '../fix/session-store.ts';
import type { DeliveryMarks, SessionNotice, SessionOptions } from '../fix/session-types.ts';
import { TAG } from '../fix/tags.ts';
import { VENUE_TAG } from '../venue/fix/fix-words.ts';
import { waitUntil } from './wait-until.ts';

/** One message as a member got it: fields by tag. */
export interface FixTold {
  readonly msgType: string;
  readonly possDup: boolean;
  readonly [tag: number]: string;
}

export interface FixMemberOptions {
  readonly port: number;
  readonly compId?: string;
  readonly epoch?: number | null;
  readonly password?: string;
  readonly cancelOnDisconnect?: string;
  /** What an earlier connection left: the session goes on from there. */
  readonly log?: MemoryEntryLog;
  readonly session?: Partial<SessionOptions>;
}

/** A trading firm on the exchange's FIX port. */
export class FixMember {
  readonly initiator: FixInitiator;
  readonly log: MemoryEntryLog;
  readonly received: FixTold[] = [];
  readonly notices: SessionNotice[] = [];
  readonly #writer = new BodyWriter();

  constructor(options: FixMemberOptions) {
    const { port, compId = 'ACME', epoch = 1, password, cancelOnDisconnect, log = new MemoryEntryLog() } = options;
    this.log = log;
    const kept = new KeptSession('venue');
    log.entries.forEach((entry, at) => {
      kept.apply(entry, at + 1);
    });
    const writer = this.#writer.begin();
    if (epoch !== null) writer.int(VENUE_TAG.FirmEpoch, epoch);
    if (password !== undefined) writer.text(TAG.Password, password);
    if (cancelOnDisconnect !== undefined) writer.text(VENUE_TAG.CancelOnDisconnect, cancelOnDisconnect);
    const logonFields = Buffer.from(writer.body());
    this.initiator = new FixInitiator({
      host: '127.0.0.1',
      port,
      session: { role: 'initiator', senderCompId: compId, targetCompId: 'VENUE', logonFields, ...options.session },
      store: new SessionStore(log, kept),
      application: {
        onMessage: (message, marks) => this.received.push(told(message, marks)),
        onNotice: (notice) => this.notices.push(notice),
      },
      reconnectMs: { first: 20, max: 50 },
    });
  }

  /** Logged on, with everything that the exchange had for it. */
  static async up(options: FixMemberOptions): Promise<FixMember> {
    const member = new FixMember(options);
    member.initiator.start();
    await member.caughtUp();
    return member;
  }

  caughtUp(): Promise<void> {
    return waitUntil(
      `the session is up; it was told ${JSON.stringify(this.notices)}`,
      () => this.initiator.link.caughtUp,
    );
  }

  /** Fields in their order; TransactTime is added. */
  send(msgType: string, fields: readonly (readonly [tag: number, value: string])[], possResend = false): void {
    const writer = this.#writer.begin();
    for (const [tag, value] of fields) writer.text(tag, value);
    if (!['H', 'AF', 'g', 'U1'].includes(msgType)) writer.utc(TAG.TransactTime, Date.now());
    this.initiator.link.send(msgType, writer.body(), { possResend });
  }

  order(order: {
    readonly id: string;
    readonly symbol?: string;
    readonly side?: string;
    readonly price?: string | null;
    readonly quantity?: string;
    readonly more?: readonly (readonly [tag: number, value: string])[];
    readonly possResend?: boolean;
  }): void {
    const { id, symbol = 'X', side = '1', price = '100', quantity = '10', more = [], possResend = false } = order;
    const kind = price === null ? ([[40, '1']] as const) : ([[40, '2'] as const, [44, price] as const] as const);
    this.send('D', [[11, id], [55, symbol], [54, side], [38, quantity], ...kind, ...more], possResend);
  }

  cancel(id: string, target: string, possResend = false): void {
    this.send('F', [[41, target], [11, id], [55, 'X'], [54, '1']], possResend); // biome-ignore format: one line
  }

  replace(id: string, target: string, terms: { readonly price: string; readonly quantity: string }): void {
    const { price, quantity } = terms;
    this.send('G', [[41, target], [11, id], [55, 'X'], [54, '1'], [40, '2'], [44, price], [38, quantity]]); // biome-ignore format: one line
  }

  /** The first message that is like this, once it is there. */
  async expect(what: string, fits: (told: FixTold) => boolean): Promise<FixTold> {
    await waitUntil(`${what}; there was ${this.received.map(brief).join(', ')}`, () => this.received.some(fits));
    return this.received.find(fits)!;
  }

  /** The report of what happened to a request or order. */
  report(execType: string, clOrdId: string): Promise<FixTold> {
    return this.expect(`${execType} of ${clOrdId}`, (each) => each[150] === execType && each[11] === clOrdId);
  }

  /** Numbers of the firm's reports, in the order in which they came. */
  reportNumbers(): number[] {
    return this.received.flatMap((each) => (each[5002] === undefined ? [] : [Number(each[5002])]));
  }

  close(): void {
    this.initiator.close();
  }
}

/** `35 150/39 11>41 58`, for messages of failures and for comparing. */
export const brief = (each: FixTold): string =>
  [each.msgType, `${each[150] ?? '-'}/${each[39] ?? '-'}`, `${each[11] ?? ''}>${each[41] ?? ''}`, each[58] ?? '']
    .join(' ')
    .trim();

const told = (message: FixMessage, marks: DeliveryMarks): FixTold => {
  const fields: { [tag: number]: string } = {};
  for (let at = 0; at < message.fieldCount; at++) fields[message.tagAt(at)] = message.textAt(at);
  return { ...fields, msgType: message.msgType, possDup: marks.possDup };
};
