import { createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress } from '../../base/config-file.ts';
import { Door } from '../../base/door.ts';
import type { OrderPort } from '../order-port.ts';
import { BinaryRequest } from './binary-request.ts';
import { BinarySession } from './binary-session.ts';

/** Of members and drop copies. */
const MOST_CONNECTIONS = 2048;

/** Order entry, drop copy and status in the binary protocol; docs/reference/venue-binary.md has the messages. */
export class BinaryServer {
  readonly #server: Server;
  readonly #sessions = new Map<Socket, BinarySession>();

  constructor(port: OrderPort) {
    const request = new BinaryRequest(port.venue.exchange);
    port.listen({
      report: (report) => {
        for (const session of this.#sessions.values()) session.report(report);
      },
    });
    port.atTurnEnd(() => {
      for (const session of this.#sessions.values()) session.flush();
    });
    // Half-open, so that what a cut session still sends is seen, refused and counted.
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      const session = new BinarySession({ port, socket, request, door });
      this.#sessions.set(socket, session);
      socket.on('data', (chunk: Buffer) => session.data(chunk));
      socket.on('end', () => socket.end());
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sessions.delete(socket);
        session.closed();
      });
    });
    const door = new Door(this.#server, { most: MOST_CONNECTIONS });
  }

  listen(address: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(address.port, address.host, () => {
        const bound = this.#server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sessions.keys()) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
