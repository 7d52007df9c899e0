import { readFileSync } from 'node:fs';
import { type EngineUnderTest, leaseIn, TradingWorld } from '../../trading/testing/trading-world.ts';
import type { AwakeClock } from './awake-clock.ts';
import type { OrdersAddress } from './load-process.ts';

export const FIRM = 'ACME';
export const NAMES = ['a', 'b', 'c'] as const;
export type Name = (typeof NAMES)[number];

const LEASE_MS = 1500;
const RENEW_EVERY_MS = 150;
/** A control call that is not answered by then is unknown, and asked again. */
const CALL_MS = 10_000;
const ASK_FOR_MS = 30_000;

export interface FirmOptions {
  /** Added to the exchange's configuration. */
  readonly venue: object;
  /** Added to that of each engine. */
  readonly engine: object;
  /** The acknowledgement set is always empty: a firm that loses orders. */
  readonly alone: boolean;
  readonly clock: AwakeClock;
}

/**
 * An exchange and three engines, each a process of its own, under somebody who does what an agent and a controller would: fences,
 * promotes, renews the lease, takes lost replicas out of the acknowledgement set and takes them in again when they are in sync.
 */
export class EngineFirm {
  readonly world: TradingWorld;
  readonly #hosts = new Map<Name, { readonly host: string; port: number }>();
  readonly #alive = new Map<Name, EngineUnderTest>();
  readonly #settings: object;
  readonly #alone: boolean;
  readonly #clock: AwakeClock;
  readonly #renewal: NodeJS.Timeout;
  primary: Name = 'a';
  epoch = 0;
  /** Writes that had not finished and were cut at a start. */
  torn = 0;
  /** Tails that a successor did not have; kept in files and cut. */
  diverged = 0;
  fromCheckpoint = 0;
  /** Calls whose answer was not known, or came to an engine too late for the lease in it. */
  asksRepeated = 0;

  private constructor(world: TradingWorld, options: FirmOptions) {
    this.world = world;
    this.#settings = options.engine;
    this.#alone = options.alone;
    this.#clock = options.clock;
    // An address of its own for each: a port that nobody listens on must not be handed to a client that is just connecting.
    const net = `127.${64 + (process.pid % 128)}.${(process.pid >> 7) % 256}`;
    for (const [at, name] of NAMES.entries()) this.#hosts.set(name, { host: `${net}.${at + 1}`, port: 0 });
    this.#renewal = setInterval(() => this.#renew(), RENEW_EVERY_MS);
  }

  static async open(options: FirmOptions): Promise<EngineFirm> {
    const firm = new EngineFirm(await TradingWorld.open({ venue: options.venue }), options);
    try {
      await Promise.all(NAMES.map((name) => firm.start(name)));
      await firm.takeOver('a');
      await firm.complete();
      return firm;
    } catch (error) {
      await firm.close();
      throw error;
    }
  }

  get orderPorts(): readonly OrdersAddress[] {
    return [...this.#hosts].map(([site, address]) => ({ site, ...address }));
  }

  get venuePort(): number {
    return this.world.venue.port('venue');
  }

  get alive(): readonly Name[] {
    return [...this.#alive.keys()];
  }

  get standbys(): readonly Name[] {
    return this.alive.filter((name) => name !== this.primary);
  }

  engine(name: Name): EngineUnderTest {
    return this.#alive.get(name)!;
  }

  /** Starts the process again, closed. */
  async start(name: Name): Promise<void> {
    const address = this.#hosts.get(name)!;
    const engine = await this.world.engine(name, { ...this.#settings, orders: { ...address } });
    address.port = engine.process.port('orders');
    this.#alive.set(name, engine);
    const { tornBytes, checkpoint } = (await engine.status()).business;
    if ((tornBytes as number) > 0) this.torn += 1;
    if ((checkpoint as number) > 0) this.fromCheckpoint += 1;
  }

  async kill(name: Name): Promise<void> {
    const engine = this.engine(name);
    this.#alive.delete(name);
    engine.control.close();
    await engine.process.kill();
  }

  /** A newer epoch at everybody who is alive and at the exchange, then this one is primary over the rest of them. */
  async takeOver(name: Name): Promise<void> {
    await this.fence();
    await this.promote(name);
  }

  async fence(): Promise<void> {
    this.epoch += 1;
    await Promise.all(this.alive.map((each) => this.#ask(each, 'fence', () => ({ epoch: this.epoch }))));
  }

  async promote(name: Name): Promise<void> {
    const others = this.alive.filter((each) => each !== name);
    this.primary = name;
    const ackSet = this.#alone ? [] : others;
    const promoted = this.#ask(name, 'promote', () => ({
      epoch: this.epoch,
      leaseUntilNs: leaseIn(LEASE_MS),
      ackSet,
      tradingEnabled: true,
    }));
    await Promise.all([promoted, ...others.map((each) => this.follow(each))]);
  }

  async follow(name: Name): Promise<void> {
    const { instance, replicationAddress: address } = this.engine(this.primary);
    await this.#ask(name, 'follow', () => ({ epoch: this.epoch, upstream: { instance, address }, mode: 'sync' }));
  }

  /** Whoever is missing is started, follows, and belongs to the acknowledgement set again once it is in sync. */
  async rejoin(): Promise<void> {
    const missing = NAMES.filter((name) => !this.#alive.has(name));
    await Promise.all(missing.map((name) => this.start(name)));
    for (const name of missing) {
      // Not unlike an agent: a process that comes back learns the present epoch before anything else.
      await this.#ask(name, 'fence', () => ({ epoch: this.epoch }));
      await this.follow(name);
    }
    await this.complete();
    for (const name of missing) if ((await this.engine(name).status()).divergence !== null) this.diverged += 1;
  }

  async setAckSet(members: readonly Name[]): Promise<void> {
    await this.#ask(this.primary, 'set-ack-set', () => ({ epoch: this.epoch, ackSet: this.#alone ? [] : members }));
  }

  /** All standbys are in sync, belong to the set, and the primary releases. */
  async complete(): Promise<void> {
    const primary = this.engine(this.primary);
    await this.#clock.until('all standbys are in sync', async () => {
      const { replicas } = await primary.status();
      return this.standbys.every((name) =>
        replicas.some(({ instance, state }) => instance === name && state === 'in-sync'),
      );
    });
    await this.setAckSet(this.standbys);
    await this.#clock.until(`${this.primary} releases`, async () => (await primary.status()).releasing);
  }

  /** Is this one taking a checkpoint now? It does so in a process of its own. */
  takesCheckpoint(name: Name): boolean {
    const { pid } = this.engine(name).process;
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim() !== '';
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#renewal);
    await this.world.close();
  }

  /**
   * Until it is done or refused, or its engine has ended. All that is asked may be asked again; a lease that ran out on its way is
   * nobody's refusal.
   */
  async #ask(name: Name, method: string, params: () => object): Promise<void> {
    const engine = this.engine(name);
    const startedAtMs = this.#clock.nowMs;
    for (;;) {
      const outcome = await engine.call(method, params(), CALL_MS);
      if (outcome.kind === 'ok') return;
      const isLate = outcome.kind === 'unknown' ? !engine.control.closed : outcome.code === 'no-lease';
      if (!isLate || this.#clock.nowMs - startedAtMs > ASK_FOR_MS)
        throw new Error(`${method} at ${name}: ${JSON.stringify(outcome)}`);
      this.asksRepeated += 1;
    }
  }

  #renew(): void {
    const primary = this.#alive.get(this.primary);
    if (primary !== undefined && this.epoch > 0)
      void primary.call('lease', { epoch: this.epoch, leaseUntilNs: leaseIn(LEASE_MS) }, CALL_MS);
  }
}
