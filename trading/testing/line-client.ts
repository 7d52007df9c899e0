import { connect, type Socket } from 'node:net';
import { type JsonRecord, parseRecord } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';
import { waitUntil } from './wait-until.ts';

/** A client of any of the stack's line protocols that keeps everything it received. */
export class LineClient {
  readonly #socket: Socket;
  readonly received: JsonRecord[] = [];
  #onMessage: (message: JsonRecord) => void = () => {};
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const lines = new LineReader({
      maxLineLength: 8 * 1024 * 1024,
      onLine: (line) => {
        const record = parseRecord(line);
        if (record === null) return;
        this.received.push(record);
        this.#onMessage(record);
      },
      onOverflow: () => socket.destroy(),
    });
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => lines.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static open(port: number, host = '127.0.0.1'): Promise<LineClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      const client = new LineClient(socket);
      socket.once('connect', () => resolve(client));
      socket.once('error', reject);
    });
  }

  /** Of a connection that somebody else has made. */
  static over(socket: Socket): LineClient {
    return new LineClient(socket);
  }

  set onMessage(onMessage: (message: JsonRecord) => void) {
    this.#onMessage = onMessage;
  }

  send(...messages: object[]): void {
    this.#socket.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  }

  /** As it is, whether it is a line of JSON or not. */
  sendText(text: string): void {
    this.#socket.write(text);
  }

  /** The first message, old or new, that fits; rejects at the deadline. */
  async expect(fits: (message: JsonRecord) => boolean, deadlineMs = 30_000): Promise<JsonRecord> {
    await waitUntil('a message arrives', () => this.received.some(fits), deadlineMs);
    return this.received.find(fits)!;
  }

  close(): void {
    this.#socket.destroy();
  }
}
