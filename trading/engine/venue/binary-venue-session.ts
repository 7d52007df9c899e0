import { connect, type Socket } from 'node:net';
import { emptyIdView, IdScratch, idText } from '../../base/id-view.ts';
import { monoNowMs } from '../../base/mono-clock.ts';
import { decodeReport, ReportMessage, UNKNOWN_STATE } from '../../venue-protocol/answers.ts';
import { FrameReader } from '../../venue-protocol/frame-reader.ts';
import {
  CUT,
  DRY_RESULT,
  ID_BYTES,
  LOGON_ACCEPTED,
  offsetsOf,
  POSITION,
  POSITIONS_END,
  REJECT,
  REJECT_CODES,
  REPLAY_END,
  REPORT,
  SESSIONS,
  STATUS,
  SYMBOL_BYTES,
  WIRE_REASONS,
} from '../../venue-protocol/layout.ts';
import { encodeHeartbeat, encodeLogon, encodeNew, LogonMessage, NewMessage } from '../../venue-protocol/requests.ts';
import { WireBuffer } from '../../venue-protocol/wire-buffer.ts';
import { readText, readU64 } from '../../venue-protocol/wire-fields.ts';
import { encodeInquiry, encodeItem } from './item-message.ts';
import type { VenueAddress, VenueAnswers, VenueSession, VenueSessionEvents } from './venue-session.ts';

export interface BinaryVenueOptions extends VenueSessionEvents {
  readonly address: VenueAddress;
  readonly session: string;
  readonly handshakeDeadlineMs: number;
  /** How often each side is heard at least; three times that silent, and the connection counts as lost. */
  readonly heartbeatMs: number;
}

type Stage = 'off' | 'waiting' | 'connecting' | 'logging-on' | 'copying' | 'ready';

const RETRY_MS = 50;
const ACCEPTED_AT = offsetsOf(LOGON_ACCEPTED);
const REJECT_AT = offsetsOf(REJECT);
const STATUS_AT = offsetsOf(STATUS);
const SESSIONS_AT = offsetsOf(SESSIONS);
const POSITION_AT = offsetsOf(POSITION);
const END_AT = offsetsOf(POSITIONS_END);

/** The session over the exchange's binary protocol: logon from the first report that is missing, then live. */
export class BinaryVenueSession implements VenueSession {
  readonly idBytes = ID_BYTES;
  readonly symbolBytes = SYMBOL_BYTES;
  readonly waitsForRelease = false;
  missed = 0;
  readonly #options: BinaryVenueOptions;
  readonly #out = new WireBuffer(64 * 1024);
  readonly #report = new ReportMessage();
  readonly #view = emptyIdView();
  readonly #tests = new Map<string, (code: string | null) => void>();
  #stage: Stage = 'off';
  #epoch = 0;
  #seatedEpoch = 0;
  /** How often the exchange said that it is heard; 0 = it said nothing of the kind. */
  #theirBeatMs = 0;
  #socket: Socket | null = null;
  /** A prepared connection on which it logs on: one that the exchange has closed by now says nothing about the exchange. */
  #adopted: Socket | null = null;
  #stageAtMs = 0;
  #heardAtMs = 0;
  #saidAtMs = 0;
  #tickedAtMs = 0;
  #asked: readonly number[] = [];
  #answers: Gathered = gathered();

  constructor(options: BinaryVenueOptions) {
    this.#options = options;
  }

  get ready(): boolean {
    return this.#stage === 'ready';
  }

  prepare(): void {
    if (this.#stage === 'off' && this.#socket === null) this.#open();
  }

  start(epoch: number): void {
    this.#epoch = epoch;
    const prepared = this.#stage === 'off' ? this.#socket : null;
    if (prepared === null || !this.#options.mayConnect()) {
      this.stop();
      return this.#connect();
    }
    this.#adopted = prepared;
    this.#enter('connecting');
    if (!prepared.connecting) this.#connected();
  }

  stop(): void {
    this.#stage = 'off';
    this.#hangUp();
  }

  stageItem(item: number): void {
    if (this.#stage !== 'ready') return;
    const state = this.#options.state();
    if (!encodeItem(this.#out, state, item)) this.#options.onRefused(state.ids.text(item), 'id-too-long');
  }

  unstage(): void {
    this.#out.clear();
  }

  flush(): void {
    if (this.#out.end === 0) return;
    const socket = this.#socket;
    if (socket?.writable !== true) return this.#out.clear();
    this.#saidAtMs = monoNowMs();
    if (socket.writableLength > 0) {
      socket.write(Buffer.from(this.#out.staged));
      return this.#out.clear();
    }
    const { bytes } = this.#out;
    let isHandedOver = false;
    socket.write(this.#out.staged, () => {
      if (isHandedOver) this.#out.takeBack(bytes);
    });
    // What the system has not taken yet stays as it is until it has: the next messages are written elsewhere.
    isHandedOver = socket.writableLength > 0;
    if (isHandedOver) this.#out.handOver();
    else this.#out.clear();
  }

  stageTest(id: string, symbol: string): void {
    if (this.#stage !== 'ready') return;
    const message = new NewMessage();
    Object.assign(message, { id: held(id), symbol: held(symbol), price: 1, quantity: 1, dry: 1 });
    encodeNew(this.#out, message);
  }

  expectTest(id: string, settle: (code: string | null) => void): void {
    this.#tests.set(id, settle);
  }

  forgetTest(id: string): void {
    this.#tests.delete(id);
  }

  inquire(orders: readonly number[]): void {
    if (this.#stage !== 'ready') return;
    this.#asked = orders;
    this.#answers = gathered();
    encodeInquiry(this.#out, this.#options.state(), orders);
    this.flush();
  }

  tick(nowMs: number): void {
    const { handshakeDeadlineMs, heartbeatMs } = this.#options;
    const waitedMs = nowMs - this.#stageAtMs;
    const isSeated = this.#stage === 'ready' || this.#stage === 'copying';
    // After a pause of this process the exchange's words may still wait to be read.
    if (nowMs - this.#tickedAtMs > heartbeatMs) this.#heardAtMs = nowMs;
    this.#tickedAtMs = nowMs;
    if (this.#stage === 'waiting' && waitedMs >= RETRY_MS) this.#connect();
    else if ((this.#stage === 'connecting' || this.#stage === 'logging-on') && waitedMs > handshakeDeadlineMs)
      this.#down('it does not answer');
    else if (isSeated && this.#theirBeatMs > 0 && nowMs - this.#heardAtMs > 3 * this.#theirBeatMs)
      this.#down('it has gone silent');
    else if (isSeated && nowMs - this.#saidAtMs >= heartbeatMs / 2) {
      encodeHeartbeat(this.#out);
      this.flush();
    }
  }

  #connect(): void {
    if (!this.#options.mayConnect()) return this.#enter('waiting');
    this.#enter('connecting');
    this.#open();
  }

  #connected(): void {
    if (!this.#options.mayConnect()) return this.#down('no lease');
    this.#enter('logging-on');
    this.#logOn();
  }

  #open(): void {
    const { host, port } = this.#options.address;
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 });
    const frames = new FrameReader({
      onFrame: (type, bytes, view, at) => {
        if (socket === this.#socket && this.#stage !== 'off') this.#receive(type, bytes, view, at);
      },
      onBroken: () => this.#down('it speaks another protocol'),
      onUnknown: () => {},
    });
    this.#socket = socket;
    socket.on('connect', () => {
      if (socket === this.#socket && this.#stage === 'connecting') this.#connected();
    });
    socket.on('data', (chunk: Buffer) => {
      this.#heardAtMs = monoNowMs();
      frames.push(chunk);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (socket !== this.#socket) return;
      if (socket !== this.#adopted) return this.#down('the connection is closed');
      this.#hangUp();
      this.#connect();
    });
  }

  #logOn(): void {
    const { address, session, heartbeatMs, lastReport } = this.#options;
    const names = { firm: held(address.firm), session: held(session), password: held(address.password) };
    const numbers = { epoch: this.#epoch, next: lastReport() + 1, heartbeatMs };
    encodeLogon(this.#out, Object.assign(new LogonMessage(), { ...names, ...numbers }));
    this.flush();
  }

  #receive(type: number, bytes: Uint8Array, view: DataView, at: number): void {
    switch (type) {
      case REPORT.type:
        this.#reported(bytes, view, at);
        return;
      case LOGON_ACCEPTED.type:
        this.missed = 0;
        this.#adopted = null;
        this.#seatedEpoch = readU64(view, at + ACCEPTED_AT.epoch);
        this.#theirBeatMs = view.getUint32(at + ACCEPTED_AT.heartbeatMs, true);
        this.#tickedAtMs = this.#heardAtMs;
        this.#enter('copying');
        return;
      case REPLAY_END.type:
        this.#enter('ready');
        this.#options.onReady(this.#seatedEpoch > 0 && this.#seatedEpoch === this.#epoch ? 'epoch' : 'word');
        return;
      case REJECT.type:
        this.#refused(bytes, view, at);
        return;
      case CUT.type: {
        const replaced = REJECT_CODES[bytes[at + offsetsOf(CUT).code]!] === 'replaced';
        this.#superseded(replaced ? null : readU64(view, at + offsetsOf(CUT).epoch));
        return;
      }
      default:
        this.#answered(type, bytes, view, at);
    }
  }

  #reported(bytes: Uint8Array, view: DataView, at: number): void {
    const report = this.#report;
    const last = this.#options.lastReport();
    if (!decodeReport(bytes, view, at, report) || report.n > last + 1) return this.#down('its reports have a gap');
    if (report.n <= last) return;
    if (this.#stage === 'copying') this.missed += 1;
    this.#options.onReport(report);
  }

  #refused(bytes: Uint8Array, view: DataView, at: number): void {
    const code = REJECT_CODES[bytes[at + REJECT_AT.code]!] ?? 'refused';
    if (code === 'stale-epoch') return this.#superseded(readU64(view, at + REJECT_AT.epoch));
    if (code === 'replaced') return this.#superseded(null);
    if (this.#stage !== 'ready') return this.#down(`it refuses the session: ${code}`);
    readText(bytes, at + REJECT_AT.id, ID_BYTES, this.#view);
    if (this.#view.length > 0) this.#options.onRefused(idText(this.#view), code);
  }

  #superseded(epoch: number | null): void {
    // A lower or equal epoch is an answer to somebody who was here before: the session is lost, and that is all.
    if (epoch !== null && epoch <= this.#epoch) this.#down('the session was cut');
    else this.#options.onSuperseded(epoch);
  }

  #answered(type: number, bytes: Uint8Array, view: DataView, at: number): void {
    const answers = this.#answers;
    switch (type) {
      case SESSIONS.type:
        answers.others = view.getUint32(at + SESSIONS_AT.others, true);
        answers.ending = view.getUint32(at + SESSIONS_AT.ending, true);
        return;
      case STATUS.type: {
        const order = this.#asked[answers.statuses];
        answers.statuses += 1;
        if (order !== undefined && bytes[at + STATUS_AT.state] === UNKNOWN_STATE) answers.unknown.add(order);
        return;
      }
      case POSITION.type:
        readText(bytes, at + POSITION_AT.symbol, SYMBOL_BYTES, this.#view);
        answers.positions.set(idText(this.#view), {
          bought: readU64(view, at + POSITION_AT.bought),
          sold: readU64(view, at + POSITION_AT.sold),
        });
        return;
      case POSITIONS_END.type:
        this.#options.onAnswers({ ...answers, last: readU64(view, at + END_AT.last) });
        return;
      case DRY_RESULT.type: {
        const at_ = offsetsOf(DRY_RESULT);
        readText(bytes, at + at_.id, ID_BYTES, this.#view);
        const id = idText(this.#view);
        const settle = this.#tests.get(id);
        this.#tests.delete(id);
        const reason = WIRE_REASONS[bytes[at + at_.reason]!] ?? 'refused';
        settle?.(reason === '' ? null : reason);
      }
    }
  }

  #down(why: string): void {
    this.#hangUp();
    if (this.#stage === 'off') return;
    this.#enter('waiting');
    this.#options.onDown(why);
  }

  #hangUp(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#adopted = null;
    this.#out.clear();
    socket?.destroy();
  }

  #enter(stage: Stage): void {
    this.#stage = stage;
    this.#stageAtMs = monoNowMs();
  }
}

interface Gathered extends Omit<VenueAnswers, 'last'> {
  others: number;
  ending: number;
  statuses: number;
  readonly unknown: Set<number>;
  readonly positions: Map<string, { readonly bought: number; readonly sold: number }>;
}

const gathered = (): Gathered => ({ others: 0, ending: 0, statuses: 0, unknown: new Set(), positions: new Map() });

const held = (text: string) => new IdScratch().hold(text) ?? emptyIdView();
