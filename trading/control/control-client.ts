import { connect, type Socket } from 'node:net';
import { asRecord, countField, type JsonRecord, parseRecord } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';
import { CONTRACT_VERSION, type Status } from './contract.ts';

export type CallOutcome =
  | { readonly kind: 'ok'; readonly result: JsonRecord }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly epoch: number | null }
  /** The deadline passed or the connection was lost: it may have been done. */
  | { readonly kind: 'unknown'; readonly reason: string };

const MOST_TURN_MS = 500;

/** A plain client of the component contract, for tests and tools. */
export class ControlClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (outcome: CallOutcome) => void>();
  readonly #onEvent: (event: JsonRecord) => void;
  #nextId = 1;
  /** Last status that was pushed or asked for. */
  status: Status | null = null;
  closed = false;

  private constructor(socket: Socket, onEvent: (event: JsonRecord) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.setEncoding('utf8');
    const lines = new LineReader({
      maxLineLength: 1024 * 1024,
      onLine: (line) => this.#receive(line),
      onOverflow: () => socket.destroy(),
    });
    socket.on('data', (chunk: string) => lines.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.closed = true;
      for (const settle of this.#waiting.values())
        settle({ kind: 'unknown', reason: 'the control connection was lost' });
      this.#waiting.clear();
    });
  }

  /** Connects and says hello; rejects when it is refused or the deadline passes. */
  static async open(options: {
    host: string;
    port: number;
    token: string;
    instance: string;
    deadlineMs: number;
    onEvent?: (event: JsonRecord) => void;
  }): Promise<ControlClient> {
    const socket = connect({ host: options.host, port: options.port, noDelay: true });
    const client = new ControlClient(socket, options.onEvent ?? (() => {}));
    const params = { token: options.token, contract: CONTRACT_VERSION, instance: options.instance };
    const outcome = await client.call('hello', params, options.deadlineMs);
    if (outcome.kind === 'ok') return client;
    client.close();
    throw new Error(outcome.kind === 'refused' ? `${outcome.code}: ${outcome.message}` : outcome.reason);
  }

  call(method: string, params: object, deadlineMs = 2000): Promise<CallOutcome> {
    if (this.closed) return Promise.resolve({ kind: 'unknown', reason: 'the control connection was lost' });
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const passed = (): void => settle({ kind: 'unknown', reason: `no answer to ${method} within ${deadlineMs} ms` });
      // Turns are counted, not time: whoever was stopped himself has not waited.
      const turnMs = Math.min(deadlineMs, MOST_TURN_MS);
      let leftMs = deadlineMs;
      const deadline = setInterval(() => {
        leftMs -= turnMs;
        if (leftMs <= 0) passed();
      }, turnMs);
      const settle = (outcome: CallOutcome) => {
        clearInterval(deadline);
        this.#waiting.delete(id);
        resolve(outcome);
      };
      this.#waiting.set(id, settle);
      this.#socket.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(line: string): void {
    const frame = parseRecord(line);
    if (frame === null) return;
    if (frame.event === 'status') this.status = frame.status as Status;
    if (frame.event !== undefined) {
      this.#onEvent(frame);
      return;
    }
    const settle = this.#waiting.get(countField(frame, 'id') ?? 0);
    if (settle === undefined) return;
    const error = asRecord(frame.error);
    if (frame.ok === true) settle({ kind: 'ok', result: asRecord(frame.result) ?? {} });
    else
      settle({
        kind: 'refused',
        code: String(error?.code),
        message: String(error?.message),
        epoch: error === null ? null : countField(error, 'epoch'),
      });
  }
}
