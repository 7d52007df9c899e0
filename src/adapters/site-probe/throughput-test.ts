import { connect, type Socket } from 'node:net';
import { type RoundTrips, roundTripsOf, type Sample } from '../../core/network/round-trips.ts';
import { testLimits } from '../../core/network/throughput.ts';
import { systemClock } from '../system/system-clock.ts';
import { pings } from './throughput-sink.ts';

export interface Throughput {
  readonly trips: RoundTrips | null;
  readonly tookMs: number | null;
  readonly problem: string | null;
}

const chunkBytes = 64 * 1024;

/** Measures once, against a `ThroughputSink`; ends by the limit of a test whatever happens, and never rejects. What did not come is unknown. */
export function measureThroughput(
  peer: { readonly host: string; readonly port: number },
  bytes: number,
): Promise<Throughput> {
  const { promise, resolve } = Promise.withResolvers<Throughput>();
  const socket = connect({ ...peer, noDelay: true, allowHalfOpen: true });
  const samples: Sample[] = [];
  let phase: 'connecting' | 'pinging' | 'sending' = 'connecting';
  let sentAt = 0;
  let answers = 0;
  let awaited: number = pings.bytes;
  let word = Buffer.alloc(0);
  const finish = (tookMs: number | null, problem: string | null) => {
    endTime();
    socket.destroy();
    resolve({ trips: samples.length === 0 ? null : roundTripsOf(samples), tookMs, problem });
  };
  const endTime = systemClock.after(testLimits.withinMs, () =>
    finish(null, `not over after ${testLimits.withinMs} ms, while ${phase}`),
  );
  const ping = () => {
    sentAt = systemClock.monoMs();
    awaited = pings.bytes;
    socket.write(Buffer.alloc(pings.bytes));
  };
  socket.once('connect', () => {
    phase = 'pinging';
    ping();
  });
  socket.on('data', (chunk: Buffer) => {
    if (phase === 'sending') {
      word = Buffer.concat([word, chunk]).subarray(0, 8);
      if (word.length < 8) return;
      const counted = Number(word.readBigUInt64BE());
      const whole = counted === bytes;
      return finish(
        whole ? systemClock.monoMs() - sentAt : null,
        whole ? null : `${counted} of ${bytes} bytes arrived`,
      );
    }
    awaited -= chunk.length;
    if (awaited > 0) return;
    // The first one also pays for the opening of the connection behind a relay.
    if (answers > 0) samples.push({ sentAt, rttMs: systemClock.monoMs() - sentAt });
    answers += 1;
    if (answers < pings.count) return ping();
    phase = 'sending';
    sentAt = systemClock.monoMs();
    send(socket, bytes);
  });
  socket.once('error', (cause) => finish(null, `while ${phase}: ${cause.message}`));
  const left = () => finish(null, `the other end closed while ${phase}: it may be measuring already`);
  socket.once('end', left);
  socket.once('close', left);
  return promise;
}

/** As fast as the path takes it, and no more in memory than one piece. */
function send(socket: Socket, bytes: number): void {
  const piece = Buffer.alloc(Math.min(chunkBytes, bytes));
  let left = bytes;
  const more = () => {
    while (left > 0 && !socket.destroyed) {
      const next = left < piece.length ? piece.subarray(0, left) : piece;
      left -= next.length;
      if (!socket.write(next) && left > 0) return void socket.once('drain', more);
    }
    if (left === 0) socket.end();
  };
  more();
}
