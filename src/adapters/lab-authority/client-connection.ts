import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { onBeat } from '../system/shared-beat.ts';
import { FrameSplitter, writeFrame } from './frame-stream.ts';
import { type HelloResult, type LabAnswer, type LabPush, type LabRequest, protocolVersion } from './lab-protocol.ts';

/** PEM texts. */
export interface LabTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Name to expect in the authority's certificate when it differs from `host`. */
  readonly serverName?: string;
}

export interface LabEndpoint {
  readonly host: string;
  readonly port: number;
  readonly client: string;
  /** Null: the client certificate identifies this client. */
  readonly token: string | null;
  readonly tls?: LabTls;
}

export interface ConnectionTiming {
  /** The connection is looked at this often; a heartbeat is sent when nothing was heard since the last look. */
  readonly heartbeatMs: number;
  /** Nothing heard for this long: the connection counts as lost, whatever TCP thinks. */
  readonly silenceMs: number;
}

export interface ConnectionSink {
  ready(hello: HelloResult): void;
  answer(answer: LabAnswer): void;
  push(push: LabPush): void;
  /** Called once per established or attempted connection; another attempt follows by itself. */
  down(reason: string): void;
}

const firstRetryMs = 50;
const lastRetryMs = 1000;
const helloId = 0;
const pingId = -1;

/**
 * One connection to the lab authority that is kept up: reconnects with growing pauses, and treats silence as loss. Frames
 * of a connection that was given up are never delivered.
 */
export class LabConnection {
  readonly #endpoint: LabEndpoint;
  readonly #timing: ConnectionTiming;
  readonly #sink: ConnectionSink;
  #socket: Socket | null = null;
  #ready = false;
  #closed = false;
  #retryMs = firstRetryMs;
  #retry: NodeJS.Timeout | null = null;
  #endHeartbeat: (() => void) | null = null;
  #heardAtMs = 0;
  #tickAtMs = 0;

  constructor(endpoint: LabEndpoint, timing: ConnectionTiming, sink: ConnectionSink) {
    this.#endpoint = endpoint;
    this.#timing = timing;
    this.#sink = sink;
    this.#connect();
  }

  /** On this process's clock; of the present connection. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Only when `ready`. */
  send(id: number, request: LabRequest): void {
    if (this.#socket !== null) writeFrame(this.#socket, { id, ...request });
  }

  /** Gives the present connection up and starts another one. */
  abandon(reason: string): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    this.#ready = false;
    this.#endHeartbeat?.();
    this.#endHeartbeat = null;
    socket.removeAllListeners();
    socket.on('error', () => {});
    socket.destroy();
    if (!this.#closed) {
      this.#retry = setTimeout(() => this.#connect(), this.#retryMs * (0.75 + Math.random() / 2));
      this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs);
    }
    this.#sink.down(reason);
  }

  close(): void {
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.abandon('closed');
  }

  #connect(): void {
    const { host, port, tls } = this.#endpoint;
    const socket =
      tls === undefined ? connect({ host, port, noDelay: true }) : connectTls({ host, port, ...tlsOptions(tls) });
    const splitter = new FrameSplitter();
    this.#socket = socket;
    this.#heardAtMs = this.#tickAtMs = performance.now();
    this.#endHeartbeat = onBeat(this.#timing.heartbeatMs, () => this.#beat());
    const lost = (reason: string) => {
      if (this.#socket === socket) this.abandon(reason);
    };
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => this.#greet(socket));
    socket.on('error', (cause) => lost(cause.message));
    socket.on('close', () => lost('connection closed by the authority'));
    socket.on('data', (chunk: Buffer) => {
      this.#heardAtMs = performance.now();
      try {
        for (const frame of splitter.push(chunk)) if (this.#socket === socket) this.#received(frame);
      } catch (cause) {
        lost(`unreadable frame: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    });
  }

  #greet(socket: Socket): void {
    const { client, token } = this.#endpoint;
    writeFrame(socket, { id: helloId, op: 'hello', version: protocolVersion, client, token });
  }

  #received(frame: string): void {
    const parsed = JSON.parse(frame) as LabAnswer | LabPush;
    if (!('id' in parsed)) this.#sink.push(parsed);
    else if (parsed.id === helloId && !this.#ready) this.#greeted(parsed);
    else if (parsed.id !== pingId) this.#sink.answer(parsed);
  }

  #greeted(answer: LabAnswer): void {
    const hello = answer.ok ? (answer.result as HelloResult) : null;
    if (!answer.ok) this.abandon(`refused: ${answer.error.code}: ${answer.error.message}`);
    else if (hello?.kind !== 'lab-only') this.abandon(`not a lab authority: ${JSON.stringify(hello?.kind)}`);
    else {
      this.#ready = true;
      this.#retryMs = firstRetryMs;
      this.#sink.ready(hello);
    }
  }

  /** Silence is counted only while this process itself was running: a late tick starts the count again. */
  #beat(): void {
    const now = performance.now();
    const heard = this.#heardAtMs > this.#tickAtMs;
    const late = now - this.#tickAtMs - this.#timing.heartbeatMs > this.#timing.silenceMs / 2;
    this.#tickAtMs = now;
    if (late) this.#heardAtMs = now;
    const silentMs = now - this.#heardAtMs;
    if (silentMs >= this.#timing.silenceMs) this.abandon(`nothing heard for ${Math.round(silentMs)} ms`);
    else if (this.#ready && !heard) this.send(pingId, { op: 'ping' });
  }
}

const tlsOptions = ({ ca, cert, key, serverName }: LabTls) => ({
  ca,
  cert,
  key,
  ...(serverName === undefined ? {} : { servername: serverName }),
});
