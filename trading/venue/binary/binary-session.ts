import type { Socket } from 'node:net';
import type { Door } from '../../base/door.ts';
import { emptyIdView, type IdView, idText } from '../../base/id-view.ts';
import { monoNowMs } from '../../base/mono-clock.ts';
import { Pace } from '../../base/pace.ts';
import {
  encodeCut,
  encodeDryResult,
  encodeDuplicate,
  encodeFenceDone,
  encodeLogonAccepted,
  encodeMassCancelDone,
  encodeReject,
  encodeReplayEnd,
  encodeReport,
  encodeStatus,
  encodeStatusEnd,
  UNKNOWN_STATE,
} from '../../venue-protocol/answers.ts';
import { FrameReader } from '../../venue-protocol/frame-reader.ts';
import {
  CANCEL,
  CLOSES,
  FENCE,
  HEARTBEAT,
  LOGOFF,
  LOGON,
  MASS_CANCEL,
  NEW,
  POSITIONS_REQUEST,
  REPLACE,
  type RejectCode,
  SESSIONS_REQUEST,
  STATUS_REQUEST,
} from '../../venue-protocol/layout.ts';
import {
  decodeFence,
  decodeLogon,
  decodeStatusRequest,
  encodeHeartbeat,
  FenceMessage,
  LogonMessage,
  requestId,
} from '../../venue-protocol/requests.ts';
import { encodePosition, encodePositionsEnd, encodeSessions } from '../../venue-protocol/statements.ts';
import { WireBuffer } from '../../venue-protocol/wire-buffer.ts';
import { NONE } from '../core/order-table.ts';
import { Report } from '../core/report.ts';
import { MARKET } from '../core/terms.ts';
import type { Chair, OrderPort } from '../order-port.ts';
import { CANCEL_ON_DISCONNECT, type CutCode } from '../sessions/session-desk.ts';
import { REPORT_RECORD_BYTES, readReportRecord } from '../store/report-record.ts';
import type { BinaryRequest } from './binary-request.ts';

const NO_SYMBOL = emptyIdView();
/** A peer that lets more than this wait is cut off. */
const MOST_WAITING_BYTES = 32 * 1024 * 1024;
const MOST_HEARTBEAT_MS = 60_000;
const LEAST_HEARTBEAT_MS = 20;
/** How long what a cut connection still sends is read, refused and counted. */
const LINGER_MS = 120_000;

type Stage = 'fresh' | 'seated' | 'listening' | 'ended';

/** One connection of the binary protocol. */
export class BinarySession {
  readonly #port: OrderPort;
  readonly #socket: Socket;
  readonly #request: BinaryRequest;
  readonly #out = new WireBuffer();
  readonly #frames: FrameReader;
  readonly #pace: Pace;
  readonly #id = emptyIdView();
  #stage: Stage = 'fresh';
  #chair: Chair | null = null;
  #firm = NONE;
  /** Gets reports as they happen. */
  #live = false;
  #heartbeat: NodeJS.Timeout | null = null;
  #heardAtMs = monoNowMs();
  #saidAtMs = monoNowMs();

  constructor(options: {
    readonly port: OrderPort;
    readonly socket: Socket;
    readonly request: BinaryRequest;
    readonly door: Door;
  }) {
    this.#port = options.port;
    this.#socket = options.socket;
    this.#request = options.request;
    this.#frames = new FrameReader({
      onFrame: (type, bytes, view, at) => {
        options.door.spoke(options.socket);
        this.#receive(type, bytes, view, at);
        this.#pace.look();
      },
      onBroken: (code, type) => this.#reject(code, type, NO_SYMBOL),
      onUnknown: (type) => this.#reject('unknown-type', type, NO_SYMBOL),
    });
    this.#pace = new Pace({ socket: options.socket, reader: this.#frames, owed: () => this.#out.end });
  }

  data(chunk: Uint8Array): void {
    this.#heardAtMs = monoNowMs();
    this.#frames.push(chunk);
  }

  /** The connection is gone. */
  closed(): void {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    if (this.#chair !== null) this.#port.lost(this.#chair);
    this.#chair = null;
    this.#live = false;
    this.#stage = 'ended';
  }

  report(report: Report): void {
    if (!this.#live || report.firm !== this.#firm) return;
    encodeReport(this.#out, report, this.#port.venue.symbolName(report.symbol));
  }

  flush(): void {
    if (this.#out.end === 0) return;
    const bytes = Buffer.from(this.#out.bytes.subarray(0, this.#out.end));
    this.#out.clear();
    if (!this.#socket.writable) return;
    if (this.#socket.writableLength > MOST_WAITING_BYTES) {
      this.#socket.destroy();
      return;
    }
    this.#saidAtMs = monoNowMs();
    this.#socket.write(bytes);
  }

  #receive(type: number, bytes: Uint8Array, view: DataView, at: number): void {
    switch (type) {
      case LOGON.type:
        this.#logon(bytes, view, at);
        return;
      case LOGOFF.type:
        if (this.#chair !== null) this.#port.left(this.#chair);
        this.#chair = null;
        this.#end();
        return;
      case HEARTBEAT.type:
        return;
      case FENCE.type:
        this.#fence(bytes, view, at);
        return;
      case NEW.type:
      case CANCEL.type:
      case REPLACE.type:
      case MASS_CANCEL.type:
        this.#write(type, bytes, view, at);
        return;
      case STATUS_REQUEST.type:
        this.#status(bytes, at);
        return;
      case SESSIONS_REQUEST.type:
      case POSITIONS_REQUEST.type:
        this.#state(type);
        return;
      default:
        this.#reject('unknown-type', type, NO_SYMBOL);
    }
  }

  #logon(bytes: Uint8Array, view: DataView, at: number): void {
    const { venue, desk } = this.#port;
    const message = new LogonMessage();
    if (!decodeLogon(bytes, view, at, message)) {
      this.#reject('bad-field', LOGON.type, NO_SYMBOL);
      return;
    }
    if (this.#stage !== 'fresh') {
      this.#reject('already-logged-on', LOGON.type, NO_SYMBOL);
      return;
    }
    const firm = this.#port.member(idText(message.firm));
    const password = idText(message.password);
    if (firm === NONE) {
      this.#reject('not-authorised', LOGON.type, NO_SYMBOL);
      return;
    }
    const { last } = venue.ledger(firm);
    if (message.next > last + 1) {
      this.#reject('ahead', LOGON.type, NO_SYMBOL);
      return;
    }
    if (message.purpose === 1) {
      if (!desk.authorised(firm, password)) {
        this.#reject('not-authorised', LOGON.type, NO_SYMBOL);
        return;
      }
      this.#stage = 'listening';
    } else {
      // First the newcomer is answered, then whoever loses the seat is told.
      this.#port.soon();
      const outcome = this.#port.logon({
        firm,
        session: idText(message.session),
        epoch: message.epoch,
        password,
        cancelOnDisconnect: CANCEL_ON_DISCONNECT[message.cancelOnDisconnect - 1] ?? null,
        onCut: (code) => this.#cut(code),
      });
      if (outcome.kind !== 'seated') {
        this.#firm = firm;
        this.#reject(outcome.kind, LOGON.type, NO_SYMBOL);
        if (outcome.kind === 'stale-epoch') this.#end();
        return;
      }
      this.#chair = outcome.chair;
      this.#stage = 'seated';
    }
    this.#firm = firm;
    this.#answerLogon(message);
  }

  #answerLogon(message: LogonMessage): void {
    const { venue } = this.#port;
    const { last } = venue.ledger(this.#firm);
    const next = message.next === 0 ? last + 1 : message.next;
    const heartbeatMs =
      message.heartbeatMs === 0 ? 0 : Math.min(MOST_HEARTBEAT_MS, Math.max(LEAST_HEARTBEAT_MS, message.heartbeatMs));
    const epoch = this.#chair?.seat.epoch ?? venue.exchange.firm(this.#firm).epoch;
    encodeLogonAccepted(this.#out, { epoch, last, next, heartbeatMs });
    this.#port.soon();
    if (heartbeatMs > 0) this.#heartbeat = setInterval(() => this.#beat(heartbeatMs), heartbeatMs / 2);
    this.#replay(next - 1);
  }

  /** Everything after a report number from the ledger, then live. */
  #replay(after: number): void {
    if (this.#stage === 'ended' || this.#socket.destroyed) return;
    const { venue } = this.#port;
    const ledger = venue.ledger(this.#firm);
    venue.flush();
    const bytes = ledger.read(after);
    if (bytes.length === 0) {
      this.#live = true;
      encodeReplayEnd(this.#out, ledger.last);
      this.#port.soon();
      return;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const report = new Report();
    const symbol = emptyIdView();
    for (let at = 0; at < bytes.length; at += REPORT_RECORD_BYTES) {
      readReportRecord({ bytes, view, at }, report, symbol);
      encodeReport(this.#out, report, symbol);
    }
    this.flush();
    const again = () => this.#replay(after + bytes.length / REPORT_RECORD_BYTES);
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', again);
    else setImmediate(again);
  }

  #fence(bytes: Uint8Array, view: DataView, at: number): void {
    const { venue, desk } = this.#port;
    const message = new FenceMessage();
    if (!decodeFence(bytes, view, at, message)) {
      this.#reject('bad-field', FENCE.type, NO_SYMBOL);
      return;
    }
    const firm = this.#port.member(idText(message.firm));
    if (!desk.hasEpochs) this.#reject('no-epochs', FENCE.type, NO_SYMBOL);
    else if (firm === NONE || !desk.authorised(firm, idText(message.password)))
      this.#reject('not-authorised', FENCE.type, NO_SYMBOL);
    else if (desk.raise(firm, message.epoch)) {
      encodeFenceDone(this.#out, venue.exchange.firm(firm).epoch);
      this.#port.soon();
    } else this.#reject('stale-epoch', FENCE.type, NO_SYMBOL, venue.exchange.firm(firm).epoch);
  }

  #write(type: number, bytes: Uint8Array, view: DataView, at: number): void {
    requestId(type, bytes, at, this.#id);
    if (this.#chair === null) {
      this.#reject(this.#stage === 'listening' ? 'reports-only' : 'not-logged-on', type, this.#id);
      return;
    }
    const read = this.#request.read(type, bytes, view, at);
    if (read === null) {
      this.#reject('bad-field', type, this.#id);
      return;
    }
    const { command, epoch, dry } = read;
    if (dry) {
      const reason = this.#port.check(this.#chair, command, epoch);
      if (reason === 'stale-epoch' || reason === 'replaced') this.#reject(reason, type, this.#id);
      else encodeDryResult(this.#out, this.#id, reason);
      this.#port.soon();
      return;
    }
    const outcome = this.#port.submit(this.#chair, command, epoch);
    if (outcome === 'entered') {
      if (type === MASS_CANCEL.type) encodeMassCancelDone(this.#out, this.#id, this.#port.venue.exchange.ended);
    } else if (outcome === 'again') encodeDuplicate(this.#out, this.#id, type);
    else this.#reject(outcome === 'altered' ? 'altered-duplicate' : outcome, type, this.#id);
    this.#port.soon();
  }

  #status(bytes: Uint8Array, at: number): void {
    const { exchange } = this.#port.venue;
    if (this.#firm === NONE || (this.#stage !== 'seated' && this.#stage !== 'listening')) {
      this.#reject('not-logged-on', STATUS_REQUEST.type, NO_SYMBOL);
      return;
    }
    if (!decodeStatusRequest(bytes, at, this.#id)) {
      this.#reject('bad-field', STATUS_REQUEST.type, NO_SYMBOL);
      return;
    }
    const asked = this.#id.length === 0 ? exchange.openOrders(this.#firm) : [exchange.order(this.#firm, this.#id)];
    for (const order of asked) this.#tellStatus(order);
    encodeStatusEnd(this.#out, asked.length);
    this.#port.soon();
  }

  /** What the exchange knows of the firm as a whole, behind every report so far. */
  #state(type: number): void {
    const { desk, venue } = this.#port;
    if (this.#firm === NONE || (this.#stage !== 'seated' && this.#stage !== 'listening')) {
      this.#reject('not-logged-on', type, NO_SYMBOL);
      return;
    }
    const firm = venue.exchange.firm(this.#firm);
    if (type === SESSIONS_REQUEST.type) {
      const others = desk.othersOf(this.#firm, this.#chair?.seat ?? null);
      encodeSessions(this.#out, { others, ending: desk.endingOf(this.#firm), epoch: firm.epoch });
    } else {
      let count = 0;
      for (let symbol = 0; symbol < Math.max(firm.bought.length, firm.sold.length); symbol++) {
        const [bought, sold] = [firm.bought[symbol] ?? 0, firm.sold[symbol] ?? 0];
        if (bought === 0 && sold === 0) continue;
        encodePosition(this.#out, venue.symbolName(symbol), bought, sold);
        count += 1;
      }
      encodePositionsEnd(this.#out, firm.reports, count);
    }
    this.#port.soon();
  }

  #tellStatus(order: number): void {
    const { venue } = this.#port;
    const { orders } = venue.exchange;
    if (order === NONE) {
      const nothing = { price: 0, quantity: 0, open: 0, epoch: 0, side: 0, type: 0, timeInForce: 0 };
      encodeStatus(this.#out, { id: this.#id, symbol: NO_SYMBOL, state: UNKNOWN_STATE, ...nothing });
      return;
    }
    const id = emptyIdView();
    venue.exchange.orderId(order, id);
    encodeStatus(this.#out, {
      id,
      symbol: venue.symbolName(orders.symbol[order]!),
      price: orders.type[order] === MARKET ? 0 : orders.price[order]!,
      quantity: orders.quantity[order]!,
      open: orders.open[order]!,
      epoch: orders.epoch[order]!,
      state: orders.state[order]!,
      side: orders.side[order]!,
      type: orders.type[order]!,
      timeInForce: orders.timeInForce[order]!,
    });
  }

  #reject(code: RejectCode, of: number, id: IdView, epoch?: number): void {
    const highest = this.#firm === NONE ? 0 : this.#port.venue.exchange.firm(this.#firm).epoch;
    encodeReject(this.#out, { code, of, id, epoch: epoch ?? highest });
    this.#port.soon();
    if (CLOSES.has(code)) this.#end();
  }

  /** Nothing more is sent but why, at the end of the turn; what still comes is read, refused and counted until the peer closes. */
  #cut(code: CutCode): void {
    this.#live = false;
    setImmediate(() => {
      encodeCut(this.#out, code, this.#port.venue.exchange.firm(this.#firm).epoch);
      this.flush();
      this.#socket.end();
      this.#socket.setTimeout(LINGER_MS, () => this.#socket.destroy());
    });
  }

  /** Sends what there is to send and closes; nothing more is read. */
  #end(): void {
    this.#port.venue.flush();
    this.#frames.end();
    this.flush();
    this.#socket.end();
    this.#stage = 'ended';
  }

  #beat(heartbeatMs: number): void {
    const now = monoNowMs();
    if (now - this.#heardAtMs > 3 * heartbeatMs) {
      this.#socket.destroy();
      return;
    }
    if (now - this.#saidAtMs < heartbeatMs / 2) return;
    encodeHeartbeat(this.#out);
    this.#port.soon();
  }
}
