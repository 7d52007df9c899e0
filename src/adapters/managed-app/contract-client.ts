import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Fields } from '../../wire/fields.ts';
import { causeText } from '../../wire/holdfast-error.ts';
import { LineFrames } from '../../wire/line-frames.ts';

export const contractVersion = 1;

export interface ContractClientOptions {
  readonly host: string;
  readonly port: number;
  /** Read anew for each connection. */
  readonly tokenFile: string;
  readonly instance: string;
  readonly sink: ContractSink;
}

export interface ContractSink {
  /** The instance accepted the token. */
  up(): void;
  down(reason: string): void;
  /**
   * The regular sign of life; `everyMs`: how often it means to give one from now on, where it says so. Nothing else that it says is
   * one: what comes in between would look like an irregular rhythm, and an irregular one is given more time.
   */
  alive(everyMs: number | null): void;
  status(status: Fields): void;
}

export type ContractOutcome =
  | { readonly kind: 'ok'; readonly result: Fields }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** No answer. `sent` false: it certainly was not done. */
  | { readonly kind: 'unknown'; readonly sent: boolean; readonly reason: string };

const MAX_FRAME_LENGTH = 1024 * 1024;
const MAX_CALLS = 64;
const GREET_WITHIN_MS = 1000;
const FIRST_RETRY_MS = 10;
const LAST_RETRY_MS = 250;

interface Call {
  readonly method: string;
  readonly params: object;
  readonly settle: (outcome: ContractOutcome) => void;
  sent: boolean;
}

/**
 * One control connection to one instance (docs/reference/component-contract.md), kept up while `resume`d. Calls wait for the
 * connection until their own deadline; a call that was sent and not answered is never sent again.
 */
export class ContractClient {
  readonly #options: ContractClientOptions;
  readonly #calls = new Map<number, Call>();
  #socket: Socket | null = null;
  #up = false;
  #paused = true;
  #nextId = 1;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | null = null;
  #lastReason = 'not connected yet';

  constructor(options: ContractClientOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Keeps a connection up from now on; at once when there is none. */
  resume(): void {
    this.#paused = false;
    this.#retryMs = FIRST_RETRY_MS;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    if (this.#socket === null) this.#connect();
  }

  /** There is nobody to talk to: ends the connection and every call. */
  pause(reason: string): void {
    this.#paused = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#drop(reason);
    for (const call of [...this.#calls.values()]) call.settle({ kind: 'unknown', sent: call.sent, reason });
  }

  call(method: string, params: object, deadlineMs: number): Promise<ContractOutcome> {
    if (this.#calls.size >= MAX_CALLS)
      return Promise.resolve({ kind: 'unknown', sent: false, reason: `${MAX_CALLS} calls wait already` });
    const { promise, resolve } = Promise.withResolvers<ContractOutcome>();
    const id = this.#nextId;
    this.#nextId += 1;
    const timer = setTimeout(
      () => {
        const reason = call.sent
          ? `no answer to ${method} within ${Math.round(deadlineMs)} ms`
          : `${method} was not sent: ${this.#lastReason}`;
        call.settle({ kind: 'unknown', sent: call.sent, reason });
      },
      Math.max(0, deadlineMs),
    );
    const call: Call = {
      method,
      params,
      sent: false,
      settle: (outcome) => {
        clearTimeout(timer);
        this.#calls.delete(id);
        resolve(outcome);
      },
    };
    this.#calls.set(id, call);
    if (this.#up) this.#send(id, call);
    return promise;
  }

  #connect(): void {
    const { host, port, instance, tokenFile } = this.#options;
    let token: string;
    try {
      token = readFileSync(tokenFile, 'utf8').trim();
    } catch (cause) {
      this.#retryLater(`its token file cannot be read: ${causeText(cause)}`);
      return;
    }
    const socket = connect({ host, port, noDelay: true });
    const frames = new LineFrames({ maxLength: MAX_FRAME_LENGTH });
    this.#socket = socket;
    socket.setEncoding('utf8');
    const greeting = setTimeout(
      () => this.#lost(socket, `no answer to hello within ${GREET_WITHIN_MS} ms`),
      GREET_WITHIN_MS,
    );
    socket.once('connect', () =>
      socket.write(
        `${JSON.stringify({ id: 0, method: 'hello', params: { token, contract: contractVersion, instance } })}\n`,
      ),
    );
    socket.on('error', (cause) => this.#lost(socket, cause.message));
    socket.on('close', () => {
      clearTimeout(greeting);
      this.#lost(socket, 'the instance closed the control connection');
    });
    socket.on('data', (text: string) => {
      try {
        for (const line of frames.push(text)) if (this.#socket === socket) this.#received(socket, line, greeting);
      } catch (cause) {
        this.#lost(socket, `unreadable frame: ${causeText(cause)}`);
      }
    });
  }

  #received(socket: Socket, line: string, greeting: NodeJS.Timeout): void {
    const { sink } = this.#options;
    const frame = Fields.parse(line, '');
    if (frame.has('event')) {
      const event = frame.text('event');
      if (event === 'alive') sink.alive(frame.numberOrNull('everyMs'));
      if (event === 'status') sink.status(frame.fields('status'));
      return;
    }
    const outcome = outcomeOf(frame);
    if (frame.count('id') === 0 && !this.#up) {
      clearTimeout(greeting);
      if (outcome.kind === 'ok') {
        this.#greeted();
        return;
      }
      this.#lost(
        socket,
        outcome.kind === 'refused'
          ? `hello was refused with ${outcome.code}: ${outcome.message}`
          : 'hello was not answered',
      );
      return;
    }
    this.#calls.get(frame.count('id'))?.settle(outcome);
  }

  #greeted(): void {
    this.#up = true;
    this.#retryMs = FIRST_RETRY_MS;
    this.#options.sink.up();
    for (const [id, call] of this.#calls) if (!call.sent) this.#send(id, call);
  }

  #send(id: number, call: Call): void {
    call.sent = true;
    this.#socket?.write(`${JSON.stringify({ id, method: call.method, params: call.params })}\n`);
  }

  #lost(socket: Socket, reason: string): void {
    if (this.#socket !== socket) return;
    this.#drop(reason);
    this.#retryLater(reason);
  }

  #drop(reason: string): void {
    const socket = this.#socket;
    const wasUp = this.#up;
    this.#socket = null;
    this.#up = false;
    this.#lastReason = reason;
    socket?.destroy();
    for (const call of [...this.#calls.values()])
      if (call.sent)
        call.settle({
          kind: 'unknown',
          sent: true,
          reason: `the control connection was lost after ${call.method} was sent: ${reason}`,
        });
    if (wasUp) this.#options.sink.down(reason);
  }

  #retryLater(reason: string): void {
    this.#lastReason = reason;
    if (this.#paused) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      if (!this.#paused && this.#socket === null) this.#connect();
    }, this.#retryMs);
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
  }
}

function outcomeOf(frame: Fields): ContractOutcome {
  if (frame.flag('ok')) return { kind: 'ok', result: frame.fieldsOrNull('result') ?? Fields.of({}, 'result') };
  const error = frame.fields('error');
  return { kind: 'refused', code: error.text('code'), message: error.words('message', '') };
}
