import type { Socket } from 'node:net';
import { type JsonRecord, parseRecord } from '../../trading/base/json-record.ts';
import { LineReader } from '../../trading/base/line-reader.ts';
import { FrameReader } from '../../trading/venue-protocol/frame-reader.ts';
import { TestRelay } from '../builders/test-relay.ts';

/** Stands between two processes, and tells the one that called something else than the other one said. */
export class AlteringRelay {
  #relay!: TestRelay;
  readonly #speaks: 'lines' | 'binary';
  /** What is passed on instead of a message in a line of JSON. */
  alter: (message: JsonRecord) => object = (message) => message;
  /** Changes a message of the exchange's binary protocol where it lies. */
  alterFrame: (frame: Buffer) => void = () => {};

  private constructor(speaks: 'lines' | 'binary') {
    this.#speaks = speaks;
  }

  static async open(port: number, speaks: 'lines' | 'binary'): Promise<AlteringRelay> {
    const altering = new AlteringRelay(speaks);
    altering.#relay = await TestRelay.open(port, (client, far) => altering.#pass(client, far));
    return altering;
  }

  get port(): number {
    return this.#relay.port;
  }

  /** Lets nothing through, and loses nothing, until called with false. */
  hold(held: boolean): void {
    for (const socket of this.#relay.sockets) held ? socket.pause() : socket.resume();
  }

  close(): Promise<void> {
    return this.#relay.close();
  }

  #pass(client: Socket, far: Socket): void {
    if (this.#speaks === 'lines') this.#passLines(far, client);
    else this.#passFrames(far, client);
    client.on('data', (chunk: Buffer) => far.write(chunk));
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
