import { createServer, type Server, type Socket } from 'node:net';
import { testLimits } from '../../core/network/throughput.ts';
import { systemClock } from '../system/system-clock.ts';

/** So many bytes come back as they came; what follows is counted and forgotten. */
export const pings = { count: 21, bytes: 16 } as const;

/**
 * What the throughput of a path is measured against: returns the pings, counts the rest, and tells the count once the other side
 * has ended. One connection at a time, within the limits of a test; it gives nothing away and starts nothing (ADR 0020).
 */
export class ThroughputSink {
  readonly #server: Server;
  #busy: Socket | null = null;

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Rejects when the address cannot be had. */
  static async listen({ host, port }: { readonly host: string; readonly port: number }): Promise<ThroughputSink> {
    const sink = new ThroughputSink();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    sink.#server.once('error', reject);
    sink.#server.listen({ host, port }, resolve);
    await promise;
    return sink;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.close();
    this.#busy?.destroy();
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#busy !== null) return void socket.destroy();
    this.#busy = socket;
    const endTime = systemClock.after(testLimits.withinMs, () => socket.destroy());
    socket.once('close', () => {
      endTime();
      this.#busy = null;
    });
    let pinging = pings.count * pings.bytes;
    let counted = 0;
    socket.on('data', (chunk: Buffer) => {
      const echoed = Math.min(pinging, chunk.length);
      if (echoed > 0) socket.write(chunk.subarray(0, echoed));
      pinging -= echoed;
      counted += chunk.length - echoed;
      if (counted > testLimits.mostBytes) socket.destroy();
    });
    socket.once('end', () => {
      const word = Buffer.alloc(8);
      word.writeBigUInt64BE(BigInt(counted));
      socket.end(word);
    });
  }
}
