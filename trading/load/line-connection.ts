import { connect, type Socket } from 'node:net';
import { type JsonRecord, parseRecord } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';
import { monoMs } from './clock.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface LineConnectionSink {
  connected?(): void;
  message(message: JsonRecord): void;
  /** Exactly once, whatever the reason: refused, reset, ended, unreadable, or closed by this side. */
  closed(reason: string): void;
}

/**
 * NDJSON over TCP. A message that is not a JSON object, or a line that is too long, closes the connection. TCP itself tells
 * nothing about a peer that has frozen or is cut off: whoever uses this watches `lastHeardAt`.
 */
export class LineConnection {
  readonly #socket: Socket;
  readonly #sink: LineConnectionSink;
  readonly #lines: LineReader;
  #closed = false;
  /** Monotonic milliseconds of the last bytes received; of creation before any. */
  lastHeardAt = monoMs();

  constructor(address: Address, sink: LineConnectionSink) {
    this.#sink = sink;
    this.#lines = new LineReader({
      maxLineLength,
      onLine: (line) => this.#receive(line),
      onOverflow: () => this.close('a line is too long'),
    });
    this.#socket = connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true });
    this.#socket.setEncoding('utf8');
    this.#socket.on('connect', () => this.#sink.connected?.());
    this.#socket.on('data', (text: string) => {
      this.lastHeardAt = monoMs();
      this.#lines.push(text);
    });
    this.#socket.on('error', (error) => this.close(error.message));
    this.#socket.on('end', () => this.close('ended by the peer'));
    this.#socket.on('close', () => this.close('closed'));
  }

  /** Bytes that the kernel has not taken yet. */
  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  send(message: object): void {
    this.sendText(`${JSON.stringify(message)}\n`);
  }

  /** Several whole lines at once. */
  sendText(lines: string): void {
    if (!this.#closed) this.#socket.write(lines);
  }

  /** Reads nothing until `resume`; the kernel's windows then hold the sender back. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(reason = 'closed by this side'): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#lines.end();
    this.#socket.destroy();
    this.#sink.closed(reason);
  }

  #receive(line: string): void {
    const message = parseRecord(line);
    if (message === null) this.close('an unreadable message');
    else this.#sink.message(message);
  }
}

/** An answer to a query holds up to 1000 orders in one line. */
const maxLineLength = 4 * 1024 * 1024;
