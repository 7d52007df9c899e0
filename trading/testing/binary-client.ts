import { connect, type Socket } from 'node:net';
import { type BinaryAnswer, MESSAGE_BYTES, readAnswer } from '../engine/binary-protocol.ts';
import { waitUntil } from './wait-until.ts';

/** A client of the engine's binary protocol that keeps everything it was told. */
export class BinaryClient {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  readonly received: BinaryAnswer[] = [];
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static open(port: number): Promise<BinaryClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new BinaryClient(socket));
      });
    });
  }

  send(...messages: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(messages));
  }

  /** The first answer, old or new, that fits; rejects at the deadline. */
  async expect(fits: (answer: BinaryAnswer) => boolean, deadlineMs = 30_000): Promise<BinaryAnswer> {
    await waitUntil('an answer arrives', () => this.received.some(fits), deadlineMs);
    return this.received.find(fits)!;
  }

  /** Says that nothing more will come; what was sent still arrives. */
  end(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length > 0) {
      const length = MESSAGE_BYTES[bytes[0]!]!;
      if (length === 0) throw new Error(`an answer that begins with ${bytes[0]}`);
      if (bytes.length < length) break;
      this.received.push(readAnswer(bytes.subarray(0, length))!);
      bytes = bytes.subarray(length);
    }
    this.#rest = bytes;
  }
}
