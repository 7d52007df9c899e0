import { monoNowMs } from '../base/mono-clock.ts';
import type { Journal } from '../journal/journal.ts';
import { RecordBatch } from '../journal/record-batch.ts';
import { BinaryDesk, lastReject } from './binary-desk.ts';
import type { BinarySession } from './binary-session.ts';
import {
  ackText,
  type CancelCommand,
  type ClientMessage,
  eventText,
  type NewCommand,
  parseClientMessage,
  recordOf,
  rejectText,
} from './client-protocol.ts';
import { ClientSessions } from './client-sessions.ts';
import { dryRun } from './dry-run.ts';
import { type Entry, type VenueEntry, writeEntry } from './entry.ts';
import type { Lease } from './lease.ts';
import type { OrderState } from './order-state.ts';
import { ClientSession, type OrdersPort } from './orders-port.ts';
import { checkCancel, checkNew, type Limits, type Permissions } from './pre-trade.ts';
import { ReleaseQueue } from './release-queue.ts';
import { Subscriptions } from './subscriptions.ts';
import { Unacknowledged } from './unacknowledged.ts';
import type { VenueLink } from './venue-link.ts';
import { venueText } from './venue-text.ts';

export interface OrderPathOptions {
  readonly instance: string;
  readonly epoch: number;
  readonly journal: Journal;
  readonly state: OrderState;
  readonly lease: Lease;
  readonly limits: Limits;
  readonly venue: VenueLink;
  readonly port: OrdersPort;
  /** Entries that may wait for release before no more input is read. */
  readonly maxHeldEntries: number;
  /** Read at each use. */
  readonly allowed: Permissions;
  /** A block was appended to the journal. */
  readonly onAppended: () => void;
}

/** What gathers in one turn is one block, but none grows beyond this. */
const MAX_BATCH = 2000;
const MAX_BATCH_BYTES = 256 * 1024;
const INBOX_TURN = 512;

/**
 * The order path of one reign: from client lines and venue reports to journal entries, and from held entries to
 * acknowledgements, exchange sends and subscribers. It exists only while the instance is primary in one epoch; whatever it
 * has not released when it is stopped is never released by it.
 */
export class OrderPath {
  readonly #options: OrderPathOptions;
  readonly #queue = new ReleaseQueue();
  readonly #subscriptions: Subscriptions;
  readonly #desk: BinaryDesk;
  readonly #sessions = new ClientSessions();
  #inbox: { readonly session: ClientSession; readonly line: string }[] = [];
  readonly #batch = new RecordBatch();
  #flushPending = false;
  #stopped = false;
  #inputHeld = false;
  /** Messages of a binary session are being handled: what that brings about takes no others meanwhile. */
  #taking = false;
  #resendDue = false;
  #held = 0;
  #released = 0;
  /** Where the journal ended when the reign began. */
  readonly #base: number;
  #testNumber = 0;
  readonly #unacknowledged = new Unacknowledged();
  #acknowledged = 0;
  lastOrderAtMs: number | null = null;

  constructor(options: OrderPathOptions) {
    this.#options = options;
    this.#base = options.state.applied;
    const { instance, epoch, state, limits, allowed } = options;
    this.#desk = new BinaryDesk({
      instance,
      epoch,
      state,
      limits,
      allowed,
      batch: this.#batch,
      queue: this.#queue,
      commit: (recordBytes, offset) => this.#commit(recordBytes, offset),
      accepted: (item, sequence) => this.#accepted(item, sequence),
      answered: () => this.#flushSoon(),
      loggedOn: (client, session) => this.#sessions.loggedOn(client, session),
    });
    this.#subscriptions = new Subscriptions({ journal: options.journal, mayRelease: () => this.#mayRelease() });
  }

  /** Highest sequence released in this reign. */
  get released(): number {
    return this.#released;
  }
  /** Entries that wait for the acknowledgement set or the lease. */
  get waiting(): number {
    return this.#options.state.applied - Math.max(this.#released, this.#base);
  }
  /** Orders and cancels whose acknowledgements were released in this reign. */
  get acknowledged(): number {
    return this.#acknowledged;
  }
  get clients(): number {
    return this.#sessions.count;
  }
  get subscribers(): number {
    return this.#subscriptions.count;
  }
  /** Nothing is waiting for release, and the venue has answered everything it was sent. */
  get settled(): boolean {
    const { state } = this.#options;
    return (
      this.#released === state.applied &&
      this.#inbox.length === 0 &&
      state.pendingOrders.size === 0 &&
      state.pendingCancels.size === 0
    );
  }

  /** First entry of the reign: gives the log's end this epoch. */
  begin(): void {
    this.#append({ kind: 'epoch', instance: this.#options.instance });
    this.#flush();
  }

  /** Ends the reign. What was computed and not yet journalled is journalled, so that state and journal stay equal. */
  stop(): void {
    this.#flush();
    this.#stopped = true;
    this.#queue.clear();
    this.#subscriptions.clear();
    this.#inbox = [];
  }

  /** A line from a client; kept unread while nothing could be released. */
  receive(session: ClientSession, line: string): void {
    if (this.#inbox.length > 0 || !this.#mayAccept()) {
      this.#inbox.push({ session, line });
      this.#inputHeld = true;
      session.hold(true);
      return;
    }
    this.#options.allowed.risk?.look(monoNowMs());
    this.#handleLine(session, line);
  }

  /** Something came from a binary client; what cannot be taken now waits in the session, which is read no further. */
  receiveBytes(session: BinarySession): void {
    if (this.#taking || !this.#mayAccept()) return this.#holdBack(session);
    this.#taking = true;
    this.#options.allowed.risk?.look(monoNowMs());
    this.#takeMessages(session);
    this.#taking = false;
  }

  /** The lease is asked once for all that came together: it decides again before anything leaves. */
  #takeMessages(session: BinarySession): void {
    const { state, maxHeldEntries } = this.#options;
    for (let length = session.nextLength(); length !== 0 && !this.#stopped; length = session.nextLength()) {
      if (length === -1) return session.refuse(lastReject('bad-message', this.#options.epoch));
      if (state.applied - Math.max(this.#released, this.#base) > maxHeldEntries) return this.#holdBack(session);
      this.#desk.handle(session);
      session.take(length);
    }
  }

  #holdBack(session: BinarySession): void {
    this.#inputHeld = true;
    session.hold(true);
  }

  sessionClosed(session: ClientSession | BinarySession): void {
    if (session instanceof ClientSession) this.#subscriptions.remove(session);
    this.#sessions.closed(session);
  }

  venueReport(entry: VenueEntry): void {
    if (this.#stopped) return;
    const sequence = this.#append(entry);
    if (entry.kind === 'accepted') return;
    const owner = this.#ownerOf(entry);
    if (owner !== null) this.#tell(owner, sequence, entry);
  }

  /** Queues an event for the newest session that the client has when it is released, in the protocol of the present one. */
  #tell(client: string, sequence: number, entry: Entry): void {
    if (this.#sessions.speaksBinary(client)) return this.#desk.event(this.#sessions.byteSink(client), sequence, entry);
    const text = eventText(sequence, this.#options.epoch, entry);
    if (text !== null) this.#queue.add(sequence, this.#sessions.textSink(client), text);
  }

  /** The venue session is ready: everything released that it has not confirmed goes again, idempotently. */
  venueReady(): void {
    this.#resendDue = true;
    this.release();
  }

  /** The acknowledgement set holds everything up to here. */
  heldUpTo(sequence: number): void {
    this.#held = sequence;
    this.release();
  }

  /** New risk ends here: orders that nobody was told of are taken back, in the journal too, and never leave. Cancels go their way. */
  withdrawOrders(code: string): void {
    if (this.#stopped) return;
    const released = Math.max(this.#released, this.#base);
    const { state } = this.#options;
    const { items, pendingOrders } = state;
    const orders = new Set<number>();
    for (let item = pendingOrders.first; item !== -1; item = items.next(item))
      if (items.sequence(item) > released) orders.add(item);
    if (orders.size === 0) return;
    this.#queue.withdraw(orders);
    const taken = new Set([...orders].map((item) => items.sequence(item)));
    this.#unacknowledged.withdraw(taken);
    for (const item of orders) {
      const entry = { kind: 'withdrawn', id: state.ids.text(item), code } as const;
      this.#tell(state.name(items.client(item)), this.#append(entry), entry);
    }
  }

  /** Lets out whatever lease and acknowledgement set allow. Cheap when there is nothing. */
  release(): void {
    if (!this.#mayRelease()) return;
    if (this.#held > this.#released) {
      this.#released = this.#held;
      this.#options.journal.noteReleased(this.#released);
    }
    this.#queue.release(this.#released, () => this.#mayRelease());
    this.#acknowledged += this.#unacknowledged.releasedUpTo(this.#released);
    this.#resend();
    this.#pumpSubscribers();
    this.#pumpInbox();
  }

  /** Journals a dry-run order, and after its release asks the venue; settles with the elapsed time. */
  testOrder(deadlineMs: number): Promise<{ readonly elapsedMs: number }> {
    const { venue, limits, instance, epoch } = this.#options;
    const id = `test:${instance}:${epoch}:${++this.#testNumber}`.slice(0, 64);
    const send = (text: string) => this.#queue.add(this.#append({ kind: 'test', id }), venue, text);
    return dryRun({ venue, limits, id, deadlineMs, send, waiting: () => this.waiting });
  }

  #handleLine(session: ClientSession, line: string): void {
    const { message, id } = parseClientMessage(line);
    if (message === null) {
      this.#answer(session, rejectText(id, 'bad-message'));
      return;
    }
    this.#handle(session, message);
  }

  #handle(session: ClientSession, message: ClientMessage): void {
    const { instance, epoch, state } = this.#options;
    switch (message.t) {
      case 'logon':
        session.client = message.client;
        this.#sessions.loggedOn(message.client, session);
        this.#answer(session, `${JSON.stringify({ t: 'logon-ok', instance, epoch })}\n`);
        return;
      case 'new':
        session.client === null
          ? this.#answer(session, rejectText(message.id, 'bad-message'))
          : this.#new(session, session.client, message);
        return;
      case 'cancel':
        session.client === null
          ? this.#answer(session, rejectText(message.id, 'bad-message'))
          : this.#cancel(session, session.client, message);
        return;
      case 'query': {
        const orders = message.ids.map((id) => state.known(id)).filter((known) => known !== null);
        this.#answer(session, `${JSON.stringify({ t: 'orders', orders: orders.map(recordOf) })}\n`);
        return;
      }
      case 'query-all': {
        const orders = state.ordersAfter(message.after, message.limit + 1);
        const page = orders.slice(0, message.limit).map(recordOf);
        this.#answer(
          session,
          `${JSON.stringify({ t: 'orders', orders: page, more: orders.length > message.limit, through: state.applied })}\n`,
        );
        return;
      }
      case 'subscribe':
        this.#subscribe(session, message.after);
        return;
    }
  }

  #new(session: ClientSession, client: string, command: NewCommand): void {
    const { state, limits, epoch } = this.#options;
    const verdict = checkNew({ command, client, state, limits, allowed: this.#options.allowed });
    if (verdict.kind === 'reject') {
      this.#answer(session, rejectText(command.id, verdict.code));
      return;
    }
    if (verdict.kind === 'repeat') {
      this.#repeat(session, command.id);
      return;
    }
    const { id, symbol, side, price, qty } = command;
    const sequence = this.#append({ kind: 'order', id, client, symbol, side, price, qty, at: Date.now() });
    const item = state.items.count - 1;
    this.#accepted(item, sequence);
    this.#queue.add(sequence, session, ackText({ id, seq: sequence, epoch }), item);
  }

  #cancel(session: ClientSession, client: string, command: CancelCommand): void {
    const { state, epoch } = this.#options;
    const verdict = checkCancel({ command, client, state });
    if (verdict.kind === 'reject') {
      this.#answer(session, rejectText(command.id, verdict.code));
      return;
    }
    if (verdict.kind === 'repeat') {
      this.#repeat(session, command.id);
      return;
    }
    const { id, target } = command;
    const sequence = this.#append({ kind: 'cancel', id, client, target, at: Date.now() });
    this.#accepted(state.items.count - 1, sequence);
    this.#queue.add(sequence, session, ackText({ id, seq: sequence, epoch }));
  }

  /** The same answer as the first time: the acknowledgement, and the refusal that came after it if one did. */
  #repeat(session: ClientSession, id: string): void {
    const item = this.#options.state.findId(id);
    if (item === -1) return;
    const known = this.#options.state.view(item);
    if (known.kind === 'cancel' || !known.withdrawn) this.#answer(session, ackText(known), item);
    if (known.state === 'rejected') this.#answer(session, rejectText(id, known.code ?? 'refused', known.seq));
  }

  #subscribe(session: ClientSession, after: number): void {
    const { instance, epoch, journal } = this.#options;
    const end = journal.end.sequence;
    if (after > end) {
      session.refuse(`${JSON.stringify({ t: 'reject', code: 'ahead', end })}\n`);
      return;
    }
    session.push(`${JSON.stringify({ t: 'subscribe-ok', instance, epoch, end })}\n`);
    session.flush();
    this.#subscriptions.add(session, after);
    this.#pumpSubscribers();
  }

  /** Answers wait until all that they were computed from is released. */
  #answer(session: ClientSession, text: string, order = -1): void {
    this.#queue.add(this.#options.state.applied, session, text, order);
    this.#flushSoon();
  }

  #append(entry: Entry): number {
    const offset = this.#batch.reserve();
    return this.#commit(writeEntry(this.#batch.bytes, this.#batch.view, offset, entry), offset);
  }

  /** An order or cancel was journalled: it goes to the venue once it is released, before its acknowledgement. */
  #accepted(item: number, sequence: number): void {
    const { state, venue } = this.#options;
    const isOrder = state.isOrder(item);
    if (isOrder) {
      this.lastOrderAtMs = monoNowMs();
      this.#options.allowed.risk?.took(item);
    }
    this.#queue.add(sequence, venue, venueText(state, item), isOrder ? item : -1);
    this.#unacknowledged.add(sequence);
  }

  #commit(recordBytes: number, offset: number): number {
    const { state, epoch } = this.#options;
    const batch = this.#batch;
    const { bytes, view } = batch;
    batch.commit(recordBytes);
    const sequence = state.applied + 1;
    state.apply(sequence, epoch, bytes, view, offset);
    if (batch.count >= MAX_BATCH || batch.payloadBytes >= MAX_BATCH_BYTES) this.#flush();
    else this.#flushSoon();
    return sequence;
  }

  #flushSoon(): void {
    if (this.#flushPending) return;
    this.#flushPending = true;
    setImmediate(() => {
      this.#flushPending = false;
      this.#flush();
      this.release();
    });
  }

  /** All that gathered in this turn becomes one block, sent to the replicas and to the disk side by side. */
  #flush(): void {
    if (this.#stopped || this.#batch.count === 0) return;
    this.#options.journal.append({ epoch: this.#options.epoch, batch: this.#batch });
    this.#options.onAppended();
  }

  #resend(): void {
    const { state, venue } = this.#options;
    if (!this.#resendDue || !venue.ready || !this.#mayRelease()) return;
    // What was inherited is in no queue of this reign: it is sent from here, once all of it is released again.
    if (this.#released < this.#base) return;
    this.#resendDue = false;
    // What this reign has not released yet is still in its queue.
    const { items } = state;
    for (let item = state.pendingOrders.first; item !== -1; item = items.next(item))
      if (items.sequence(item) <= this.#released) venue.push(venueText(state, item));
    for (let item = state.pendingCancels.first; item !== -1; item = items.next(item))
      if (items.sequence(item) <= this.#released) venue.push(venueText(state, item));
    // Sent twice is harmless there, not sent is not.
    if (this.#mayRelease()) venue.flush();
    else this.#resendDue = true;
  }

  #pumpSubscribers(): void {
    if (this.#subscriptions.count === 0) return;
    this.#subscriptions.pump({ released: this.#released, epoch: this.#options.epoch, nowMs: monoNowMs() });
  }

  #pumpInbox(): void {
    if (this.#taking) return;
    if (this.#inbox.length > 0) {
      const waiting = this.#inbox.splice(0, INBOX_TURN);
      this.#options.allowed.risk?.look(monoNowMs());
      while (waiting.length > 0 && this.#mayAccept()) {
        const { session, line } = waiting.shift()!;
        if (session.open) this.#handleLine(session, line);
      }
      this.#inbox = [...waiting, ...this.#inbox];
      if (this.#inbox.length > 0) {
        if (this.#mayAccept()) this.#flushSoon();
        return;
      }
    }
    if (!this.#inputHeld || !this.#mayAccept()) return;
    this.#inputHeld = false;
    for (const session of this.#options.port.sessions) session.hold(false);
    for (const session of this.#options.port.binarySessions) {
      session.hold(false);
      this.receiveBytes(session);
    }
  }

  #mayRelease(): boolean {
    return !this.#stopped && this.#options.lease.valid;
  }

  #mayAccept(): boolean {
    return this.#mayRelease() && this.waiting <= this.#options.maxHeldEntries;
  }

  #ownerOf(entry: VenueEntry): string | null {
    const { state } = this.#options;
    const item = state.findId(entry.kind === 'cancelled' && entry.id === '' ? entry.target : entry.id);
    return item === -1 ? null : state.name(state.items.client(item));
  }
}
