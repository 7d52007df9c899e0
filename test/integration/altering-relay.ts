import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type JsonRecord, parseRecord } from '../../trading/base/json-record.ts';
import { LineReader } from '../../trading/base/line-reader.ts';

/** Stands between two processes that speak in lines of JSON, and tells the one that called something else than the other one said. */
export class AlteringRelay {
  readonly #server: Server;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  /** What is passed on instead of a message. */
  alter: (message: JsonRecord) => object = (message) => message;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  static async open(port: number): Promise<AlteringRelay> {
    const relay = new AlteringRelay(port);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Lets nothing through, and loses nothing, until called with false. */
  hold(held: boolean): void {
    for (const socket of this.#sockets) held ? socket.pause() : socket.resume();
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    const far = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    const lines = new LineReader({
      maxLineLength: 8 * 1024 * 1024,
      onLine: (line) => {
        const message = parseRecord(line);
        const altered = message === null ? null : this.alter(message);
        client.write(altered === null || altered === message ? `${line}\n` : `${JSON.stringify(altered)}\n`);
      },
      onOverflow: () => far.destroy(),
    });
    far.setEncoding('utf8').on('data', (text: string) => lines.push(text));
    client.on('data', (chunk: Buffer) => far.write(chunk));
    for (const [socket, other] of [
      [client, far],
      [far, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
