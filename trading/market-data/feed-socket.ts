import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Address } from '../load/line-connection.ts';
import { JOIN, JOIN_LASTS_MS } from '../venue-protocol/feed.ts';

const receiveBufferBytes = 4 * 1024 * 1024;

/** One feed of an exchange: joins it, and again while it is open. Datagrams of anybody else are not heard. */
export class FeedSocket {
  readonly #address: Address;
  readonly #socket: Socket;
  readonly #again: NodeJS.Timeout;
  #closed = false;

  constructor(options: { readonly address: Address; readonly received: (packet: Buffer) => void }) {
    this.#address = options.address;
    this.#socket = createSocket({ type: 'udp4', recvBufferSize: receiveBufferBytes }, (packet, from) => {
      if (this.#isFromFeed(from)) options.received(packet);
    });
    // A feed that is not there is known by its silence.
    this.#socket.on('error', () => {});
    this.#join();
    this.#again = setInterval(() => this.#join(), JOIN_LASTS_MS / 3);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#again);
    this.#socket.close();
  }

  #join(): void {
    if (!this.#closed) this.#socket.send(JOIN, this.#address.port, this.#address.host, () => {});
  }

  #isFromFeed(from: RemoteInfo): boolean {
    return from.port === this.#address.port && from.address === this.#address.host;
  }
}
