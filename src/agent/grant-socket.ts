import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { PromotionPermit } from '../core/authority/promotion-permit.ts';

export interface GrantSocketOptions {
  /** Of the socket. Who may enter its folder may ask: that changes nothing, and the answer is no secret. */
  readonly path: string;
  /** Looks anew for each asker, and ends by its own deadline. */
  readonly permit: () => Promise<PromotionPermit>;
  /** Told of each answer. */
  readonly answered: (permit: PromotionPermit, tookMs: number) => void;
}

/** Patroni asks once for each promotion. */
const askersAtMost = 4;

/** Where a member's Patroni asks whether it may be promoted: it connects, gets one line, `granted: REASON` or `refused CODE: REASON`, and the end. */
export class GrantSocket {
  readonly #options: GrantSocketOptions;
  readonly #server: Server;
  readonly #askers = new Set<Socket>();

  constructor(options: GrantSocketOptions) {
    this.#options = options;
    this.#server = createServer((asker) => void this.#answer(asker));
    this.#server.maxConnections = askersAtMost;
  }

  /** Takes the place of an earlier agent's. @throws where it cannot, or something else has that name */
  async listen(): Promise<void> {
    const { path } = this.#options;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there !== undefined && !there.isSocket()) throw new Error(`${path} is there, and is no socket`);
    rmSync(path, { force: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.on('error', reject);
    this.#server.listen(path, resolve);
    await promise;
    chmodSync(path, 0o666);
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const asker of this.#askers) asker.destroy();
    await promise;
  }

  async #answer(asker: Socket): Promise<void> {
    this.#askers.add(asker);
    asker.once('close', () => this.#askers.delete(asker));
    // Whoever goes away before the answer is not promoted by it.
    asker.on('error', () => {});
    const begun = performance.now();
    const permit = await this.#options.permit();
    this.#options.answered(permit, Math.round(performance.now() - begun));
    asker.write(`${lineOf(permit)}\n`);
    asker.destroySoon();
  }
}

function lineOf(permit: PromotionPermit): string {
  const word = permit.kind === 'granted' ? 'granted' : `refused ${permit.code}`;
  return `${word}: ${permit.reason.replaceAll(/\s+/g, ' ')}`;
}
