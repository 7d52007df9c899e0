import { monoNowMs } from '../base/mono-clock.ts';
import { type Freshness, staleAfterMs } from './freshness.ts';
import type { MarketFeed } from './market-feed.ts';
import { oldestOf } from './market-view.ts';

/** All exchanges' feeds of one instance, judged together: as good as the worst of them. */
export class FeedSet {
  readonly feeds: readonly MarketFeed[];

  constructor(feeds: readonly MarketFeed[]) {
    this.feeds = feeds;
  }

  join(): void {
    for (const feed of this.feeds) feed.join();
  }

  leave(): void {
    for (const feed of this.feeds) feed.leave();
  }

  /** Of one exchange its last sequence; of several, how many messages they have made together. */
  get sequence(): number {
    return this.#sum(({ sequence }) => sequence);
  }

  get symbols(): number {
    return this.#sum(({ books }) => books.count);
  }

  get freshness(): Freshness {
    return oldestOf(this.feeds.map((feed) => feed.freshness()));
  }

  /** One of the exchanges trades, or nobody knows whether it does. */
  get inMarketHours(): boolean {
    return this.feeds.some((feed) => feed.freshness().inMarketHours);
  }

  /** Books of every exchange are there, fresh or not. */
  get hasBooks(): boolean {
    return this.feeds.every(({ snapshots }) => snapshots > 0);
  }

  figure(name: string): number {
    return this.#sum(({ figures }) => figures[name] ?? 0);
  }

  namesOf(fits: (feed: MarketFeed) => boolean): string {
    return this.feeds
      .filter(fits)
      .map(({ venue }) => venue)
      .join(', ');
  }

  /** What is not as it should be; null = nothing. */
  get problem(): string | null {
    const stale = this.feeds.filter((feed) => feed.freshness().stale);
    if (stale.length > 0) {
      const names = stale.map(({ venue }) => venue).join(', ');
      return `${names}: ${staleText(oldestOf(stale.map((feed) => feed.freshness())).ageMs)}`;
    }
    const halved = this.namesOf((feed) => {
      const { feedAAgeMs, feedBAgeMs } = feed.freshness();
      return !isRecent(feedAAgeMs) || !isRecent(feedBAgeMs);
    });
    return halved === '' ? null : `${halved}: only one feed brings packets`;
  }

  /** Resolves with true as soon as it holds, with false at the deadline. */
  async until(holds: (feed: MarketFeed) => boolean, deadlineMs: number): Promise<boolean> {
    const deadline = monoNowMs() + deadlineMs;
    while (!this.feeds.every(holds)) {
      if (monoNowMs() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
    return true;
  }

  #sum(of: (feed: MarketFeed) => number): number {
    return this.feeds.reduce((sum, feed) => sum + of(feed), 0);
  }
}

export const staleText = (ageMs: number | null): string =>
  ageMs === null ? 'there is no market data' : `market data is older than ${staleAfterMs} ms`;

const isRecent = (ageMs: number | null): boolean => ageMs !== null && ageMs <= staleAfterMs;

const lookEveryMs = 5;
