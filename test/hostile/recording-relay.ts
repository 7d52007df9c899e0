import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A session is recorded so far: what comes later is more of the same. */
const MOST_BYTES = 64 * 1024;

/** Stands before a port and keeps what callers say to it, one record for each connection. */
export class RecordingRelay {
  readonly #server: Server;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #sessions: Buffer[][] = [];

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer({ noDelay: true }, (caller) => this.#accept(caller));
  }

  static async open(port: number): Promise<RecordingRelay> {
    const relay = new RecordingRelay(port);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What each connection that said anything began with. */
  get sessions(): readonly Buffer[] {
    return this.#sessions.map((chunks) => Buffer.concat(chunks)).filter(({ length }) => length > 0);
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(caller: Socket): void {
    const called = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    const chunks: Buffer[] = [];
    this.#sessions.push(chunks);
    let bytes = 0;
    caller.on('data', (chunk: Buffer) => {
      if (bytes < MOST_BYTES) chunks.push(chunk);
      bytes += chunk.length;
      called.write(chunk);
    });
    called.on('data', (chunk: Buffer) => caller.write(chunk));
    for (const [socket, other] of [
      [caller, called],
      [called, caller],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
