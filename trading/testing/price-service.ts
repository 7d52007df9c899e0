import { createServer, type Server, type Socket } from 'node:net';

/** A market data service that says what a test wants. */
export class PriceService {
  readonly sockets = new Set<Socket>();
  readonly #server: Server;
  asked = 0;

  constructor() {
    this.#server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('data', () => {
        this.asked += 1;
      });
    });
  }

  listen(): Promise<{ readonly host: string; readonly port: number }> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve({ host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0 });
      });
    });
  }

  say(...messages: object[]): void {
    const text = messages.map((message) => `${JSON.stringify(message)}\n`).join('');
    for (const socket of this.sockets) socket.write(text);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** What it says of a symbol. */
export const marketMessage = (symbol: string, bids: number[][], asks: number[][], lastPrice: number): object => ({
  t: 'market',
  symbol,
  phase: 'continuous',
  bids,
  asks,
  lastPrice,
});
