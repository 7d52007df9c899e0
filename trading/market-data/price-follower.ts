import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import { monoNowMs } from '../base/mono-clock.ts';
import { Pulse } from '../base/pulse.ts';
import { type Address, LineConnection } from '../load/line-connection.ts';
import { staleAfterMs } from './freshness.ts';

/** The best prices and the last trade of a symbol, as last told. 0 lots or 0 = there is none. */
export interface Quote {
  readonly bid: number;
  readonly bidLots: number;
  readonly ask: number;
  readonly askLots: number;
  readonly lastPrice: number;
  readonly phase: string;
}

/**
 * Follows a market data service of a list: the newest quote of each symbol, and how old all of them are. Tries the next one when the present
 * one is gone or has said nothing for too long. What it knows stays known while there is none; `ageMs` says how old it is.
 */
export class PriceFollower {
  readonly #services: readonly Address[];
  readonly #quotes = new Map<string, Quote>();
  readonly #pulse: Pulse;
  #connection: LineConnection | null = null;
  #turn = 0;
  #closed = false;
  #stale = true;
  #toldAgeMs: number | null = null;
  #toldAtMs = 0;

  constructor(services: readonly Address[]) {
    this.#services = services;
    this.#pulse = new Pulse({ everyMs: () => lookEveryMs, beat: () => this.#look() });
    this.#look();
  }

  /** Those of which a quote was told. */
  get symbols(): Iterable<string> {
    return this.#quotes.keys();
  }

  quote(symbol: string): Quote | null {
    return this.#quotes.get(symbol) ?? null;
  }

  /** The last trade; the middle of the best prices, rounded down, where it never traded; null where there is neither. */
  mark(symbol: string): number | null {
    const quote = this.#quotes.get(symbol);
    if (quote === undefined) return null;
    if (quote.lastPrice > 0) return quote.lastPrice;
    return quote.bidLots > 0 && quote.askLots > 0 ? Math.floor((quote.bid + quote.ask) / 2) : null;
  }

  /** Every symbol's mark, where it has one. */
  marks(): Readonly<Record<string, number>> {
    const marks: Record<string, number> = {};
    for (const symbol of this.#quotes.keys()) {
      const mark = this.mark(symbol);
      if (mark !== null) marks[symbol] = mark;
    }
    return marks;
  }

  /** Age of what is known: what the service said, and how long ago it said so; null = nothing was ever told. */
  get ageMs(): number | null {
    return this.#toldAgeMs === null ? null : Math.round(this.#toldAgeMs + monoNowMs() - this.#toldAtMs);
  }

  /** Not to be relied on: the service said so, or has not said anything for longer than data may be old. */
  get stale(): boolean {
    return this.#stale || monoNowMs() - this.#toldAtMs > staleAfterMs;
  }

  close(): void {
    this.#closed = true;
    this.#pulse.stop();
    this.#connection?.close();
  }

  #look(): void {
    const connection = this.#connection;
    if (this.#closed || this.#services.length === 0) return;
    if (connection !== null && monoNowMs() - connection.lastHeardAt > silentAfterMs) connection.close();
    if (this.#connection === null) this.#connect();
  }

  #connect(): void {
    const address = this.#services[this.#turn++ % this.#services.length]!;
    const connection = new LineConnection(address, {
      connected: () => connection.send({ t: 'subscribe' }),
      message: (message) => {
        if (connection === this.#connection) this.#received(message);
      },
      closed: () => {
        if (connection === this.#connection) this.#connection = null;
      },
    });
    this.#connection = connection;
  }

  #received(message: JsonRecord): void {
    switch (message['t']) {
      case 'market':
        this.#took(message);
        return;
      case 'fresh':
        this.#toldAtMs = monoNowMs();
        this.#toldAgeMs = countField(message, 'ageMs');
        this.#stale = message['stale'] !== false;
        return;
      case 'subscribe-ok':
        return;
      default:
        this.#connection?.close();
    }
  }

  #took(message: JsonRecord): void {
    const symbol = textField(message, 'symbol');
    if (symbol === null) return;
    const [bid, bidLots] = bestOf(message['bids']);
    const [ask, askLots] = bestOf(message['asks']);
    const lastPrice = countField(message, 'lastPrice') ?? 0;
    this.#quotes.set(symbol, { bid, bidLots, ask, askLots, lastPrice, phase: textField(message, 'phase') ?? '' });
  }
}

const bestOf = (levels: unknown): readonly [price: number, lots: number] => {
  const best: unknown = Array.isArray(levels) ? levels[0] : undefined;
  if (!Array.isArray(best)) return [0, 0];
  const [price, lots] = best as unknown[];
  return Number.isSafeInteger(price) && Number.isSafeInteger(lots) ? [price as number, lots as number] : [0, 0];
};

const lookEveryMs = 500;
/** A service says once a second how fresh it is. */
const silentAfterMs = 2500;
