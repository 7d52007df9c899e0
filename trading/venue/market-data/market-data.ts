import type { ListenAddress } from '../../base/config-file.ts';
import { clearId, pointAt } from '../../base/id-view.ts';
import { FeedMessage } from '../../venue-protocol/feed.ts';
import { HIGHEST_PRICE, type Phase, type Side } from '../core/terms.ts';
import type { OrderPort } from '../order-port.ts';
import { FeedHistory } from './feed-history.ts';
import { FeedPublisher } from './feed-publisher.ts';
import { RecoveryServer } from './recovery-server.ts';

/** Messages that a gap can be filled from; what is older needs a snapshot. */
const HISTORY = 65_536;
const AN_AUCTION = 255;

export interface MarketDataConfig {
  readonly a: ListenAddress;
  readonly b: ListenAddress;
  readonly recovery: ListenAddress;
}

/**
 * What everybody may see: price levels, trades and phases, numbered in one sequence, over two feeds that carry the same, with gaps filled
 * and snapshots given on request. Nothing is published before the commands that brought it about are kept.
 */
export class MarketData {
  readonly #port: OrderPort;
  readonly #history = new FeedHistory(HISTORY);
  readonly feeds: Readonly<Record<'A' | 'B', FeedPublisher>>;
  readonly #recovery: RecoveryServer;
  readonly #message = new FeedMessage();

  constructor(port: OrderPort) {
    this.#port = port;
    const run = Math.floor(performance.timeOrigin + performance.now());
    const shared = { run, history: this.#history };
    this.feeds = { A: new FeedPublisher({ feed: 'A', ...shared }), B: new FeedPublisher({ feed: 'B', ...shared }) };
    this.#recovery = new RecoveryServer({ exchange: port.venue.exchange, ...shared });
    port.listen({
      report: () => {},
      level: (symbol, side, price, volume, orders) => this.#level(symbol, side, price, volume, orders),
      trade: ({ symbol, price, lots, trade, taker }) => {
        const message = this.#about('trade', symbol);
        message.side = taker === -1 ? AN_AUCTION : taker;
        message.price = price;
        message.volume = lots;
        message.trade = trade;
        this.#history.add(message);
      },
      phase: (symbol, phase) => this.#phase(symbol, phase),
    });
    port.atTurnEnd(() => {
      this.feeds.A.flush();
      this.feeds.B.flush();
    });
  }

  async listen(config: MarketDataConfig): Promise<Readonly<Record<string, number>>> {
    return {
      feedA: await this.feeds.A.listen(config.a),
      feedB: await this.feeds.B.listen(config.b),
      recovery: await this.#recovery.listen(config.recovery),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.feeds.A.close(), this.feeds.B.close(), this.#recovery.close()]);
  }

  #level(symbol: number, side: Side, price: number, volume: number, orders: number): void {
    const message = this.#about('level', symbol);
    message.side = side;
    message.price = price === HIGHEST_PRICE ? 0 : price;
    message.volume = volume;
    message.orders = orders;
    this.#history.add(message);
    this.#port.soon();
  }

  #phase(symbol: number, phase: Phase): void {
    const message = this.#about('phase', symbol);
    message.phase = phase;
    this.#history.add(message);
    this.#port.soon();
  }

  /** Symbol -1 = the market. */
  #about(kind: FeedMessage['kind'], symbol: number): FeedMessage {
    const { venue } = this.#port;
    const message = this.#message;
    message.kind = kind;
    message.side = 0;
    message.phase = venue.exchange.phaseOf(symbol);
    message.orders = 0;
    if (symbol < 0) clearId(message.symbol);
    else pointAt(message.symbol, venue.symbolName(symbol));
    message.price = 0;
    message.volume = 0;
    message.trade = 0;
    message.atMs = venue.nowMs();
    return message;
  }
}
