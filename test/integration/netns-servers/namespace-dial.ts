import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import type { Dial } from '../../../src/adapters/system/dial.ts';

interface DialRequest {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly deadlineMs: number;
}
interface DialAnswer {
  readonly id: number;
  readonly problem: string | null;
}

/** Opens connections in another network namespace and hands them over: from then on they are ordinary sockets of this process. */
export class NamespaceDial {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (socket: Socket) => void; reject: (error: Error) => void }>();
  #last = 0;

  constructor(namespace: string) {
    this.#child = spawn('ip', ['netns', 'exec', namespace, process.execPath, import.meta.filename, 'dial'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', ({ id, problem }: DialAnswer, socket) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (problem === null && socket !== undefined) waiting?.resolve((socket as Socket).setNoDelay(true));
      else waiting?.reject(new Error(problem ?? 'the connection was closed at once'));
    });
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('whoever dials has ended'));
    });
  }

  readonly dial: Dial = ({ host, port }, { deadlineMs }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const id = ++this.#last;
    this.#waiting.set(id, { resolve, reject });
    const request: DialRequest = { id, host, port, deadlineMs };
    this.#child.send(request);
    return promise;
  };

  close(): void {
    this.#child.disconnect();
  }
}

function answerDials(): void {
  process.on('message', ({ id, host, port, deadlineMs }: DialRequest) => {
    // Paused: what arrives before it is handed over is not read here, where it would be lost.
    const socket = connect({ host, port }).pause();
    const refuse = (problem: string) => {
      clearTimeout(timer);
      socket.destroy();
      process.send!({ id, problem } satisfies DialAnswer);
    };
    const timer = setTimeout(() => refuse(`no connection to ${host}:${port} within ${deadlineMs} ms`), deadlineMs);
    socket.once('error', (error) => refuse(error.message));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error').on('error', () => {});
      process.send!({ id, problem: null } satisfies DialAnswer, socket);
    });
  });
}

if (process.argv[2] === 'dial') answerDials();
