import { createServer, type Server, type Socket } from 'node:net';
import { countField, parseRecord, textField } from '../trading/base/json-record.ts';

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

const serve = (socket: Socket): void => {
  let text = '';
  let ready = false;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    if (ready) return;
    text += chunk.toString('utf8');
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      const message = parseRecord(text.slice(0, end)) ?? {};
      text = text.slice(end + 1);
      const firm = textField(message, 'firm');
      const epoch = countField(message, 'epoch');
      if (message['t'] === 'logon') socket.write(`${JSON.stringify({ t: 'logon-ok', firm, epoch, last: 0 })}\n`);
      if (message['t'] === 'fence') socket.write(`${JSON.stringify({ t: 'fence-ok', firm, epoch })}\n`);
      if (message['t'] === 'drop-copy') {
        socket.write(`${JSON.stringify({ t: 'drop-copy-end', last: 0 })}\n`);
        ready = true;
      }
    }
  });
};
