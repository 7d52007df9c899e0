import { connect, type Socket } from 'node:net';
import type { InstanceId, MonoMs } from '../../core/base/ids.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { ArmRequest, Gate, GateClosed, GateOutcome, GateTarget } from './gate.ts';
import { FrameSplitter, type WardenAddress, type WardenClosed, type WardenReply } from './warden-protocol.ts';

export interface WardenGateOptions {
  readonly address: WardenAddress;
  readonly token: string;
  /** Declared bound; a test measures it. */
  readonly boundMs: number;
  readonly onClosed: (closed: GateClosed) => void;
  /** The warden cannot be reached any more: nothing new can be armed, so no renewal may claim a gate. */
  readonly onLost: (reason: string) => void;
}

const HELLO = 0;

interface Pending {
  readonly settle: (reply: WardenReply | null) => void;
}

/** The agent's end of the warden's socket. Connects when first needed and again after a loss. */
export class WardenGate implements Gate {
  readonly kind = 'warden';
  readonly boundMs: number;
  readonly #options: WardenGateOptions;
  readonly #targets = new Map<InstanceId, GateTarget>();
  readonly #pending = new Map<number, Pending>();
  #socket: Socket | null = null;
  #nextId = 1;
  #pid: number | null = null;
  #ended = false;

  constructor(options: WardenGateOptions) {
    this.#options = options;
    this.boundMs = options.boundMs;
  }

  /** The warden's process, as it said when it was last greeted; null before. */
  get pid(): number | null {
    return this.#pid;
  }

  protect(instance: InstanceId, target: GateTarget): void {
    this.#targets.set(instance, target);
  }

  async arm(request: ArmRequest): Promise<GateOutcome> {
    const target = this.#targets.get(request.instance);
    if (target === undefined)
      return { kind: 'refused', code: 'not-protected', reason: `${request.instance} was never put behind the gate` };
    return this.#ask(
      'arm',
      {
        instance: request.instance,
        epoch: request.epoch,
        untilMonoNs: String(BigInt(Math.floor(request.untilMono * 1e6))),
        root: target.root,
        directory: target.directory,
      },
      request.deadlineMs,
    );
  }

  async close(instance: InstanceId, options: { readonly deadlineMs: number }): Promise<GateOutcome> {
    return this.#ask('close', { instance }, options.deadlineMs, (result) => result.treeEmpty === true);
  }

  disarm(instance: InstanceId, options: { readonly deadlineMs: number }): Promise<GateOutcome> {
    return this.#ask('disarm', { instance }, options.deadlineMs);
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#socket?.destroy();
  }

  async #ask(
    method: string,
    params: Readonly<Record<string, unknown>>,
    deadlineMs: number,
    accept: (result: Readonly<Record<string, unknown>>) => boolean = () => true,
  ): Promise<GateOutcome> {
    const startedMs = hostMonoMs();
    const socket = this.#connected();
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<WardenReply | null>();
    const timer = setTimeout(() => resolve(null), deadlineMs);
    this.#pending.set(id, { settle: resolve });
    socket.write(`${JSON.stringify({ id, method, params })}\n`);
    const reply = await promise;
    clearTimeout(timer);
    this.#pending.delete(id);
    if (reply === null)
      return { kind: 'unknown', reason: `the warden did not answer "${method}" within ${deadlineMs} ms` };
    if (!reply.ok) return { kind: 'refused', code: reply.error.code, reason: reply.error.message };
    if (!accept(reply.result)) return { kind: 'unknown', reason: 'the warden could not see the process tree empty' };
    return { kind: 'ok', elapsedMs: hostMonoMs() - startedMs };
  }

  #connected(): Socket {
    if (this.#socket !== null && !this.#socket.destroyed) return this.#socket;
    const { address } = this.#options;
    const socket = address.kind === 'tcp' ? connect(address.port, address.host) : connect(address.path);
    const frames = new FrameSplitter();
    socket.setEncoding('utf8');
    socket.setNoDelay(true);
    socket.on('error', (error) => socket.destroy(error));
    socket.on('close', () => this.#lost(socket));
    socket.on('data', (text) => {
      try {
        for (const frame of frames.push(String(text))) this.#received(JSON.parse(frame) as WardenReply | WardenClosed);
      } catch {
        socket.destroy();
      }
    });
    socket.write(`${JSON.stringify({ id: HELLO, method: 'hello', params: { token: this.#options.token } })}\n`);
    this.#socket = socket;
    return socket;
  }

  #received(frame: WardenReply | WardenClosed): void {
    if ('event' in frame)
      this.#options.onClosed({
        instance: frame.instance as InstanceId,
        epoch: frame.epoch as GateClosed['epoch'],
        dueMono: (Number(frame.dueMonoNs) / 1e6) as MonoMs,
        closedMono: (Number(frame.closedMonoNs) / 1e6) as MonoMs,
        tookMs: frame.tookMs,
        killed: frame.killed,
        treeEmpty: frame.treeEmpty,
      });
    else if (frame.id === HELLO) this.#greeted(frame);
    else this.#pending.get(frame.id)?.settle(frame);
  }

  #greeted(reply: WardenReply): void {
    const pid = reply.ok ? reply.result['pid'] : null;
    if (typeof pid === 'number') this.#pid = pid;
  }

  #lost(socket: Socket): void {
    if (this.#socket === socket) this.#socket = null;
    for (const pending of this.#pending.values()) pending.settle(null);
    if (!this.#ended) this.#options.onLost('the connection to the warden ended');
  }
}
