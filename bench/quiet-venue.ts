import { createServer, type Server, type Socket } from 'node:net';
import { encodeFenceDone, encodeLogonAccepted, encodeReplayEnd } from '../trading/venue-protocol/answers.ts';
import { FrameReader } from '../trading/venue-protocol/frame-reader.ts';
import { FENCE, LOGON, POSITIONS_REQUEST, SESSIONS_REQUEST } from '../trading/venue-protocol/layout.ts';
import { decodeFence, decodeLogon, FenceMessage, LogonMessage } from '../trading/venue-protocol/requests.ts';
import { encodePositionsEnd, encodeSessions } from '../trading/venue-protocol/statements.ts';
import { WireBuffer } from '../trading/venue-protocol/wire-buffer.ts';

/** It empties its sockets this often: looking at each order would take the processor that it shares with the clients. */
const READ_EVERY_MS = 2;

/** An exchange that lets everybody log on and never answers an order: what is measured beside it is the engine alone. */
export class QuietVenue {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static open(): Promise<QuietVenue> {
    const server = createServer({ noDelay: true }, serve);
    const venue = new QuietVenue(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(venue));
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Reads messages until the session is settled; from then on whatever comes is orders, and dropped unread, now and then. */
const serve = (socket: Socket): void => {
  const out = new WireBuffer();
  let epoch = 0;
  let settled = false;
  const frames = new FrameReader({
    onFrame: (type, bytes, view, at) => {
      if (type === LOGON.type) {
        const logon = new LogonMessage();
        decodeLogon(bytes, view, at, logon);
        epoch = logon.epoch;
        encodeLogonAccepted(out, { epoch, last: 0, next: 1, heartbeatMs: 0 });
        encodeReplayEnd(out, 0);
      } else if (type === FENCE.type) {
        const fence = new FenceMessage();
        decodeFence(bytes, view, at, fence);
        encodeFenceDone(out, fence.epoch);
      } else if (type === SESSIONS_REQUEST.type) encodeSessions(out, { others: 0, ending: 0, epoch });
      else if (type === POSITIONS_REQUEST.type) {
        encodePositionsEnd(out, 0, 0);
        settled = true;
      }
      if (out.end > 0) socket.write(Buffer.from(out.bytes.subarray(0, out.end)));
      out.clear();
    },
    onBroken: () => socket.destroy(),
    onUnknown: () => {},
  });
  let reading: NodeJS.Timeout | null = null;
  const readNow = () => {
    socket.resume();
    setImmediate(() => socket.pause());
  };
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearInterval(reading ?? undefined));
  socket.on('data', (chunk) => {
    if (!settled) frames.push(chunk);
    if (settled) reading ??= setInterval(readNow, READ_EVERY_MS);
  });
};
