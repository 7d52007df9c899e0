import { connect, type Socket } from 'node:net';
import { waitUntil } from '../../trading/testing/wait-until.ts';

/**
 * A session at the exchange that goes on writing whatever it is told, also when the other side has ended the connection: as one whose
 * process was frozen does.
 */
export class StaleSession {
  readonly #socket: Socket;
  #heard = 0;
  ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#heard += chunk.length;
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', () => socket.destroy());
  }

  static open(port: number): Promise<StaleSession> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
      const session = new StaleSession(socket);
      socket.once('connect', () => resolve(session));
      socket.once('error', reject);
    });
  }

  /** Resolves when something came back. */
  async ask(bytes: Buffer | string): Promise<void> {
    const before = this.#heard;
    this.write(bytes);
    await waitUntil('it is answered', () => this.#heard > before);
  }

  write(bytes: Buffer | string): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }
}
