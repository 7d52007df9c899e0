import assert from 'node:assert/strict';
import { compareWithEngine, compareWithVenue, type EngineSnapshot } from '../../trading/load/compare-orders.ts';
import { LedgerReader } from '../../trading/load/ledger-reader.ts';
import { OrderLedgerView } from '../../trading/load/ledger-view.ts';
import { readEngine } from '../../trading/load/verify-sources.ts';
import type { AwakeClock } from './awake-clock.ts';
import type { EngineFirm } from './engine-firm.ts';
import { FIRM } from './engine-firm.ts';
import { ExchangeBook, type ExchangeCounters } from './exchange-book.ts';
import type { LoadProcess } from './load-process.ts';

const READ_WITHIN_MS = 12_000;

export type RequestKind = 'order' | 'cancel' | 'replace';

export interface RequestCounts {
  sent: number;
  acknowledged: number;
  rejected: number;
  unanswered: number;
}

/** Compares, while nothing is sent, what clients were told with the primary, the exchange, and all three engines with each other. */
export class BooksCheck {
  readonly #firm: EngineFirm;
  readonly #reader: LedgerReader;
  readonly #ledger = new OrderLedgerView();
  readonly #book = new ExchangeBook();
  readonly #clock: AwakeClock;
  #staleLogonsRefused = 0;
  /** What came again and was known; of lives of the exchange that are over, and of the present one. */
  #duplicates = { before: 0, now: 0 };
  compared = 0;
  counters: ExchangeCounters | null = null;

  constructor(firm: EngineFirm, load: LoadProcess, clock: AwakeClock) {
    this.#firm = firm;
    this.#clock = clock;
    this.#reader = new LedgerReader(load.ledger);
  }

  /** Throws on the first thing that must not be. */
  async run(): Promise<void> {
    const firm = this.#firm;
    await this.#settled();
    await this.#reader.read((record) => this.#ledger.apply(record));
    const requestIds = [...this.#ledger.orders.values()].flatMap(({ id, target }) => (target === null ? [] : [id]));
    const fronts = firm.orderPorts
      .filter(({ site }) => site === firm.primary)
      .map(({ site, ...orders }) => ({ site, orders, database: NO_DATABASE }));
    const engine = await readEngine({ fronts, requestIds, deadlineMs: READ_WITHIN_MS });
    this.counters = await this.#book.read(firm.venuePort, FIRM);
    this.#countDuplicates(this.counters.duplicates);
    this.#acknowledgedIsThere(engine);
    this.#engineEqualsExchange(engine);
    await this.#enginesAgree();
    assert.deepEqual(this.#book.wrong, []);
    assert.equal(this.counters.staleWritesAccepted, 0, 'the exchange accepted something of an older epoch');
    assert.equal(this.counters.orders, this.#book.view.accepted.size);
    this.#staleLogonsRefused = this.counters.staleLogonsRefused;
    this.compared = engine.orders.length;
  }

  /** Orders and requests that came to the exchange again, which it knew. */
  get duplicates(): number {
    return this.#duplicates.before + this.#duplicates.now;
  }

  get staleLogonsRefused(): number {
    return this.#staleLogonsRefused;
  }

  /** How often each kind of report came from the exchange. */
  get reports(): ReadonlyMap<string, number> {
    return this.#book.counts;
  }

  /** What clients were told, by what they asked for. */
  get requests(): Readonly<Record<RequestKind, RequestCounts>> {
    const counts = (): RequestCounts => ({ sent: 0, acknowledged: 0, rejected: 0, unanswered: 0 });
    const all = { order: counts(), cancel: counts(), replace: counts() };
    for (const { terms, change, outcome } of this.#ledger.orders.values()) {
      const of = all[terms !== null ? 'order' : change !== null ? 'replace' : 'cancel'];
      of.sent += 1;
      of[outcome === 'acked' ? 'acknowledged' : outcome === 'rejected' ? 'rejected' : 'unanswered'] += 1;
    }
    return all;
  }

  /** Replaces of which clients were told that they took effect. */
  get replacedTold(): number {
    return this.#ledger.replaced.size;
  }

  /** An exchange that was started anew counts from the beginning. */
  #countDuplicates(now: number): void {
    const { before, now: last } = this.#duplicates;
    this.#duplicates = { before: now < last ? before + last : before, now };
  }

  async #settled(): Promise<void> {
    const { engine, primary } = { engine: this.#firm.engine(this.#firm.primary), primary: this.#firm.primary };
    await this.#clock.until(`${primary} has released everything and the exchange has answered`, async () => {
      const { business, position } = await engine.status();
      return business.inDoubt === 0 && business.waiting === 0 && business.released === position.sequence;
    });
  }

  async #enginesAgree(): Promise<void> {
    const { alive } = this.#firm;
    const read = () => Promise.all(alive.map(async (name) => (await this.#firm.engine(name).status()).business));
    await this.#clock.until(
      'all journals are equal',
      async () => new Set((await read()).map((each) => each.chainCrc)).size === 1,
    );
    const figures = (await read()).map(({ stateHash, orders, fills, activeOrders, breaks, chainCrc }) => ({
      stateHash,
      orders,
      fills,
      activeOrders,
      breaks,
      chainCrc,
    }));
    for (const [at, each] of figures.entries()) assert.deepEqual(each, figures[0], `${alive[at]} and ${alive[0]}`);
    assert.equal(figures[0]!.breaks, 0, 'reports of the exchange that do not fit the journal');
  }

  #acknowledgedIsThere(engine: EngineSnapshot): void {
    const atEngine = compareWithEngine(this.#ledger, engine);
    const { lost, duplicated, altered } = atEngine;
    assert.deepEqual({ lost, duplicated, altered }, { lost: [], duplicated: [], altered: [] }, 'clients and engine');
    const atExchange = compareWithVenue(this.#ledger, engine, this.#book.view);
    for (const [what, found] of Object.entries(atExchange)) assert.deepEqual(found, [], `at the exchange: ${what}`);
    const neverSent = engine.orders.filter(({ id }) => !this.#ledger.orders.has(id)).map(({ id }) => id);
    assert.deepEqual(neverSent, [], 'orders that no client ever sent');
  }

  #engineEqualsExchange(engine: EngineSnapshot): void {
    let entered = 0;
    for (const { id, symbol, side, price, qty, filled, state } of engine.orders) {
      const there = this.#book.orders.get(id);
      if (there === undefined) {
        assert.ok(
          state === 'rejected' && this.#book.view.rejected.has(id),
          `${id} is ${state} and not at the exchange`,
        );
        continue;
      }
      entered += 1;
      assert.deepEqual({ id, symbol, side, price, qty, filled, state }, there);
    }
    assert.equal(entered, this.#book.orders.size, 'orders at the exchange that the engine does not know');
  }
}

const NO_DATABASE = { host: '127.0.0.1', port: 1, user: 'nobody', password: '', database: 'none' };
