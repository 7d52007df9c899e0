import { BodyWriter } from '../../fix/body-writer.ts';
import { FixInitiator } from '../../fix/fix-initiator.ts';
import type { FixMessage } from '../../fix/fix-message.ts';
import type { KeptSession } from '../../fix/kept-session.ts';
import type { SessionLink } from '../../fix/session-link.ts';
import { type EntryLog, SessionStore } from '../../fix/session-store.ts';
import type { SessionNotice } from '../../fix/session-types.ts';
import { MSG, TAG } from '../../fix/tags.ts';
import { VENUE_TAG } from '../../venue/fix/fix-words.ts';
import { FixInquiry } from './fix-inquiry.ts';
import { FixItemMessage } from './fix-item-message.ts';
import { FixReport } from './fix-report.ts';
import type { FixVenueConfig } from './fix-venue-config.ts';
import type { EngineVenueConfig } from './venue-config.ts';
import type { VenueSession, VenueSessionEvents } from './venue-session.ts';

export interface FixVenueOptions extends VenueSessionEvents {
  readonly venue: EngineVenueConfig;
  readonly fix: FixVenueConfig;
  readonly handshakeDeadlineMs: number;
  /** What the engine's journal has of this session. Read when a reign begins. */
  readonly kept: () => KeptSession;
  /** The journal of the reign that begins. */
  readonly journal: () => EntryLog;
}

/** Numbers that the session's own messages may use before the next entry: heartbeats wait for no replica. */
const RESERVE_AHEAD = 64;
const DELIMITER = String.fromCharCode(1);
const STALE = /^(?:the Logon was refused: )?stale-epoch: the firm's epoch is (\d+)/;

/**
 * The session over FIX 4.4. Its numbers and messages are in the engine's replicated journal: a message leaves when the acknowledgement
 * set holds it, and whoever is primary next goes on with the same session, at the next number, and sends again what the exchange asks for.
 */
export class FixVenueSession implements VenueSession {
  readonly idBytes = 64;
  readonly symbolBytes = 16;
  missed = 0;
  readonly #options: FixVenueOptions;
  readonly #items: FixItemMessage;
  readonly #reports: FixReport;
  readonly #writer = new BodyWriter();
  readonly #tests = new Map<string, (code: string | null) => void>();
  readonly #staged: number[] = [];
  #stagedTest: { readonly id: string; readonly symbol: string } | null = null;
  #initiator: FixInitiator | null = null;
  #store: SessionStore | null = null;
  #ready = false;
  #epoch = 0;
  #seatedEpoch = 0;
  /** Sequence of the last order or request that may have been sent before. */
  #sentUpTo = 0;
  #inquiries = 0;
  /** Asked behind everything that was sent on earlier connections; null = nothing is waited for. */
  #fence: string | null = null;
  #inquiry = new FixInquiry('', []);

  constructor(options: FixVenueOptions) {
    this.#options = options;
    this.#items = new FixItemMessage(options.fix.priceDecimals);
    this.#reports = new FixReport(options.fix.priceDecimals);
  }

  get ready(): boolean {
    return this.#ready;
  }

  get waitsForRelease(): boolean {
    return this.#initiator?.link.connected === true && this.#store?.safe === false;
  }

  /** Nothing: acceptors complain of connections on which nobody logs on. */
  prepare(): void {}

  start(epoch: number): void {
    this.stop();
    this.#epoch = epoch;
    const { venue, fix, handshakeDeadlineMs, kept, journal, mayConnect, state } = this.#options;
    this.#sentUpTo = state().applied;
    const fields = new BodyWriter().begin().int(VENUE_TAG.FirmEpoch, epoch);
    if (venue.password !== '') fields.text(TAG.Password, venue.password);
    const store = new SessionStore(journal(), kept());
    const initiator: FixInitiator = new FixInitiator({
      host: venue.host,
      port: venue.port,
      session: {
        role: 'initiator',
        senderCompId: fix.compId,
        targetCompId: fix.venueCompId,
        heartBtIntS: Math.max(1, Math.ceil(venue.heartbeatMs / 1000)),
        logonTimeoutMs: handshakeDeadlineMs,
        reserveAhead: RESERVE_AHEAD,
        whileDown: 'refuse',
        logonFields: fields.body(),
        admit: (logon) => {
          this.#seatedEpoch = logon.int(VENUE_TAG.FirmEpoch) ?? 0;
          return null;
        },
      },
      store,
      application: {
        onMessage: (message, _, link) => {
          if (this.#initiator === initiator) this.#receive(message, link);
        },
        onNotice: (notice, link) => {
          if (this.#initiator === initiator) this.#noticed(notice, link);
        },
      },
      mayWrite: mayConnect,
      mayDial: mayConnect,
      connectTimeoutMs: handshakeDeadlineMs,
      reconnectMs: { first: 20, max: 100 },
    });
    this.#initiator = initiator;
    this.#store = store;
    initiator.start();
  }

  stop(): void {
    const initiator = this.#initiator;
    this.#initiator = null;
    this.#ready = false;
    this.#fence = null;
    this.unstage();
    initiator?.close();
  }

  /** The session has its own timers. */
  tick(): void {}

  stageItem(item: number): void {
    if (this.#ready) this.#staged.push(item);
  }

  stageTest(id: string, symbol: string): void {
    if (this.#ready) this.#stagedTest = { id, symbol };
  }

  unstage(): void {
    this.#staged.length = 0;
    this.#stagedTest = null;
  }

  flush(): void {
    const { state, onRefused } = this.#options;
    const link = this.#link;
    if (link === null) return this.unstage();
    const { items, ids } = state();
    const nowMs = Date.now();
    for (const item of this.#staged) {
      const message = this.#items.of(state(), item, nowMs);
      if (message === null) {
        onRefused(ids.text(item), 'unknown-order');
        continue;
      }
      const sequence = items.sequence(item);
      link.send(message.msgType, message.fields, { possResend: sequence <= this.#sentUpTo });
      this.#sentUpTo = Math.max(this.#sentUpTo, sequence);
    }
    if (this.#stagedTest !== null) link.send(MSG.NewOrderSingle, this.#testOrder(this.#stagedTest, nowMs));
    this.unstage();
  }

  expectTest(id: string, settle: (code: string | null) => void): void {
    this.#tests.set(id, settle);
  }

  forgetTest(id: string): void {
    this.#tests.delete(id);
  }

  inquire(orders: readonly number[]): void {
    const link = this.#link;
    if (link === null) return;
    const { ids, items } = this.#options.state();
    this.#inquiry = new FixInquiry(`${this.#epoch}-${++this.#inquiries}`, orders);
    for (const [at, order] of orders.entries()) {
      const writer = this.#writer.begin().text(TAG.ClOrdID, ids.text(order));
      writer.text(TAG.Side, items.side(order) === 1 ? '1' : '2').text(TAG.OrdStatusReqID, `${this.#inquiry.id}/${at}`);
      link.send(MSG.OrderStatusRequest, writer.body());
    }
    link.send(MSG.FirmStateRequest, this.#writer.begin().text(VENUE_TAG.StateRequestId, this.#inquiry.id).body());
  }

  /** Where messages may go; null while there is nobody. */
  get #link(): SessionLink | null {
    return this.#ready && this.#initiator !== null ? this.#initiator.link : null;
  }

  #noticed(notice: SessionNotice, link: SessionLink): void {
    switch (notice.kind) {
      case 'up':
        this.missed = 0;
        return;
      case 'caught-up':
        // Outside of the session's own work: what is sent from there comes after it.
        queueMicrotask(() => this.#caughtUp(link));
        return;
      case 'goodbye':
        this.#supersededBy(notice.text);
        return;
      case 'down':
        this.#ready = false;
        this.#fence = null;
        this.unstage();
        this.#supersededBy(notice.reason);
        this.#options.onDown(notice.reason);
        return;
      case 'rejected-by-peer':
        this.#rejected(notice.seq, notice.text);
        return;
      case 'gap':
      case 'resending':
      case 'refused':
      case 'garbled':
      case 'ignored':
        return;
    }
  }

  /**
   * What the exchange lacks of earlier connections it asks for, and gets from the session: nothing in doubt is sent beside that before it
   * has answered, or it would be refused twice what it refuses. The fence is numbered behind all of it, so its answer comes behind theirs.
   */
  #caughtUp(link: SessionLink): void {
    if (this.#ready || this.#fence !== null || this.#initiator?.link !== link || link.state !== 'up') return;
    const { pendingOrders, pendingRequests } = this.#options.state();
    if (pendingOrders.first === -1 && pendingRequests.first === -1) return this.#becomeReady();
    this.#fence = `${this.#epoch}-fence-${++this.#inquiries}`;
    link.send(MSG.FirmStateRequest, this.#writer.begin().text(VENUE_TAG.StateRequestId, this.#fence).body());
  }

  #becomeReady(): void {
    this.#fence = null;
    this.#ready = true;
    this.#options.onReady(this.#seatedEpoch > 0 && this.#seatedEpoch === this.#epoch ? 'epoch' : 'word');
  }

  #fencePassed(link: SessionLink): void {
    if (this.#fence !== null && this.#initiator?.link === link && link.state === 'up') this.#becomeReady();
  }

  /** The reign ends outside of the session's own work. */
  #supersededBy(text: string): void {
    const initiator = this.#initiator;
    const stale = STALE.exec(text);
    if (stale === null && !text.startsWith('replaced: ')) return;
    const epoch = stale === null ? null : Number(stale[1]);
    if (epoch !== null && epoch <= this.#epoch) return;
    queueMicrotask(() => {
      if (initiator !== null && this.#initiator === initiator) this.#options.onSuperseded(epoch);
    });
  }

  #receive(message: FixMessage, link: SessionLink): void {
    switch (message.msgType) {
      case MSG.ExecutionReport:
      case MSG.OrderCancelReject:
        if (message.has(VENUE_TAG.ReportNumber)) this.#reported(message, link);
        else this.#told(message);
        return;
      case MSG.FirmState: {
        if (this.#fence !== null && message.equals(VENUE_TAG.StateRequestId, this.#fence)) {
          if (message.flag(TAG.LastRptRequested)) queueMicrotask(() => this.#fencePassed(link));
          return;
        }
        const answers = this.#inquiry.takeState(message);
        if (answers !== null) this.#options.onAnswers(answers);
        return;
      }
      case MSG.BusinessMessageReject: {
        // A session that lost its seat is told so; what it had sent may have been entered by another one.
        const text = message.text(TAG.Text) ?? '';
        const id = message.text(TAG.BusinessRejectRefID);
        if (id !== null && !/^(stale-epoch|replaced):/.test(text)) this.#options.onRefused(id, 'not-authorised');
        return;
      }
      default:
        link.refuse(message, 3, 'it is of no use here');
    }
  }

  #reported(message: FixMessage, link: SessionLink): void {
    const { lastReport, onReport } = this.#options;
    const report = this.#reports.read(message);
    const last = lastReport();
    if (report === null || report.n > last + 1) {
      const found = report === null ? 'one cannot be read' : `${report.n} came after ${last}`;
      queueMicrotask(() => link.cut(`its reports have a gap: ${found}`));
      return;
    }
    if (report.n <= last) return;
    if (!this.#ready) this.missed += 1;
    onReport(report);
  }

  /** What comes from no ledger: an order or request that was refused before the books, a status, a test order's answer. */
  #told(message: FixMessage): void {
    const id = message.text(TAG.ClOrdID) ?? '';
    const text = message.text(TAG.Text) ?? '';
    if (message.flag(VENUE_TAG.CheckOnly)) {
      const settle = this.#tests.get(id);
      this.#tests.delete(id);
      settle?.(message.equals(TAG.OrdStatus, '8') ? text : null);
    } else if (message.equals(TAG.ExecType, 'I')) this.#inquiry.takeStatus(message);
    else if (text !== 'duplicate') this.#options.onRefused(id, /^[a-z-]{1,64}$/.test(text) ? text : 'bad-order');
  }

  /** The exchange's session layer refused a message: what it carried was not entered. */
  #rejected(seq: number, text: string): void {
    const fields = this.#options.kept().get(seq)?.fields ?? new Uint8Array(0);
    const own = Buffer.from(fields).toString('latin1').split(DELIMITER);
    const id = own.find((field) => field.startsWith('11='));
    if (id !== undefined) this.#options.onRefused(id.slice(3), 'bad-message');
    else this.#options.onDown(text);
  }

  #testOrder({ id, symbol }: { readonly id: string; readonly symbol: string }, nowMs: number): Buffer {
    const writer = this.#writer.begin().text(TAG.ClOrdID, id).text(TAG.Symbol, symbol).text(TAG.Side, '1');
    writer.utc(TAG.TransactTime, nowMs).int(TAG.OrderQty, 1).text(TAG.OrdType, '2');
    return writer.scaled(TAG.Price, 1, this.#options.fix.priceDecimals).flag(VENUE_TAG.CheckOnly, true).body();
  }
}
