import { createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress } from '../../base/config-file.ts';
import { Door } from '../../base/door.ts';
import { emptyIdView, idText } from '../../base/id-view.ts';
import { countField, type JsonRecord, parseRecord, textField, textListField } from '../../base/json-record.ts';
import { Outlet } from '../../base/outlet.ts';
import { PacedLines } from '../../base/paced-lines.ts';
import type { TokenFile } from '../../base/token-file.ts';
import { NONE } from '../core/order-table.ts';
import { Report } from '../core/report.ts';
import { MARKET, ORDER_STATES, PHASES, SIDES } from '../core/terms.ts';
import type { FeedPublisher } from '../market-data/feed-publisher.ts';
import type { Chair, OrderPort } from '../order-port.ts';
import { CANCEL_ON_DISCONNECT, type CutCode } from '../sessions/session-desk.ts';
import { REPORT_RECORD_BYTES, readReportRecord } from '../store/report-record.ts';
import { LineRequest } from './line-request.ts';
import { reportLine } from './report-line.ts';

interface LineSession {
  readonly socket: Socket;
  readonly outlet: Outlet;
  readonly lines: PacedLines;
  firm: number;
  /** Null = not an order session. */
  chair: Chair | null;
  /** Gets reports live. */
  live: boolean;
  copying: boolean;
}

/** Of members, drop copies and whoever asks for status. */
const MOST_CONNECTIONS = 2048;

export interface LineServerOptions {
  readonly port: OrderPort;
  /** Guards the admin messages; null = there are none. */
  readonly token: TokenFile | null;
  /** That may be told to lose packets; null = there are none. */
  readonly feeds: Readonly<Record<'A' | 'B', FeedPublisher>> | null;
}

/** Order entry, drop copy, status and administration as lines of JSON. `trading/README.md` has the messages. */
export class LineServer {
  readonly #options: LineServerOptions;
  readonly #port: OrderPort;
  readonly #server: Server;
  readonly #sessions = new Set<LineSession>();
  readonly #request: LineRequest;
  readonly #door: Door;
  readonly #view = emptyIdView();

  constructor(options: LineServerOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#request = new LineRequest(options.port.venue.exchange);
    options.port.listen({ report: (report) => this.#reported(report) });
    options.port.atTurnEnd(() => {
      for (const session of this.#sessions) session.outlet.flush();
    });
    // Half-open, so that what a cut session still sends is seen, refused and counted.
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#door = new Door(this.#server, { most: MOST_CONNECTIONS });
  }

  listen(address: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(address.port, address.host, () => {
        const bound = this.#server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
      });
    });
  }

  close(): Promise<void> {
    for (const session of this.#sessions) session.socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    socket.setEncoding('utf8');
    const outlet = new Outlet(socket);
    const lines = new PacedLines({
      socket,
      door: this.#door,
      owed: () => outlet.length,
      maxLineLength: 64 * 1024,
      onLine: (line) => this.#receive(session, line),
      onOverflow: () => socket.destroy(),
    });
    const session: LineSession = {
      socket,
      outlet,
      lines,
      firm: NONE,
      chair: null,
      live: false,
      copying: false,
    };
    this.#sessions.add(session);
    socket.on('data', (chunk: string) => lines.push(chunk));
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sessions.delete(session);
      if (session.chair !== null) this.#port.lost(session.chair);
    });
  }

  #receive(session: LineSession, line: string): void {
    const record = parseRecord(line);
    if (record === null) {
      session.socket.destroy();
      return;
    }
    switch (record.t) {
      case 'logon':
        this.#logon(session, record);
        return;
      case 'logoff':
        if (session.chair !== null) this.#port.left(session.chair);
        session.chair = null;
        this.#refuse(session, { t: 'logoff-ok' });
        return;
      case 'fence':
        this.#fence(session, record);
        return;
      case 'new':
      case 'cancel':
      case 'replace':
      case 'mass-cancel':
        this.#write(session, record);
        return;
      case 'drop-copy':
        this.#dropCopy(session, record);
        return;
      case 'status':
        this.#status(session, record);
        return;
      case 'counters':
        this.#tell(session, { t: 'counters', firms: this.#counters() });
        return;
      case 'admin':
        this.#admin(session, record);
        return;
      default:
        this.#tell(session, { t: 'reject', code: 'bad-message' });
        return;
    }
  }

  #logon(session: LineSession, record: JsonRecord): void {
    const { desk, venue } = this.#port;
    const firm = this.#firmNamed(record);
    const name = textField(record, 'session');
    const epoch = countField(record, 'epoch') ?? (desk.hasEpochs ? null : 0);
    const wanted = record.cancelOnDisconnect ?? null;
    const cancelOnDisconnect = wanted === null ? null : CANCEL_ON_DISCONNECT.find((each) => each === wanted);
    if (firm === NONE || name === null || epoch === null || cancelOnDisconnect === undefined) {
      this.#refuse(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    if (session.chair !== null) this.#port.left(session.chair);
    const password = textField(record, 'password') ?? '';
    const onCut = (code: CutCode) => this.#cut(session, firm, code);
    const outcome = this.#port.logon({ firm, session: name, epoch, password, cancelOnDisconnect, onCut });
    if (outcome.kind === 'seated') {
      session.firm = firm;
      session.chair = outcome.chair;
      const { last } = venue.ledger(firm);
      const seated = { firm: venue.exchange.firms.text(firm), epoch: outcome.chair.seat.epoch };
      this.#tell(session, { t: 'logon-ok', ...seated, last });
      return;
    }
    const { kind: code, ...more } = outcome;
    this.#refuse(session, { t: 'reject', code, ...more });
  }

  /** Raises the firm's epoch; every order session of an older one is cut. */
  #fence(session: LineSession, record: JsonRecord): void {
    const { desk, venue } = this.#port;
    const firm = this.#firmNamed(record);
    const epoch = countField(record, 'epoch');
    if (firm === NONE || epoch === null) {
      this.#refuse(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    if (!desk.hasEpochs || !desk.authorised(firm, textField(record, 'password') ?? '')) {
      this.#refuse(session, { t: 'reject', code: desk.hasEpochs ? 'not-authorised' : 'no-epochs' });
      return;
    }
    const raised = desk.raise(firm, epoch);
    const known = { epoch: venue.exchange.firm(firm).epoch };
    if (!raised) this.#tell(session, { t: 'reject', code: 'stale-epoch', ...known });
    else this.#tell(session, { t: 'fence-ok', firm: venue.exchange.firms.text(firm), ...known });
  }

  #write(session: LineSession, record: JsonRecord): void {
    const { chair } = session;
    const id = textField(record, 'id');
    if (chair === null || id === null) {
      this.#tell(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    const command = this.#request.read(record);
    if (command === null) {
      this.#tell(session, { t: 'reject', code: 'bad-message', id });
      return;
    }
    const epoch = countField(record, 'epoch');
    const { exchange } = this.#port.venue;
    if (record.dry === true) {
      const code = this.#port.check(chair, command, epoch);
      if (code === 'stale-epoch' || code === 'replaced') this.#refuseWrite(session, code, id);
      else this.#tell(session, code === '' ? { t: 'dry-ok', id } : { t: 'dry-rejected', id, code });
      return;
    }
    const outcome = this.#port.submit(chair, command, epoch);
    if (outcome === 'again') this.#tell(session, { t: 'duplicate', id });
    else if (outcome === 'altered') this.#tell(session, { t: 'reject', code: 'altered-duplicate', id });
    else if (outcome !== 'entered') this.#refuseWrite(session, outcome, id);
    else if (command.kind === 'mass-cancel') this.#tell(session, { t: 'mass-cancel-ok', id, count: exchange.ended });
  }

  #refuseWrite(session: LineSession, code: 'stale-epoch' | 'replaced', id: string): void {
    const { epoch } = this.#port.venue.exchange.firm(session.firm);
    this.#tell(session, { t: 'reject', code, id, epoch });
  }

  /** Everything after a report number from the ledger, then `drop-copy-end`, then live. Needs no logon when it names the firm. */
  #dropCopy(session: LineSession, record: JsonRecord): void {
    const firm = this.#firmAsked(session, record);
    if (firm === NONE || session.copying || session.live) {
      this.#tell(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    session.firm = firm;
    session.copying = true;
    this.#copy(session, countField(record, 'after') ?? 0);
  }

  #copy(session: LineSession, after: number): void {
    if (session.socket.destroyed) return;
    const { venue } = this.#port;
    const ledger = venue.ledger(session.firm);
    venue.flush();
    const bytes = ledger.read(after);
    if (bytes.length === 0) {
      session.copying = false;
      session.live = true;
      this.#tell(session, { t: 'drop-copy-end', last: ledger.last });
      return;
    }
    const firm = venue.exchange.firms.text(session.firm);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const report = new Report();
    const symbol = emptyIdView();
    for (let at = 0; at < bytes.length; at += REPORT_RECORD_BYTES) {
      readReportRecord({ bytes, view, at }, report, symbol);
      session.outlet.push(reportLine(report, firm, symbol));
    }
    session.outlet.flush();
    const again = () => this.#copy(session, after + bytes.length / REPORT_RECORD_BYTES);
    if (session.socket.writableNeedDrain) session.socket.once('drain', again);
    else setImmediate(again);
  }

  #status(session: LineSession, record: JsonRecord): void {
    const { exchange } = this.#port.venue;
    const firm = this.#firmAsked(session, record);
    if (firm === NONE) {
      this.#tell(session, { t: 'reject', code: 'bad-message' });
      return;
    }
    const ids = textListField(record, 'ids');
    if (ids === null) {
      const open = exchange.openOrders(firm).map((order) => this.#orderRecord(order));
      this.#tell(session, { t: 'status', orders: open });
      return;
    }
    const orders = ids.map((id) => {
      const view = this.#request.id(id);
      const order = view === null ? NONE : exchange.order(firm, view);
      return order === NONE ? { id, state: 'unknown' } : this.#orderRecord(order);
    });
    this.#tell(session, { t: 'status', orders });
  }

  #admin(session: LineSession, record: JsonRecord): void {
    const { token, feeds } = this.#options;
    const { stale, venue } = this.#port;
    if (token === null || !token.accepts(record.token)) {
      this.#refuse(session, { t: 'reject', code: 'unauthorized' });
      return;
    }
    stale.letThrough = countField(record, 'let-stale-through') ?? stale.letThrough;
    const feed = record.feed === 'A' || record.feed === 'B' ? (feeds?.[record.feed] ?? null) : null;
    if (feed !== null) feed.drop = countField(record, 'drop') ?? 0;
    const phase = PHASES.find((each) => each === record.phase);
    if (phase !== undefined) {
      const view = this.#request.id(textField(record, 'symbol') ?? '');
      const symbol = view === null ? NONE : venue.exchange.symbol(view);
      if (record.symbol !== undefined && symbol < 0) {
        this.#tell(session, { t: 'reject', code: 'unknown-symbol' });
        return;
      }
      venue.changePhase(phase, symbol);
    }
    this.#tell(session, { t: 'admin-ok', 'let-stale-through': stale.letThrough });
  }

  #counters(): object {
    const { venue, stale } = this.#port;
    const entries = venue.firms().map((firm) => {
      const { epoch, orders, fills, cancels, duplicates, staleWritesAccepted } = venue.exchange.firm(firm);
      const { staleLogonsRefused, staleWritesRefused } = stale.of(firm);
      const counters = { epoch, orders, fills, cancels, duplicates, staleLogonsRefused, staleWritesRefused };
      return [venue.exchange.firms.text(firm), { ...counters, staleWritesAccepted }] as const;
    });
    return Object.fromEntries(entries);
  }

  /** Says why and sends nothing more; what still comes is read, refused and counted until the peer closes. */
  #cut(session: LineSession, firm: number, code: CutCode): void {
    session.live = false;
    const { epoch } = this.#port.venue.exchange.firm(firm);
    session.outlet.push(`${JSON.stringify({ t: 'cut', code, epoch })}\n`);
    session.outlet.flush();
    session.socket.end();
    session.socket.setTimeout(120_000, () => session.socket.destroy());
  }

  #refuse(session: LineSession, message: object): void {
    this.#port.venue.flush();
    session.lines.end();
    session.outlet.push(`${JSON.stringify(message)}\n`);
    session.outlet.flush();
    session.socket.end();
  }

  #tell(session: LineSession, message: object): void {
    session.outlet.push(`${JSON.stringify(message)}\n`);
    this.#port.soon();
  }

  #reported(report: Report): void {
    const { venue } = this.#port;
    let line: string | null = null;
    for (const session of this.#sessions) {
      if (!session.live || session.firm !== report.firm) continue;
      line ??= reportLine(report, venue.exchange.firms.text(report.firm), venue.symbolName(report.symbol));
      session.outlet.push(line);
    }
    this.#port.soon();
  }

  #orderRecord(order: number): object {
    const { exchange } = this.#port.venue;
    const { orders } = exchange;
    exchange.orderId(order, this.#view);
    return {
      id: idText(this.#view),
      symbol: exchange.symbols.text(orders.symbol[order]!),
      side: SIDES[orders.side[order]!],
      price: orders.type[order] === MARKET ? 0 : orders.price[order],
      qty: orders.quantity[order],
      open: orders.open[order],
      state: ORDER_STATES[orders.state[order]!],
      epoch: orders.epoch[order],
    };
  }

  /** The session's own firm, or one that is named and, where there are passwords, proven. */
  #firmAsked(session: LineSession, record: JsonRecord): number {
    if (session.firm !== NONE) return session.firm;
    const firm = this.#firmNamed(record);
    return firm !== NONE && this.#port.desk.authorised(firm, textField(record, 'password') ?? '') ? firm : NONE;
  }

  #firmNamed(record: JsonRecord): number {
    const firm = textField(record, 'firm');
    return firm === null ? NONE : this.#port.member(firm);
  }
}
