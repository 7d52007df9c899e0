import { createServer, type Server, Socket } from 'node:net';
import type { Address } from '../layout.ts';
import type { DelayLine, Lane, Parcel } from './delay-line.ts';
import { listenOn } from './listen.ts';

/** The two directions of one path. */
export interface Path {
  readonly forward: Lane;
  readonly back: Lane;
}

const heldBytesHigh = 4 * 1024 * 1024;
const heldBytesLow = heldBytesHigh / 2;

/**
 * Listens at one address and carries every connection to another one over a path. What cannot travel is held; when a
 * direction holds `heldBytesHigh`, no more is read and the sender's own TCP window closes, so nothing is ever lost or
 * reordered. The kernel completes a handshake before this process hears of it: a client that connects over a cut path is
 * connected and hears nothing.
 */
export class Relay {
  readonly #path: Path;
  readonly #target: Address;
  readonly #server: Server;
  readonly #connections = new Set<RelayedConnection>();

  constructor(path: Path, target: Address) {
    this.#path = path;
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  get connections(): number {
    return this.#connections.size;
  }

  listen(address: Address): Promise<void> {
    return listenOn(this.#server, address);
  }

  close(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(client: Socket): void {
    const connection = new RelayedConnection(this.#path, this.#target, client, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
  }
}

class RelayedConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #forward: DelayLine;
  readonly #back: DelayLine;
  readonly #target: Address;
  readonly #onClosed: () => void;
  #open = 2;

  constructor(path: Path, target: Address, client: Socket, onClosed: () => void) {
    this.#target = target;
    this.#client = client;
    this.#onClosed = onClosed;
    this.#server = new Socket({ allowHalfOpen: true });
    this.#server.setNoDelay(true);
    this.#forward = path.forward.line((parcels) => this.#deliver(parcels, this.#server, this.#client, this.#forward));
    this.#back = path.back.line((parcels) => this.#deliver(parcels, this.#client, this.#server, this.#back));
    this.#watch(this.#client, this.#forward);
    this.#watch(this.#server, this.#back);
    this.#server.once('connect', () => this.#forward.unblock());
    this.#client.on('drain', () => this.#back.unblock());
    this.#server.on('drain', () => this.#forward.unblock());
    this.#forward.send('open');
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
    this.#finish();
  }

  #watch(socket: Socket, line: DelayLine): void {
    let reset = false;
    socket.on('data', (chunk: Buffer) => {
      line.send(chunk);
      if (line.queuedBytes > heldBytesHigh) socket.pause();
    });
    socket.on('end', () => line.send('end'));
    socket.on('error', () => {
      if (!reset) line.send('reset');
      reset = true;
    });
    socket.on('close', () => {
      this.#open -= 1;
      if (this.#open === 0) this.#finish();
    });
  }

  #deliver(parcels: readonly Parcel[], to: Socket, from: Socket, line: DelayLine | undefined): 'ready' | 'full' {
    const last = parcels.at(-1);
    let result: 'ready' | 'full' = 'ready';
    if (parcels.length > 1) to.cork();
    for (const parcel of parcels) if (typeof parcel !== 'string' && to.writable && !to.write(parcel)) result = 'full';
    if (parcels.length > 1) to.uncork();
    if (last === 'open') {
      to.connect({ host: this.#target.host, port: this.#target.port });
      return 'full';
    }
    if (last === 'end' && to.writable) to.end();
    if (last === 'reset') {
      to.resetAndDestroy();
      from.destroy();
    }
    if (line !== undefined && from.isPaused() && line.queuedBytes < heldBytesLow) from.resume();
    return to.destroyed ? 'ready' : result;
  }

  #finish(): void {
    this.#forward.close();
    this.#back.close();
    this.#onClosed();
  }
}
