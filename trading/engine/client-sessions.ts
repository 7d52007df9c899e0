import { BinarySession } from './binary-session.ts';
import { ClientSession } from './orders-port.ts';
import type { ByteSink, ReleaseSink } from './release-queue.ts';

/** The newest session of each client: what happens to its orders is told to that one, whichever it is when it is released. */
export class ClientSessions {
  readonly #newest = new Map<string, ClientSession | BinarySession>();
  readonly #textSinks = new Map<string, ReleaseSink>();
  readonly #byteSinks = new Map<string, ByteSink>();

  get count(): number {
    return this.#newest.size;
  }

  loggedOn(client: string, session: ClientSession | BinarySession): void {
    this.#newest.set(client, session);
  }

  closed(session: ClientSession | BinarySession): void {
    if (session.client !== null && this.#newest.get(session.client) === session) this.#newest.delete(session.client);
  }

  speaksBinary(client: string): boolean {
    return this.#newest.get(client) instanceof BinarySession;
  }

  /** For text: dropped when the client has no text session at the time of release; then the client asks. */
  textSink(client: string): ReleaseSink {
    const known = this.#textSinks.get(client);
    if (known !== undefined) return known;
    const sink: ReleaseSink = {
      push: (text) => {
        const newest = this.#newest.get(client);
        if (newest instanceof ClientSession) newest.push(text);
      },
      flush: () => this.#newest.get(client)?.flush(),
    };
    this.#textSinks.set(client, sink);
    return sink;
  }

  /** The same for messages of the binary protocol. */
  byteSink(client: string): ByteSink {
    const known = this.#byteSinks.get(client);
    if (known !== undefined) return known;
    const newest = (): BinarySession | null => {
      const session = this.#newest.get(client);
      return session instanceof BinarySession ? session : null;
    };
    const sink: ByteSink = {
      get receiver() {
        return newest();
      },
      stage: (bytes, start, length, words) => newest()?.stage(bytes, start, length, words),
      unstage: () => newest()?.unstage(),
      flush: () => newest()?.flush(),
    };
    this.#byteSinks.set(client, sink);
    return sink;
  }
}
