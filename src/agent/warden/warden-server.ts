import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import {
  FrameSplitter,
  type WardenAddress,
  type WardenArm,
  type WardenClosed,
  type WardenReply,
  type WardenRequest,
} from '../../adapters/gate/warden-protocol.ts';
import { hostMonoNs } from '../../adapters/process/host-clock.ts';
import { findTree, killTree, strikeTree } from '../../adapters/process/process-tree.ts';
import { GateKeeper, type KeeperAnswer } from './gate-keeper.ts';

const KILL_DEADLINE_MS = 5_000;

/** The warden's socket: one keeper, any number of agents that know the token. */
export class WardenServer {
  readonly #token: string;
  readonly #server: Server;
  readonly #keeper: GateKeeper;
  readonly #agents = new Set<Socket>();
  #alarm: NodeJS.Timeout | null = null;
  readonly #log: (line: string) => void;

  constructor(options: { readonly token: string; readonly log: (line: string) => void }) {
    this.#token = options.token;
    this.#log = options.log;
    this.#keeper = new GateKeeper({
      nowNs: hostMonoNs,
      strike: (tree) => strikeTree(tree).length,
      finish: (tree) => killTree(tree, { deadlineMs: KILL_DEADLINE_MS }),
      countMembers: (tree) => findTree(tree).length,
      setAlarm: (afterMs) => this.#setAlarm(afterMs),
      announce: (closed) => this.#announce(closed),
    });
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Resolves when it accepts connections. */
  listen(address: WardenAddress): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(
      address.kind === 'tcp' ? { host: address.host, port: address.port } : { path: address.path },
      resolve,
    );
    return promise;
  }

  /** Stops listening; gates that are armed no longer close by themselves. */
  close(): Promise<void> {
    this.#setAlarm(null);
    for (const agent of this.#agents) agent.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    return promise;
  }

  #setAlarm(afterMs: number | null): void {
    if (this.#alarm !== null) clearTimeout(this.#alarm);
    this.#alarm =
      afterMs === null ? null : setTimeout(() => this.#keeper.settleOverdue(), Math.min(afterMs, 2 ** 31 - 1));
  }

  #announce(closed: WardenClosed): void {
    const line = JSON.stringify(closed);
    this.#log(line);
    for (const agent of this.#agents) agent.write(`${line}\n`);
  }

  #serve(socket: Socket): void {
    this.#keeper.settleOverdue();
    const frames = new FrameSplitter();
    let greeted = false;
    socket.setEncoding('utf8');
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#agents.delete(socket));
    socket.on('data', (text) => {
      this.#keeper.settleOverdue();
      try {
        for (const frame of frames.push(String(text))) {
          const request = JSON.parse(frame) as WardenRequest;
          if (!greeted) {
            if (request.method !== 'hello' || !this.#knows(request.params.token)) return void socket.destroy();
            greeted = true;
            this.#agents.add(socket);
            reply(socket, request.id, { ok: true, result: { pid: process.pid } });
          } else void this.#answer(socket, request);
        }
      } catch {
        socket.destroy();
      }
    });
  }

  async #answer(socket: Socket, request: WardenRequest): Promise<void> {
    switch (request.method) {
      case 'arm':
        return reply(socket, request.id, isArm(request.params) ? this.#keeper.arm(request.params) : badParams);
      case 'close':
        return reply(socket, request.id, await this.#keeper.close(request.params.instance));
      case 'disarm':
        return reply(socket, request.id, this.#keeper.disarm(request.params.instance));
      case 'status':
        return reply(socket, request.id, this.#keeper.status());
      default:
        return reply(socket, request.id, { ok: false, code: 'unknown-method', message: 'no such method' });
    }
  }

  #knows(token: unknown): boolean {
    if (typeof token !== 'string') return false;
    const given = Buffer.from(token);
    const expected = Buffer.from(this.#token);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

const badParams: KeeperAnswer = {
  ok: false,
  code: 'bad-params',
  message: 'arm needs instance, epoch, untilMonoNs, root, directory',
};

function isArm(params: WardenArm): boolean {
  return (
    typeof params.instance === 'string' &&
    Number.isSafeInteger(params.epoch) &&
    typeof params.untilMonoNs === 'string' &&
    /^\d{1,19}$/.test(params.untilMonoNs) &&
    (params.directory === null || (typeof params.directory === 'string' && params.directory.startsWith('/'))) &&
    (params.root === null ||
      (Number.isSafeInteger(params.root.pid) && params.root.pid > 1 && Number.isSafeInteger(params.root.startTicks)))
  );
}

function reply(socket: Socket, id: number, answer: KeeperAnswer): void {
  const frame: WardenReply = answer.ok
    ? { id, ok: true, result: answer.result }
    : { id, ok: false, error: { code: answer.code, message: answer.message } };
  if (socket.writable) socket.write(`${JSON.stringify(frame)}\n`);
}
