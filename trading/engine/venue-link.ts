import { connect, type Socket } from 'node:net';
import { countField, type JsonRecord, parseRecord, textField } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';
import { monoNowMs } from '../base/mono-clock.ts';
import { Outlet } from '../base/outlet.ts';
import type { VenueEntry } from './entry.ts';
import type { ReleaseSink } from './release-queue.ts';

export interface VenueAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly firm: string;
}

export interface VenueLinkOptions {
  readonly address: VenueAddress;
  readonly session: string;
  readonly handshakeDeadlineMs: number;
  /** Number of the last report that is in the journal. */
  readonly lastReport: () => number;
  /** The next report, in order, without gaps and never twice. */
  readonly onReport: (entry: VenueEntry) => void;
  /** Logged on and every missed report delivered. */
  readonly onReady: () => void;
  readonly onDown: () => void;
  /** The venue knows a newer epoch. */
  readonly onSuperseded: (epoch: number) => void;
}

type Stage = 'off' | 'waiting' | 'connecting' | 'logging-on' | 'copying' | 'ready';

const RETRY_MS = 50;

/**
 * The order session at the exchange: logon with the epoch, then the drop copy of everything missed, then live. As a sink it
 * passes text on only while it is ready; what is dropped is still pending in the order state and is sent again when it is.
 */
export class VenueLink implements ReleaseSink {
  readonly #options: VenueLinkOptions;
  #stage: Stage = 'off';
  #epoch = 0;
  #socket: Socket | null = null;
  #outlet: Outlet | null = null;
  #stageAtMs = 0;
  readonly #dryRuns = new Map<string, (code: string | null) => void>();
  /** Reports received while copying, of the current logon. */
  missed = 0;

  constructor(options: VenueLinkOptions) {
    this.#options = options;
  }

  get ready(): boolean {
    return this.#stage === 'ready';
  }

  start(epoch: number): void {
    this.stop();
    this.#epoch = epoch;
    this.#connect();
  }

  stop(): void {
    this.#stage = 'off';
    this.#hangUp();
  }

  push(text: string): void {
    if (this.#stage === 'ready') this.#outlet?.push(text);
  }

  flush(): void {
    this.#outlet?.flush();
  }

  /** Calls back once when the venue answers this dry-run order: null = it would be accepted. */
  expectDryRun(id: string, settle: (code: string | null) => void): void {
    this.#dryRuns.set(id, settle);
  }

  forgetDryRun(id: string): void {
    this.#dryRuns.delete(id);
  }

  /** Stops or goes on reading, for back-pressure. */
  hold(paused: boolean): void {
    if (paused) this.#socket?.pause();
    else this.#socket?.resume();
  }

  tick(nowMs: number): void {
    const waitedMs = nowMs - this.#stageAtMs;
    if (this.#stage === 'waiting' && waitedMs >= RETRY_MS) this.#connect();
    else if (
      (this.#stage === 'connecting' || this.#stage === 'logging-on') &&
      waitedMs > this.#options.handshakeDeadlineMs
    )
      this.#down();
  }

  #connect(): void {
    const { host, port } = this.#options.address;
    this.#enter('connecting');
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 });
    const lines = new LineReader({
      maxLineLength: 64 * 1024,
      onLine: (line) => this.#receive(socket, line),
      onOverflow: () => socket.destroy(),
    });
    this.#socket = socket;
    this.#outlet = new Outlet(socket);
    socket.setEncoding('utf8');
    socket.on('connect', () => {
      if (socket !== this.#socket) return;
      this.#enter('logging-on');
      this.#send({ t: 'logon', firm: this.#options.address.firm, session: this.#options.session, epoch: this.#epoch });
    });
    socket.on('data', (chunk: string) => lines.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (socket === this.#socket) this.#down();
    });
  }

  #receive(socket: Socket, line: string): void {
    if (socket !== this.#socket) return;
    const record = parseRecord(line);
    if (record === null) {
      this.#down();
      return;
    }
    switch (record.t) {
      case 'report':
        this.#report(record);
        return;
      case 'logon-ok':
        this.missed = 0;
        this.#enter('copying');
        this.#send({ t: 'drop-copy', after: this.#options.lastReport() });
        return;
      case 'drop-copy-end':
        this.#enter('ready');
        this.#options.onReady();
        return;
      case 'dry-ok':
      case 'dry-rejected': {
        const id = textField(record, 'id') ?? '';
        const settle = this.#dryRuns.get(id);
        this.#dryRuns.delete(id);
        settle?.(textField(record, 'code'));
        return;
      }
      case 'reject':
      case 'cut': {
        if (record.code !== 'stale-epoch') {
          if (record.t === 'cut') this.#down();
          return;
        }
        const epoch = countField(record, 'epoch') ?? 0;
        if (epoch > this.#epoch) this.#options.onSuperseded(epoch);
        else this.#down();
        return;
      }
    }
  }

  #report(record: JsonRecord): void {
    const last = this.#options.lastReport();
    const entry = readReport(record);
    if (entry === null || entry.n > last + 1) {
      this.#down();
      return;
    }
    if (entry.n <= last) return;
    if (this.#stage === 'copying') this.missed += 1;
    this.#options.onReport(entry);
  }

  #down(): void {
    this.#hangUp();
    if (this.#stage === 'off') return;
    this.#enter('waiting');
    this.#options.onDown();
  }

  #hangUp(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#outlet = null;
    socket?.destroy();
  }

  #enter(stage: Stage): void {
    this.#stage = stage;
    this.#stageAtMs = monoNowMs();
  }

  #send(message: object): void {
    this.#outlet?.push(`${JSON.stringify(message)}\n`);
    this.#outlet?.flush();
  }
}

const MAX_ID_BYTES = 64;

/** An id as the journal can hold it, or null. */
const idField = (record: JsonRecord, name: string): string | null => {
  const text = textField(record, name);
  return text !== null && Buffer.byteLength(text) <= MAX_ID_BYTES ? text : null;
};

const readReport = (record: JsonRecord): VenueEntry | null => {
  const n = countField(record, 'n');
  const id = record.id === '' ? '' : idField(record, 'id');
  if (n === null || id === null) return null;
  const target = idField(record, 'target');
  const code = textField(record, 'code')?.slice(0, MAX_ID_BYTES) ?? null;
  switch (record.kind) {
    case 'accepted':
      return { kind: 'accepted', n, id };
    case 'rejected':
      return { kind: 'rejected', n, id, code: code ?? 'refused' };
    case 'fill': {
      const exec = idField(record, 'exec');
      const price = countField(record, 'price');
      const qty = countField(record, 'qty');
      return exec === null || price === null || qty === null ? null : { kind: 'fill', n, id, exec, price, qty };
    }
    case 'cancelled':
      return target === null ? null : { kind: 'cancelled', n, id, target };
    case 'cancel-rejected':
      return target === null ? null : { kind: 'cancel-rejected', n, id, target, code: code ?? 'refused' };
    default:
      return null;
  }
};
