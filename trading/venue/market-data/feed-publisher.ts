import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { ListenAddress } from '../../base/config-file.ts';
import { monoNowMs } from '../../base/mono-clock.ts';
import {
  FEED_MESSAGE_BYTES,
  JOIN,
  JOIN_LASTS_MS,
  LONGEST_PACKET,
  MOST_MESSAGES,
  PACKET_HEADER_BYTES,
  writePacketHeader,
} from '../../venue-protocol/feed.ts';
import type { FeedHistory } from './feed-history.ts';

const HEARTBEAT_MS = 1000;
/** More would make the exchange an amplifier for whoever can send it datagrams. */
const MOST_SUBSCRIBERS = 256;

interface Subscriber {
  readonly address: string;
  readonly port: number;
  joinedAtMs: number;
}

/**
 * One of the two feeds: datagrams to everybody who joined lately, as a multicast group would bring them and without what that needs on a
 * network. Loses what the network loses, and as many packets as it is told to.
 */
export class FeedPublisher {
  readonly #feed: 'A' | 'B';
  readonly #run: number;
  readonly #history: FeedHistory;
  readonly #socket: Socket;
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #packet = new Uint8Array(LONGEST_PACKET);
  readonly #view = new DataView(this.#packet.buffer);
  #sent: number;
  #saidAtMs = 0;
  #heartbeat: NodeJS.Timeout | null = null;
  /** How many of the next packets are lost on purpose. */
  drop = 0;

  constructor(options: { readonly feed: 'A' | 'B'; readonly run: number; readonly history: FeedHistory }) {
    this.#feed = options.feed;
    this.#run = options.run;
    this.#history = options.history;
    this.#sent = options.history.next - 1;
    this.#socket = createSocket('udp4', (message, from) => this.#joined(message, from));
    // A subscriber that is gone is known by its silence.
    this.#socket.on('error', () => {});
  }

  listen(address: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.bind(address.port, address.host, () => resolve(this.#socket.address().port));
    });
  }

  /** Sends everything that is in the history and was not sent. */
  flush(): void {
    const { next, oldest } = this.#history;
    if (this.#subscribers.size === 0) {
      this.#sent = next - 1;
      return;
    }
    this.#sent = Math.max(this.#sent, oldest - 1);
    while (this.#sent < next - 1) {
      const count = Math.min(MOST_MESSAGES, next - 1 - this.#sent);
      for (let each = 0; each < count; each++)
        this.#history.copy(this.#sent + 1 + each, this.#packet, PACKET_HEADER_BYTES + each * FEED_MESSAGE_BYTES);
      this.#send(this.#sent + 1, count);
      this.#sent += count;
    }
  }

  close(): Promise<void> {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #send(first: number, count: number): void {
    this.#saidAtMs = monoNowMs();
    if (this.drop > 0) {
      this.drop -= 1;
      return;
    }
    writePacketHeader(this.#packet, this.#view, { feed: this.#feed, count, run: this.#run, first });
    const packet = Buffer.from(this.#packet.subarray(0, PACKET_HEADER_BYTES + count * FEED_MESSAGE_BYTES));
    for (const { address, port } of this.#subscribers.values()) this.#socket.send(packet, port, address);
  }

  #joined(message: Buffer, { address, port }: RemoteInfo): void {
    if (!message.equals(JOIN)) return;
    const name = `${address}:${port}`;
    const known = this.#subscribers.get(name);
    if (known !== undefined) {
      known.joinedAtMs = monoNowMs();
      return;
    }
    if (this.#subscribers.size >= MOST_SUBSCRIBERS) return;
    this.flush();
    this.#subscribers.set(name, { address, port, joinedAtMs: monoNowMs() });
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#send(this.#history.next, 0);
  }

  #beat(): void {
    const now = monoNowMs();
    for (const [name, { joinedAtMs }] of this.#subscribers)
      if (now - joinedAtMs > JOIN_LASTS_MS) this.#subscribers.delete(name);
    if (this.#subscribers.size === 0) {
      clearInterval(this.#heartbeat!);
      this.#heartbeat = null;
    } else if (now - this.#saidAtMs >= HEARTBEAT_MS / 2) this.#send(this.#history.next, 0);
  }
}
