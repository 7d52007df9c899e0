import type { Server, Socket } from 'node:net';

export interface DoorOptions {
  /** One more than these is turned away. */
  readonly most: number;
  /** Who has said nothing whole by then is cut off. */
  readonly speakWithinMs?: number;
}

export const SPEAK_WITHIN_MS = 5000;
const KEEP_ALIVE_MS = 30_000;

/** Bounds what strangers can take up at a port: how many they are, how long they may be silent, and that a dead host's are noticed. */
export class Door {
  readonly #silent = new WeakMap<Socket, NodeJS.Timeout>();
  readonly #speakWithinMs: number;

  constructor(server: Server, options: DoorOptions) {
    this.#speakWithinMs = options.speakWithinMs ?? SPEAK_WITHIN_MS;
    server.maxConnections = options.most;
    server.on('connection', (socket: Socket) => this.#enter(socket));
  }

  /** A whole message came: it may stay. */
  spoke(socket: Socket): void {
    const timer = this.#silent.get(socket);
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#silent.delete(socket);
  }

  #enter(socket: Socket): void {
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#silent.set(
      socket,
      setTimeout(() => socket.destroy(), this.#speakWithinMs),
    );
    socket.once('close', () => this.spoke(socket));
  }
}
