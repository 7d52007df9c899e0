import type { Socket } from 'node:net';
import { TestRelay } from '../builders/test-relay.ts';

/** A session is recorded so far: what comes later is more of the same. */
const MOST_BYTES = 64 * 1024;

/** Stands before a port and keeps what callers say to it, one record for each connection. */
export class RecordingRelay {
  #relay!: TestRelay;
  readonly #sessions: Buffer[][] = [];

  private constructor() {}

  static async open(port: number): Promise<RecordingRelay> {
    const recording = new RecordingRelay();
    recording.#relay = await TestRelay.open(port, (caller, called) => recording.#pass(caller, called));
    return recording;
  }

  get port(): number {
    return this.#relay.port;
  }

  /** What each connection that said anything began with. */
  get sessions(): readonly Buffer[] {
    return this.#sessions.map((chunks) => Buffer.concat(chunks)).filter(({ length }) => length > 0);
  }

  close(): Promise<void> {
    return this.#relay.close();
  }

  #pass(caller: Socket, called: Socket): void {
    const chunks: Buffer[] = [];
    this.#sessions.push(chunks);
    let bytes = 0;
    caller.on('data', (chunk: Buffer) => {
      if (bytes < MOST_BYTES) chunks.push(chunk);
      bytes += chunk.length;
      called.write(chunk);
    });
    called.on('data', (chunk: Buffer) => caller.write(chunk));
  }
}
