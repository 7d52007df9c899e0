import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What a relay does with the two ends of one connection; errors and ends are taken care of. */
export type Passage = (caller: Socket, called: Socket) => void;

/** Stands before a port of this machine; what passes, and how, is its owner's. An end that closes takes the other one along. */
export class TestRelay {
  readonly #server: Server;
  readonly sockets = new Set<Socket>();

  private constructor(port: number, pass: Passage) {
    this.#server = createServer({ noDelay: true }, (caller) => {
      const called = connect({ host: '127.0.0.1', port, noDelay: true });
      pass(caller, called);
      this.#tie(caller, called);
      this.#tie(called, caller);
    });
  }

  static async open(port: number, pass: Passage): Promise<TestRelay> {
    const relay = new TestRelay(port, pass);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #tie(socket: Socket, other: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.sockets.delete(socket);
      other.destroy();
    });
  }
}
