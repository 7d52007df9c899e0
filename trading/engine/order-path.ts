import { monoNowMs } from '../base/mono-clock.ts';
import { type FixEntry, fixRecordBytes, writeFixEntry } from '../fix/session-entry.ts';
import type { Journal } from '../journal/journal.ts';
import { RecordBatch } from '../journal/record-batch.ts';
import { BinaryDesk, lastReject } from './binary-desk.ts';
import type { BinarySession } from './binary-session.ts';
import { MOST_BYTES, MOST_RECORDS } from './block-limits.ts';
import { eventText } from './client-protocol.ts';
import { ClientSessions } from './client-sessions.ts';
import { dryRun } from './dry-run.ts';
import { decodeEntry, type Entry, writeEntry } from './entry.ts';
import type { Lease } from './lease.ts';
import { LineDesk } from './line-desk.ts';
import type { OrderState } from './order-state.ts';
import { ClientSession, type OrdersPort } from './orders-port.ts';
import type { Limits, Permissions } from './pre-trade.ts';
import { ReleaseQueue } from './release-queue.ts';
import { removedText, Subscriptions } from './subscriptions.ts';
import { Unacknowledged } from './unacknowledged.ts';
import { writeReport } from './venue/report-record.ts';
import { Takeover } from './venue/takeover.ts';
import type { VenueDesk, VenueReign } from './venue/venue-desk.ts';
import type { VenuePost } from './venue/venue-post.ts';
import type { VenueReport } from './venue/venue-session.ts';

export interface OrderPathOptions {
  readonly instance: string;
  readonly epoch: number;
  /** Where the report of the takeover is kept. */
  readonly dataDir: string;
  readonly journal: Journal;
  readonly state: OrderState;
  readonly lease: Lease;
  readonly limits: Limits;
  readonly venues: VenueDesk;
  readonly port: OrdersPort;
  /** Entries that may wait for release before no more input is read. */
  readonly maxHeldEntries: number;
  /** Read at each use. */
  readonly allowed: Permissions;
  /** A block was appended to the journal. */
  readonly onAppended: () => void;
}

/** Lines that waited are handled so many in a turn. */
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
  readonly #lines: LineDesk;
  readonly #sessions = new ClientSessions();
  #inbox: { readonly session: ClientSession; readonly line: string }[] = [];
  readonly #batch = new RecordBatch();
  #flushPending = false;
  #stopped = false;
  #inputHeld = false;
  /** Messages of a binary session are being handled: what that brings about takes no others meanwhile. */
  #taking = false;
  #held = 0;
  #released = 0;
  /** Where the journal ended when the reign began. */
  readonly #base: number;
  readonly #releasedBefore: number;
  #testNumber = 0;
  readonly #unacknowledged = new Unacknowledged();
  readonly #untilReleased: { readonly sequence: number; readonly done: () => void }[] = [];
  /** What was in doubt when the reign began, and what became of it. */
  readonly takeover: Takeover;
  #acknowledged = 0;
  lastOrderAtMs: number | null = null;

  constructor(options: OrderPathOptions) {
    this.#options = options;
    this.#base = options.state.applied;
    this.#releasedBefore = Math.min(options.journal.released, this.#base);
    const { instance, epoch, state, limits, allowed, dataDir: directory } = options;
    const venues = options.venues.posts.map(({ config }) => config.name);
    this.takeover = new Takeover({ state, about: { epoch, instance, directory }, venues });
    const common = { instance, epoch, state, limits, allowed, queue: this.#queue };
    this.#lines = new LineDesk({
      ...common,
      append: (entry) => this.#append(entry),
      accepted: (item, sequence) => {
        if (state.isOrder(item)) this.lastOrderAtMs = monoNowMs();
        this.#accepted(item, sequence);
      },
      answered: () => this.#flushSoon(),
      loggedOn: (client, session) => this.#sessions.loggedOn(client, session),
      subscribe: (session, after) => this.#subscribe(session, after),
    });
    this.#desk = new BinaryDesk({
      ...common,
      batch: this.#batch,
      commit: (recordBytes, offset, isNewOrder) => this.#commit(recordBytes, offset, isNewOrder),
      accepted: (item, sequence) => this.#accepted(item, sequence),
      answered: () => this.#flushSoon(),
      loggedOn: (client, session) => this.#sessions.loggedOn(client, session),
    });
    this.#subscriptions = new Subscriptions({
      journal: options.journal,
      mayRelease: () => this.#mayRelease(),
      venueName: (venue) => state.venues.nameOf(venue),
    });
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
  /** Where the journal ends now. */
  get end(): number {
    return this.#options.state.applied;
  }
  /**
   * Everything up to here is released, and the exchanges have answered what was sent of it. Cancels and executions after it go on:
   * a market does not stand still because nothing new is taken.
   */
  settledUpTo(sequence: number): boolean {
    const { items, pendingOrders, pendingRequests } = this.#options.state;
    if (this.#released < sequence) return false;
    return !items.anyUpTo(pendingOrders, sequence) && !items.anyUpTo(pendingRequests, sequence);
  }

  /** First entries of the reign: give the log's end this epoch, and each exchange that is new a number. Then it goes to them. */
  begin(): void {
    const { instance, state, venues } = this.#options;
    this.#append({ kind: 'epoch', instance });
    for (const { config } of venues.posts)
      if (state.venues.numberOf(config.name) === -1)
        this.#append({ kind: 'venue', name: config.name, venue: state.venues.count });
    this.#flush();
    venues.begin(this.#reign());
  }

  /** Ends the reign. What was computed and not yet journalled is journalled, so that state and journal stay equal. */
  stop(): void {
    this.#flush();
    this.#stopped = true;
    this.#queue.clear();
    this.#subscriptions.clear();
    this.#inbox = [];
    this.#untilReleased.length = 0;
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
    this.#lines.handle(session, line);
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
    const ordersBefore = state.orderCount;
    this.#desk.beginTurn();
    for (let length = session.nextLength(); length !== 0 && !this.#stopped; length = session.nextLength()) {
      if (length === -1) return session.refuse(lastReject('bad-message', this.#options.epoch));
      if (state.applied - Math.max(this.#released, this.#base) > maxHeldEntries) {
        this.#holdBack(session);
        break;
      }
      this.#desk.handle(session);
      session.take(length);
    }
    if (state.orderCount > ordersBefore) this.lastOrderAtMs = monoNowMs();
  }

  #holdBack(session: BinarySession): void {
    this.#inputHeld = true;
    session.hold(true);
  }

  sessionClosed(session: ClientSession | BinarySession): void {
    if (session instanceof ClientSession) this.#subscriptions.remove(session);
    this.#sessions.closed(session);
  }

  /** A report of an exchange: journalled, applied, and told to whose order it is about. */
  venueReport(post: VenuePost, report: VenueReport): void {
    if (this.#stopped) return;
    const { state, venues } = this.#options;
    const offset = this.#batch.reserve();
    const { bytes, view } = this.#batch;
    const length = writeReport(bytes, view, offset, post, report);
    const entry = report.kind === 'accepted' ? null : decodeEntry(bytes.subarray(offset, offset + length));
    const { id, target } = report;
    const item = state.find(id.bytes, id.at, id.length);
    const order = target.length === 0 ? -1 : state.find(target.bytes, target.at, target.length);
    const sequence = this.#commit(length, offset);
    const owner = item === -1 ? order : item;
    if (entry !== null && owner !== -1) this.#tell(state.name(state.items.client(owner)), sequence, entry);
    if (item !== -1) venues.reported(post, item, report);
    if (order !== -1) venues.reported(post, order, report);
  }

  /** The session at an exchange would not take this one: it had no effect there. */
  venueRefused(id: string, code: string): void {
    const { state, venues } = this.#options;
    const item = state.findId(id);
    if (this.#stopped || item === -1 || state.view(item).state !== 'pending') return;
    const of = state.isOrder(item) ? 'order' : 'request';
    const entry = { kind: 'refused', id, of, code } as const;
    this.#tell(state.name(state.items.client(item)), this.#append(entry), entry);
    venues.settledBy(state.items.venue(item), item, { by: 'refusal', code });
  }

  /** Queues an event for the newest session that the client has when it is released, in the protocol of the present one. */
  #tell(client: string, sequence: number, entry: Entry): void {
    if (this.#sessions.speaksBinary(client)) return this.#desk.event(this.#sessions.byteSink(client), sequence, entry);
    const text = eventText(sequence, this.#options.epoch, entry);
    if (text !== null) this.#queue.add(sequence, this.#sessions.textSink(client), text);
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
      this.#options.venues.settledBy(items.venue(item), item, { by: 'withdrawal' });
    }
  }

  /** Lets out whatever lease and acknowledgement set allow. Cheap when there is nothing. */
  release(): void {
    if (!this.#mayRelease()) return;
    if (this.#held > this.#released) {
      this.#released = this.#held;
      this.#options.journal.noteReleased(this.#released);
    }
    while (this.#untilReleased.length > 0 && this.#untilReleased[0]!.sequence <= this.#released)
      this.#untilReleased.shift()!.done();
    // What was inherited leaves before what was taken since: a cancel must not be there before its order.
    this.#options.venues.advance();
    this.#queue.release(this.#released, () => this.#mayRelease());
    this.#acknowledged += this.#unacknowledged.releasedUpTo(this.#released);
    this.#pumpSubscribers();
    this.#pumpInbox();
  }

  /** Journals a dry-run order for each exchange, and after its release asks there; settles with the longest elapsed time. */
  async testOrder(deadlineMs: number): Promise<{ readonly elapsedMs: number }> {
    const { venues, limits, epoch } = this.#options;
    const times = venues.posts.map(({ config, session, number }) => {
      const id = `test:${epoch}:${++this.#testNumber}`;
      const symbol =
        config.symbols[0] ?? [...limits.symbols].find((each) => venues.venueOfName(each) === number) ?? 'TEST';
      const sink = {
        stageItem: () => session.stageTest(id, symbol),
        unstage: () => session.unstage(),
        flush: () => session.flush(),
      };
      const send = () => this.#queue.addItem(this.#append({ kind: 'test', id }), sink, -1);
      const about = { venue: config.name, id, symbol };
      return dryRun({ session, limits, about, deadlineMs, send, waiting: () => this.waiting });
    });
    const elapsed = await Promise.all(times);
    return { elapsedMs: Math.max(...elapsed) };
  }

  /** What the exchanges need of this reign. */
  #reign(): VenueReign {
    const { state, epoch } = this.#options;
    return {
      state,
      epoch,
      base: this.#base,
      releasedBefore: this.#releasedBefore,
      takeover: this.takeover,
      released: () => this.#released,
      letOut: () => Math.min(this.#released, this.#queue.oldestItem - 1),
      mayRelease: () => this.#mayRelease(),
      cancel: (order) => this.#cancelByEngine(order),
      report: (post, report) => this.venueReport(post, report),
      refused: (id, code) => this.venueRefused(id, code),
      release: () => this.release(),
    };
  }

  /** A cancel that no client asked for; no client can give such an id. */
  #cancelByEngine(order: number): number {
    const { state, epoch } = this.#options;
    const { items, ids } = state;
    const client = state.name(items.client(order));
    const id = `~t${epoch}-${items.sequence(order)}`;
    const sequence = this.#append({ kind: 'cancel', id, client, target: ids.text(order), at: Date.now() });
    const item = state.items.count - 1;
    this.#accepted(item, sequence);
    this.takeover.cancelled(state.venues.nameOf(items.venue(order)));
    return item;
  }

  /** Records of a FIX session, in one block with what comes of its messages. Answers the sequence of the first. */
  keepFix(entries: readonly FixEntry[]): number {
    const first = this.#options.state.applied + 1;
    if (this.#stopped) return first;
    for (const entry of entries) {
      const offset = this.#batch.reserve(fixRecordBytes(entry));
      this.#commit(writeFixEntry(this.#batch.bytes, offset, entry), offset);
    }
    return first;
  }

  /** Calls back when everything so far is held by the acknowledgement set and may be acted on; never, when the reign ends before. */
  whenReleased(done: () => void): void {
    const sequence = this.#options.state.applied;
    if (this.#mayRelease() && sequence <= this.#released) done();
    else this.#untilReleased.push({ sequence, done });
  }

  #subscribe(session: ClientSession, after: number): void {
    const { instance, epoch, journal } = this.#options;
    const end = journal.end.sequence;
    if (after > end) {
      session.refuse(`${JSON.stringify({ t: 'reject', code: 'ahead', end })}\n`);
      return;
    }
    if (after + 1 < journal.first) return session.refuse(removedText(journal.first));
    session.push(`${JSON.stringify({ t: 'subscribe-ok', instance, epoch, end })}\n`);
    session.flush();
    this.#subscriptions.add(session, after);
    this.#pumpSubscribers();
  }

  #append(entry: Entry): number {
    const offset = this.#batch.reserve();
    return this.#commit(writeEntry(this.#batch.bytes, this.#batch.view, offset, entry), offset);
  }

  /** An order or request was journalled: it goes to its exchange once it is released, before its acknowledgement. */
  #accepted(item: number, sequence: number): void {
    const { state, venues } = this.#options;
    this.#options.allowed.risk?.took(item);
    const sink = venues.sinkOf(state.items.venue(item));
    if (sink !== null) this.#queue.addItem(sequence, sink, item);
    this.#unacknowledged.add(sequence);
  }

  #commit(recordBytes: number, offset: number, isNewOrder = false): number {
    const { state, epoch } = this.#options;
    const batch = this.#batch;
    const { bytes, view } = batch;
    batch.commit(recordBytes);
    const sequence = state.applied + 1;
    if (isNewOrder) state.applyNewOrder(sequence, epoch, bytes, view, offset);
    else state.apply(sequence, epoch, bytes, view, offset);
    if (batch.count >= MOST_RECORDS || batch.payloadBytes >= MOST_BYTES) this.#flush();
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
        if (session.open) this.#lines.handle(session, line);
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
}
