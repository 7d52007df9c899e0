import { createSocket, type Socket } from 'node:dgram';
import { idText } from '../base/id-view.ts';
import type { JsonRecord } from '../base/json-record.ts';
import {
  FEED_MESSAGE_BYTES,
  FeedMessage,
  JOIN,
  PACKET_HEADER_BYTES,
  readFeedMessage,
  readPacketHeader,
} from '../venue-protocol/feed.ts';

export interface FeedTold {
  readonly sequence: number;
  readonly kind: string;
  readonly symbol: string;
  readonly side: number;
  readonly price: number;
  readonly volume: number;
  readonly phase: string;
}

/** Listens to feeds and keeps every message once, whichever feed brought it first. */
export class FeedReceiver {
  readonly #sockets: Socket[] = [];
  readonly messages = new Map<number, FeedTold>();
  /** Packets by feed, heartbeats included. */
  readonly packets = { A: 0, B: 0 };
  /** Highest sequence that is known to exist. */
  highest = 0;
  /** The next sequence when its first feed answered. */
  #joinedAt = Number.POSITIVE_INFINITY;

  join(port: number): Promise<void> {
    const socket = createSocket('udp4', (packet) => this.#receive(packet));
    this.#sockets.push(socket);
    return new Promise((resolve) => socket.send(JOIN, port, '127.0.0.1', () => resolve()));
  }

  /** Sequences that must have come since it joined and did not. */
  missing(): number[] {
    const count = Math.max(0, this.highest - this.#joinedAt + 1);
    return Array.from({ length: count }, (_, at) => this.#joinedAt + at).filter((each) => !this.messages.has(each));
  }

  /** Takes a message that was asked for again. */
  fill(record: JsonRecord): void {
    const { sequence, kind, symbol, side, price, volume, phase } = record as unknown as FeedTold;
    this.messages.set(sequence, { sequence, kind, symbol, side, price, volume, phase });
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #receive(packet: Buffer): void {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    const header = readPacketHeader(packet, view);
    if (header === null) throw new Error('no packet');
    this.packets[header.feed] += 1;
    this.#joinedAt = Math.min(this.#joinedAt, header.first);
    this.highest = Math.max(this.highest, header.first + header.count - 1);
    const message = new FeedMessage();
    for (let each = 0; each < header.count; each++) {
      readFeedMessage(packet, view, PACKET_HEADER_BYTES + each * FEED_MESSAGE_BYTES, message);
      const { kind, side, price, volume, phase } = message;
      const sequence = header.first + each;
      this.messages.set(sequence, { sequence, kind, symbol: idText(message.symbol), side, price, volume, phase });
    }
  }
}
