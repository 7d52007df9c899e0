import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Ground, GroundEvent } from './ground.ts';
import type { GroundAnswer, GroundMethod, GroundMethods, GroundProblem, GroundRequest } from './ground-protocol.ts';
import { LabError, messageOf } from './lab-error.ts';
import { eachLine } from './lines.ts';

type Handlers = {
  readonly [Method in Exclude<GroundMethod, 'hello'>]: (
    params: GroundMethods[Method]['params'],
  ) => GroundMethods[Method]['result'] | Promise<GroundMethods[Method]['result']>;
};

/** Serves one ground to whoever holds the lab's token. */
export class GroundServer {
  readonly server: Server;
  readonly #ground: Ground;
  readonly #lab: string;
  readonly #token: Buffer;
  readonly #greeted = new Set<Socket>();
  readonly #handlers: Handlers;

  constructor(ground: Ground, options: { readonly lab: string; readonly token: string }) {
    this.#ground = ground;
    this.#lab = options.lab;
    this.#token = Buffer.from(options.token);
    this.#handlers = {
      start: async ({ specs }) => {
        await ground.start(specs);
        return null;
      },
      restart: async ({ key }) => {
        await ground.restart(key);
        return null;
      },
      'copy-authority': () => ground.copyAuthority(),
      break: ({ fault, expiresInMs }) => ground.break(fault, expiresInMs),
      heal: ({ fault }) => ground.heal(fault),
      state: () => ground.state(),
      measure: (options_) => ground.measure(options_),
      usage: () => this.#ground.usage(),
    };
    this.server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  /** Tells everybody who is connected. */
  announce(event: GroundEvent): void {
    for (const socket of this.#greeted) socket.write(`${JSON.stringify({ event })}\n`);
  }

  close(): void {
    this.server.close();
    for (const socket of this.#greeted) socket.destroy();
  }

  #serve(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#greeted.delete(socket));
    eachLine(socket, (line) => {
      const request = parseRequest(line);
      if (request === null) return void socket.destroy();
      if (this.#greeted.has(socket)) return void this.#answer(socket, request);
      if (request.method !== 'hello' || !this.#isToken(request.params)) return void socket.destroy();
      this.#greeted.add(socket);
      reply(socket, { id: request.id, ok: true, result: { lab: this.#lab, pid: process.pid } });
    });
  }

  async #answer(socket: Socket, { id, method, params }: GroundRequest): Promise<void> {
    try {
      const handler = Object.hasOwn(this.#handlers, method)
        ? (this.#handlers[method as keyof Handlers] as (given: unknown) => unknown)
        : null;
      if (handler === null) throw new Error(`unknown method ${method}`);
      reply(socket, { id, ok: true, result: await handler(params) });
    } catch (error) {
      reply(socket, { id, ok: false, error: problemOf(error) });
    }
  }

  #isToken(params: unknown): boolean {
    const given = Buffer.from(String((params as { token?: unknown } | null)?.token ?? ''));
    return given.length === this.#token.length && timingSafeEqual(given, this.#token);
  }
}

export function problemOf(error: unknown): GroundProblem {
  if (error instanceof LabError) {
    const { code, attempted, found, next } = error;
    return { code, attempted, found, next };
  }
  return {
    code: 'HF-7000',
    attempted: 'serve a request',
    found: messageOf(error),
    next: 'this is a mistake in the lab',
  };
}

function reply(socket: Socket, answer: GroundAnswer): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(answer)}\n`);
}

function parseRequest(line: string): GroundRequest | null {
  try {
    const request = JSON.parse(line) as Partial<GroundRequest> | null;
    if (typeof request?.id !== 'number' || typeof request.method !== 'string') return null;
    return { id: request.id, method: request.method, params: request.params ?? null };
  } catch {
    return null;
  }
}
