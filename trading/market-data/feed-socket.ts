import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { monoNowMs } from '../base/mono-clock.ts';
import { Pulse } from '../base/pulse.ts';
import type { Address } from '../load/line-connection.ts';
import { JOIN, JOIN_LASTS_MS } from '../venue-protocol/feed.ts';

const lookEveryMs = 1000;
/** A packet comes every second also when nothing happens. */
const silentAfterMs = 1500;
const receiveBufferBytes = 4 * 1024 * 1024;

/** One feed of an exchange: joins it, and again while it is open. Datagrams of anybody else are not heard. */
export class FeedSocket {
  readonly #address: Address;
  readonly #socket: Socket;
  readonly #pulse: Pulse;
  #closed = false;
  #joinedAtMs = 0;
  #heardAtMs = 0;

  constructor(options: { readonly address: Address; readonly received: (packet: Buffer) => void }) {
    this.#address = options.address;
    this.#socket = createSocket({ type: 'udp4', recvBufferSize: receiveBufferBytes }, (packet, from) => {
      if (!this.#isFromFeed(from)) return;
      this.#heardAtMs = monoNowMs();
      options.received(packet);
    });
    // A feed that is not there is known by its silence.
    this.#socket.on('error', () => {});
    this.#join();
    this.#pulse = new Pulse({ everyMs: () => lookEveryMs, beat: () => this.#look() });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pulse.stop();
    this.#socket.close();
  }

  /** A feed that is silent may not know its subscribers any more. */
  #look(): void {
    const now = monoNowMs();
    if (now - this.#joinedAtMs >= JOIN_LASTS_MS / 3 || now - this.#heardAtMs > silentAfterMs) this.#join();
  }

  #join(): void {
    this.#joinedAtMs = monoNowMs();
    if (!this.#closed) this.#socket.send(JOIN, this.#address.port, this.#address.host, () => {});
  }

  #isFromFeed(from: RemoteInfo): boolean {
    return from.port === this.#address.port && from.address === this.#address.host;
  }
}
