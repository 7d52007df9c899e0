import { createServer, type Server, type Socket } from 'node:net';
import { emptyIdView, IdScratch, idText } from '../../base/id-view.ts';
import {
  encodeDuplicate,
  encodeLogonAccepted,
  encodeReplayEnd,
  encodeReport,
  ReportMessage,
} from '../../venue-protocol/answers.ts';
import { FrameReader } from '../../venue-protocol/frame-reader.ts';
import { LOGON, NEW, POSITIONS_REQUEST, SESSIONS_REQUEST } from '../../venue-protocol/layout.ts';
import { decodeLogon, LogonMessage, requestId } from '../../venue-protocol/requests.ts';
import { encodePositionsEnd, encodeSessions } from '../../venue-protocol/statements.ts';
import { WireBuffer } from '../../venue-protocol/wire-buffer.ts';

/** An exchange that takes every session and every order and fills none, for rehearsals only: it forgets all when it ends. */
export class RehearsalVenue {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Ids of the orders that it took; the report of each has the number of its place, from 1. */
  readonly #orders: string[] = [];

  constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  listen(host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, host, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    const out = new WireBuffer();
    const frames = new FrameReader({
      onFrame: (type, bytes, view, at) => this.#answer(out, { type, bytes, view, at }),
      onBroken: () => socket.destroy(),
      onUnknown: () => {},
    });
    this.#sockets.add(socket);
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk);
      if (out.end > 0) socket.write(Buffer.from(out.bytes.subarray(0, out.end)));
      out.clear();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #answer(
    out: WireBuffer,
    { type, bytes, view, at }: { type: number; bytes: Uint8Array; view: DataView; at: number },
  ): void {
    switch (type) {
      case LOGON.type: {
        const logon = new LogonMessage();
        if (!decodeLogon(bytes, view, at, logon)) return;
        const last = this.#orders.length;
        encodeLogonAccepted(out, { epoch: logon.epoch, last, next: logon.next, heartbeatMs: 0 });
        for (let number = logon.next; number <= last; number++) this.#report(out, number);
        encodeReplayEnd(out, last);
        return;
      }
      case NEW.type: {
        const id = emptyIdView();
        requestId(type, bytes, at, id);
        if (this.#orders.includes(idText(id))) encodeDuplicate(out, id, type);
        else this.#report(out, this.#orders.push(idText(id)));
        return;
      }
      case SESSIONS_REQUEST.type:
        encodeSessions(out, { others: 0, ending: 0, epoch: 0 });
        return;
      case POSITIONS_REQUEST.type:
        encodePositionsEnd(out, this.#orders.length, 0);
    }
  }

  #report(out: WireBuffer, number: number): void {
    const report = Object.assign(new ReportMessage(), {
      n: number,
      id: new IdScratch().hold(this.#orders[number - 1]!),
    });
    encodeReport(out, report, emptyIdView());
  }
}
