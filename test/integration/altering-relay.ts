import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type JsonRecord, parseRecord } from '../../trading/base/json-record.ts';
import { LineReader } from '../../trading/base/line-reader.ts';
import { FrameReader } from '../../trading/venue-protocol/frame-reader.ts';

/** Stands between two processes, and tells the one that called something else than the other one said. */
export class AlteringRelay {
  readonly #server: Server;
  readonly #port: number;
  readonly #speaks: 'lines' | 'binary';
  readonly #sockets = new Set<Socket>();
  /** What is passed on instead of a message in a line of JSON. */
  alter: (message: JsonRecord) => object = (message) => message;
  /** Changes a message of the exchange's binary protocol where it lies. */
  alterFrame: (frame: Buffer) => void = () => {};

  private constructor(port: number, speaks: 'lines' | 'binary') {
    this.#port = port;
    this.#speaks = speaks;
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  static async open(port: number, speaks: 'lines' | 'binary'): Promise<AlteringRelay> {
    const relay = new AlteringRelay(port, speaks);
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
    if (this.#speaks === 'lines') this.#passLines(far, client);
    else this.#passFrames(far, client);
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

  #passLines(far: Socket, client: Socket): void {
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
  }

  #passFrames(far: Socket, client: Socket): void {
    const pass = (_type: number, bytes: Uint8Array, view: DataView, at: number): void => {
      const frame = Buffer.from(bytes.subarray(at, at + view.getUint16(at, true)));
      this.alterFrame(frame);
      client.write(frame);
    };
    const frames = new FrameReader({ onFrame: pass, onBroken: () => far.destroy(), onUnknown: () => far.destroy() });
    far.on('data', (chunk: Buffer) => frames.push(chunk));
  }
}
