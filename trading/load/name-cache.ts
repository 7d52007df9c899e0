import { Resolver } from 'node:dns/promises';

/** What one name server said of a name, and for how long that may be kept. */
export interface NameAnswer {
  readonly addresses: readonly string[];
  readonly ttlMs: number;
}

/** Asks one server, by its deadline; null where it did not answer or knows no address. */
export type AskName = (server: string, name: string) => Promise<NameAnswer | null>;

export interface NameCacheOptions {
  readonly name: string;
  /** `HOST:PORT` of each server; all of them are asked. */
  readonly servers: readonly string[];
  readonly ask: AskName;
  readonly nowMs: () => number;
}

/** Of a server that did not answer, or knows no address. */
const askAgainAfterMs = 100;

/**
 * Addresses of one name as a client keeps them: every server is asked, and what one said is used until it is too old; what nobody says
 * any more, until somebody says something else.
 */
export class NameCache {
  readonly #options: NameCacheOptions;
  readonly #known = new Map<string, { readonly addresses: readonly string[]; readonly untilMs: number }>();
  readonly #asking = new Map<string, Promise<void>>();
  #addresses: readonly string[] = [];
  #changedAtMs: number | null = null;

  constructor(options: NameCacheOptions) {
    this.#options = options;
  }

  /** When the addresses in use changed last. */
  get changedAtMs(): number | null {
    return this.#changedAtMs;
  }

  /** What is in use now; what is too old is asked for meanwhile. */
  addresses(): readonly string[] {
    void this.refresh();
    return this.#addresses;
  }

  /** Resolves when every server whose answer is too old has answered or has not. */
  async refresh(): Promise<void> {
    const { servers, nowMs } = this.#options;
    const now = nowMs();
    await Promise.all(
      servers.map((server) => ((this.#known.get(server)?.untilMs ?? now) > now ? undefined : this.#askOnce(server))),
    );
  }

  /** Asks until somebody has said an address; resolves by the deadline also where nobody has. */
  async known(deadlineMs: number): Promise<void> {
    const until = this.#options.nowMs() + deadlineMs;
    for (;;) {
      await this.refresh();
      if (this.#addresses.length > 0 || this.#options.nowMs() >= until) return;
      await new Promise((resolve) => setTimeout(resolve, askAgainAfterMs));
    }
  }

  #askOnce(server: string): Promise<void> {
    const asked = this.#asking.get(server) ?? this.#ask(server).finally(() => this.#asking.delete(server));
    this.#asking.set(server, asked);
    return asked;
  }

  async #ask(server: string): Promise<void> {
    const { ask, name, nowMs } = this.#options;
    const answer = await ask(server, name);
    const { addresses, ttlMs } = answer ?? { addresses: [], ttlMs: askAgainAfterMs };
    this.#known.set(server, { addresses, untilMs: nowMs() + ttlMs });
    const next = [...new Set([...this.#known.values()].flatMap((known) => known.addresses))].toSorted();
    if (next.length === 0 || next.join() === this.#addresses.join()) return;
    this.#addresses = next;
    this.#changedAtMs = nowMs();
  }
}

const askWithinMs = 500;

/** Over the network. Nothing is kept here. */
export const askNameServer: AskName = async (server, name) => {
  const resolver = new Resolver({ timeout: askWithinMs, tries: 1 });
  resolver.setServers([server]);
  try {
    const records = await resolver.resolve4(name, { ttl: true });
    const ttls = records.map(({ ttl }) => ttl);
    return { addresses: records.map(({ address }) => address), ttlMs: Math.min(...ttls) * 1000 };
  } catch {
    return null;
  } finally {
    resolver.cancel();
  }
};
