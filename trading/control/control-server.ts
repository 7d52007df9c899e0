import { createServer, type Server, type Socket } from 'node:net';
import { Door } from '../base/door.ts';
import { asRecord, countField, type JsonRecord, parseRecord } from '../base/json-record.ts';
import { monoNowMs } from '../base/mono-clock.ts';
import { PacedLines } from '../base/paced-lines.ts';
import { Pulse } from '../base/pulse.ts';
import { TokenFile } from '../base/token-file.ts';
import {
  type AckSetParams,
  type ActParams,
  type ActResult,
  CONTRACT_VERSION,
  ContractError,
  type EpochParams,
  type FenceResult,
  type FollowParams,
  type LeaseParams,
  type Position,
  type PositionResult,
  type PromoteParams,
  type PromoteResult,
  type RouteParams,
  type Status,
  type TestOrderResult,
  type TradingParams,
} from './contract.ts';
import {
  ackSetParams,
  actParams,
  epochParams,
  followParams,
  leaseParams,
  promoteParams,
  routeParams,
  tradingParams,
} from './contract-params.ts';
import type { EpochStore } from './epoch-store.ts';

type Answer<Result> = Result | Promise<Result>;

/**
 * What a component does for each method. A handler is called only with an epoch that is at least the highest one stored,
 * and after that epoch has been stored durably. A method without a handler is answered `unknown-method`. A handler
 * refuses by throwing a `ContractError`.
 */
export interface ControlHandlers {
  readonly status: () => Status;
  readonly position: () => Position;
  /**
   * A higher epoch arrived with this method and is about to be stored: stop releasing in the older one now. Called before
   * `epochs.raise`, synchronously.
   */
  readonly epochRaised?: (epoch: number, method: string) => void;
  readonly fence?: (params: EpochParams) => Answer<FenceResult>;
  readonly follow?: (params: FollowParams) => Answer<PositionResult>;
  readonly promote?: (params: PromoteParams) => Answer<PromoteResult>;
  readonly lease?: (params: LeaseParams) => Answer<object>;
  readonly demote?: (params: EpochParams) => Answer<PositionResult>;
  readonly drain?: (params: EpochParams) => Answer<PositionResult>;
  readonly setAckSet?: (params: AckSetParams) => Answer<object>;
  readonly setTrading?: (params: TradingParams) => Answer<object>;
  readonly route?: (params: RouteParams) => Answer<object>;
  readonly testOrder?: (params: EpochParams) => Answer<TestOrderResult>;
  /** Engines: what became of everything that was in doubt when the present reign began. */
  readonly takeover?: () => Answer<object>;
  /** Recovery actions by name; each may be asked for again and then finds done what is done. */
  readonly actions?: Readonly<Record<string, (params: ActParams) => Answer<ActResult>>>;
}

export interface ControlServerOptions {
  readonly host: string;
  /** 0 = any free port; the real one is in `ControlServer.port`. */
  readonly port: number;
  readonly tokenFile: string;
  readonly instance: string;
  /** Kind of component, answered to `hello`, e.g. `trading-engine`. */
  readonly component: string;
  readonly version: string;
  readonly epochs: EpochStore;
  readonly handlers: ControlHandlers;
  /** It holds the component: it says often that it lives. One that holds nothing says so more rarely. */
  readonly holds?: () => boolean;
  readonly statusEveryMs?: number;
}

export interface ControlServer {
  readonly port: number;
  /** Pushes a status event at the end of this turn of the event loop, or a few milliseconds after the one before. */
  statusChanged(): void;
  close(): Promise<void>;
}

const MAX_FRAME_LENGTH = 1024 * 1024;
/** An agent has one, and sometimes an old one beside it; the rest is for people and tools. */
const MOST_CONNECTIONS = 64;
const ALIVE_EVERY_MS = 100;
const IDLE_ALIVE_EVERY_MS = 500;
/** Status events are at least so far apart: of a take-over the first change is told at once, and those in its middle when it is through. */
const STATUS_APART_MS = 5;

/** Serves the component contract. Resolves when the port is bound; rejects when it cannot be. */
export const startControlServer = async (options: ControlServerOptions): Promise<ControlServer> => {
  const server = new ContractServer(options);
  await server.listen();
  return server;
};

class ContractServer implements ControlServer {
  readonly #options: ControlServerOptions;
  readonly #token: TokenFile;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #greeted = new Set<Socket>();
  readonly #door: Door;
  readonly #statusEveryMs: number;
  readonly #pulse: Pulse;
  #statusPending = false;
  #saidEveryMs = ALIVE_EVERY_MS;
  #statusSentAtMs = 0;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#token = new TokenFile(options.tokenFile);
    this.#statusEveryMs = options.statusEveryMs ?? 1000;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#door = new Door(this.#server, { most: MOST_CONNECTIONS });
    this.#pulse = new Pulse({ everyMs: () => this.#aliveEveryMs, beat: () => this.#beat() });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        this.#pulse.stop();
        reject(error);
      });
      this.#server.listen(this.#options.port, this.#options.host, () => resolve());
    });
  }

  statusChanged(): void {
    if (this.#statusPending || this.#greeted.size === 0) return;
    this.#statusPending = true;
    const tell = (): void => {
      this.#statusPending = false;
      this.#sendStatus();
    };
    const waitMs = this.#statusSentAtMs + STATUS_APART_MS - monoNowMs();
    if (waitMs <= 0) setImmediate(tell);
    else setTimeout(tell, waitMs).unref();
  }

  close(): Promise<void> {
    this.#pulse.stop();
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  get #aliveEveryMs(): number {
    return this.#options.holds?.() === false ? IDLE_ALIVE_EVERY_MS : ALIVE_EVERY_MS;
  }

  #beat(): void {
    if (this.#greeted.size === 0) return;
    this.#sayAlive();
    if (monoNowMs() - this.#statusSentAtMs >= this.#statusEveryMs - 10) this.#sendStatus();
  }

  /** Says when the next one is due, too: an agent cannot know a silence from a rhythm otherwise. */
  #sayAlive(): void {
    const everyMs = this.#aliveEveryMs;
    this.#saidEveryMs = everyMs;
    this.#broadcast(`{"event":"alive","epoch":${this.#options.epochs.highest},"everyMs":${everyMs}}\n`);
  }

  #sendStatus(): void {
    if (this.#aliveEveryMs !== this.#saidEveryMs) {
      this.#sayAlive();
      this.#pulse.hurry();
    }
    this.#statusSentAtMs = monoNowMs();
    this.#broadcast(`${JSON.stringify({ event: 'status', status: this.#options.handlers.status() })}\n`);
  }

  #broadcast(text: string): void {
    for (const socket of this.#greeted) {
      if (socket.writableLength > MAX_FRAME_LENGTH) socket.destroy();
      else socket.write(text);
    }
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setEncoding('utf8');
    const lines = new PacedLines({
      socket,
      door: this.#door,
      maxLineLength: MAX_FRAME_LENGTH,
      onLine: (line) => this.#receive(socket, lines, line),
      onOverflow: () => this.#refuseFrame(socket, lines, null, 'a frame is longer than 1 MiB'),
    });
    socket.on('data', (chunk: string) => lines.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#greeted.delete(socket);
    });
  }

  #receive(socket: Socket, lines: PacedLines, line: string): void {
    const request = parseRecord(line);
    const id = request === null ? null : countField(request, 'id');
    const method = request?.method;
    if (request === null || id === null || typeof method !== 'string') {
      this.#refuseFrame(socket, lines, id, 'a frame must be {"id":NUMBER,"method":TEXT,"params":{…}}');
      return;
    }
    const params = asRecord(request.params ?? {});
    if (!this.#greeted.has(socket)) {
      this.#greet(socket, lines, { id, method, params });
      return;
    }
    if (params === null) {
      this.#fail(socket, id, new ContractError('bad-params', 'params must be an object'));
      return;
    }
    void this.#run(method, params).then(
      (result) => this.#answer(socket, { id, ok: true, result }),
      (error: unknown) => this.#fail(socket, id, error),
    );
  }

  #greet(socket: Socket, lines: PacedLines, request: { id: number; method: string; params: JsonRecord | null }): void {
    const { instance } = this.#options;
    const refuse = (error: ContractError) => {
      this.#fail(socket, request.id, error);
      lines.end();
      socket.end();
    };
    if (request.method !== 'hello' || !this.#token.accepts(request.params?.token)) {
      refuse(new ContractError('unauthorized', 'the first request must be hello with the token of this instance'));
      return;
    }
    if (request.params?.contract !== CONTRACT_VERSION) {
      refuse(new ContractError('bad-params', `this instance speaks contract ${CONTRACT_VERSION}`));
      return;
    }
    if (request.params.instance !== instance) {
      refuse(new ContractError('bad-params', `this is ${instance}, not ${String(request.params.instance)}`));
      return;
    }
    this.#greeted.add(socket);
    this.#answer(socket, { id: request.id, ok: true, result: this.#introduction() });
    this.#sayAlive();
    this.#pulse.hurry();
  }

  async #run(method: string, params: JsonRecord): Promise<unknown> {
    const { handlers } = this.#options;
    switch (method) {
      case 'hello':
        return this.#introduction();
      case 'status':
        return handlers.status();
      case 'position':
        return handlers.position();
      case 'takeover': {
        if (handlers.takeover !== undefined) return handlers.takeover();
        throw new ContractError('unknown-method', `a ${this.#options.component} has no method ${method}`);
      }
      case 'fence':
        return this.#guarded(method, handlers.fence, epochParams(params));
      case 'follow':
        return this.#guarded(method, handlers.follow, followParams(params));
      case 'promote':
        return this.#guarded(method, handlers.promote, promoteParams(params));
      case 'lease':
        return this.#guarded(method, handlers.lease, leaseParams(params));
      case 'demote':
        return this.#guarded(method, handlers.demote, epochParams(params));
      case 'drain':
        return this.#guarded(method, handlers.drain, epochParams(params));
      case 'set-ack-set':
        return this.#guarded(method, handlers.setAckSet, ackSetParams(params));
      case 'set-trading':
        return this.#guarded(method, handlers.setTrading, tradingParams(params));
      case 'route':
        return this.#guarded(method, handlers.route, routeParams(params));
      case 'test-order':
        return this.#guarded(method, handlers.testOrder, epochParams(params));
      case 'act':
        return this.#act(actParams(params));
      default:
        throw new ContractError('unknown-method', `contract ${CONTRACT_VERSION} has no method ${method}`);
    }
  }

  #introduction(): object {
    const { component, version, handlers } = this.#options;
    return { component, pid: process.pid, version, actions: Object.keys(handlers.actions ?? {}) };
  }

  #act(params: ActParams): Answer<ActResult> {
    const { component, handlers } = this.#options;
    const known = handlers.actions ?? {};
    if (!Object.hasOwn(known, params.action)) {
      const others = Object.keys(known).join(', ') || 'none';
      throw new ContractError('unknown-method', `a ${component} has no action ${params.action} (it has: ${others})`);
    }
    return this.#guarded('act', known[params.action], params);
  }

  /** Rule 1 of the contract: nothing of an older epoch is done, and a newer one is on disk before anything is done in it. */
  #guarded<Params extends EpochParams, Result>(
    method: string,
    handler: ((params: Params) => Answer<Result>) | undefined,
    params: Params,
  ): Answer<Result> {
    const { component, epochs, handlers } = this.#options;
    if (handler === undefined) throw new ContractError('unknown-method', `a ${component} has no method ${method}`);
    if (params.epoch < epochs.highest)
      throw new ContractError('stale-epoch', `epoch ${params.epoch} is older than ${epochs.highest}`, epochs.highest);
    if (params.epoch > epochs.highest) {
      handlers.epochRaised?.(params.epoch, method);
      epochs.raise(params.epoch);
    }
    return handler(params);
  }

  #refuseFrame(socket: Socket, lines: PacedLines, id: number | null, complaint: string): void {
    this.#answer(socket, { id, ok: false, error: { code: 'bad-frame', message: complaint } });
    lines.end();
    socket.end();
  }

  #fail(socket: Socket, id: number, error: unknown): void {
    if (!(error instanceof ContractError)) {
      const message = error instanceof Error ? error.message : String(error);
      this.#answer(socket, { id, ok: false, error: { code: 'internal', message } });
      return;
    }
    const { code, message, epoch } = error;
    this.#answer(socket, { id, ok: false, error: epoch === null ? { code, message } : { code, message, epoch } });
  }

  #answer(socket: Socket, frame: object): void {
    if (socket.writable) socket.write(`${JSON.stringify(frame)}\n`);
  }
}
