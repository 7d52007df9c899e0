import { connect } from 'node:net';

/** What makes messages of bytes. Where it throws, the conversation ends. */
export type Decode<Message> = (bytes: Buffer) => readonly Message[];

/** Questions and answers over one connection. It ends with the first answer that is late: nothing later would be believed. */
export class Conversation<Message> {
  readonly #socket;
  readonly #waiting: { readonly fits: (message: Message) => boolean; readonly answer: (message: Message) => void }[] =
    [];
  readonly #closed = Promise.withResolvers<undefined>();

  constructor({ host, port }: { readonly host: string; readonly port: number }, decode: Decode<Message>) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('data', (bytes: Buffer) => {
      try {
        for (const message of decode(bytes)) this.#take(message);
      } catch {
        this.close();
      }
    });
    this.#socket.on('error', () => this.close());
    this.#socket.on('close', () => this.#closed.resolve(undefined));
  }

  /** The first message from now on that fits; undefined when there is none in time. */
  async ask(
    bytes: Buffer | string,
    withinMs: number,
    fits: (message: Message) => boolean,
  ): Promise<Message | undefined> {
    const { promise, resolve } = Promise.withResolvers<Message>();
    const timer = setTimeout(() => this.close(), withinMs);
    this.#waiting.push({ fits, answer: resolve });
    this.#socket.write(bytes);
    try {
      return await Promise.race([promise, this.#closed.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(message: Message): void {
    const index = this.#waiting.findIndex(({ fits }) => fits(message));
    if (index >= 0) this.#waiting.splice(index, 1)[0]!.answer(message);
  }
}
