import { connect, type Socket } from 'node:net';
import type { GroundEvent } from './ground.ts';
import type { GroundAnswer, GroundMethod, GroundMethods, GroundNotice } from './ground-protocol.ts';
import { LabError, type LabErrorCode, messageOf } from './lab-error.ts';
import type { Address } from './layout.ts';
import { eachLine } from './lines.ts';

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** One connection to a lab's ground. Every request ends by its deadline with an answer or HF-7008. */
export class GroundClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEvent: (event: GroundEvent) => void;
  #sequence = 0;

  private constructor(socket: Socket, onEvent: (event: GroundEvent) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    eachLine(socket, (line) => this.#receive(line));
    socket.on('close', () => this.#lose('the connection was closed'));
  }

  /** @throws LabError HF-7008 when nobody answers to this token by the deadline. */
  static async connect(
    address: Address,
    options: {
      readonly token: string;
      readonly deadlineMs: number;
      readonly onEvent?: (event: GroundEvent) => void;
    },
  ): Promise<GroundClient> {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const opening = connect({ host: address.host, port: address.port, noDelay: true });
      const timer = setTimeout(() => opening.destroy(new Error('no connection in time')), options.deadlineMs);
      opening.on('error', (error) => {
        clearTimeout(timer);
        reject(silent('connect to the lab', messageOf(error)));
      });
      opening.once('connect', () => {
        clearTimeout(timer);
        resolve(opening);
      });
    });
    const client = new GroundClient(socket, options.onEvent ?? (() => {}));
    try {
      await client.request('hello', { token: options.token }, options.deadlineMs);
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  request<Method extends GroundMethod>(
    method: Method,
    params: GroundMethods[Method]['params'],
    deadlineMs: number,
  ): Promise<GroundMethods[Method]['result']> {
    if (this.#socket.destroyed) return Promise.reject(silent(method, 'the connection is closed'));
    const id = ++this.#sequence;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(silent(method, `no answer within ${deadlineMs} ms`));
      }, deadlineMs);
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject, timer });
      this.#socket.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(line: string): void {
    const message = JSON.parse(line) as GroundAnswer | GroundNotice;
    if ('event' in message) {
      this.#onEvent(message.event);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.ok) waiting.resolve(message.result);
    else waiting.reject(remoteError(message.error));
  }

  #lose(reason: string): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(silent('ask the lab', reason));
    }
    this.#waiting.clear();
  }
}

function remoteError(problem: { code: string; attempted: string; found: string; next: string }): Error {
  if (problem.code === 'HF-7000') return new Error(`${problem.attempted}: ${problem.found}`);
  return new LabError({ ...problem, code: problem.code as LabErrorCode });
}

const silent = (attempted: string, found: string): LabError =>
  new LabError({
    code: 'HF-7008',
    attempted,
    found,
    next: 'see its log in the lab\'s directory; "holdfast lab down" ends the lab in any state',
  });
