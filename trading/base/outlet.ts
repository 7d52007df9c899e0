import type { Socket } from 'node:net';

/**
 * Text on its way to one socket, written as one piece by `flush`. A peer that does not read is cut off when it has more than
 * the limit waiting.
 */
export class Outlet {
  readonly #socket: Socket;
  readonly #limitBytes: number;
  #text = '';

  constructor(socket: Socket, limitBytes = 32 * 1024 * 1024) {
    this.#socket = socket;
    this.#limitBytes = limitBytes;
  }

  get waiting(): boolean {
    return this.#text !== '';
  }

  /** Characters that wait for `flush`. */
  get length(): number {
    return this.#text.length;
  }

  push(text: string): void {
    this.#text += text;
  }

  flush(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    if (!this.#socket.writable) return;
    if (this.#socket.writableLength > this.#limitBytes) this.#socket.destroy();
    else this.#socket.write(text);
  }
}
