import { monoNowMs } from '../base/mono-clock.ts';
import { Pulse } from '../base/pulse.ts';
import { ContractError, type Position, type Role, type Status } from '../control/contract.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import type { EpochStore } from '../control/epoch-store.ts';
import { FeedSet } from './feed-set.ts';
import { MarketFeed, type MarketFeedConfig } from './market-feed.ts';
import { recoveryActions } from './recovery-actions.ts';
import { SubscriberPort } from './subscriber-port.ts';

export interface MarketDataOptions {
  readonly instance: string;
  readonly venues: readonly MarketFeedConfig[];
  readonly epochs: EpochStore;
  readonly statusChanged: () => void;
}

/**
 * Market data as an instance of the component contract. It writes nowhere, so that it needs no lease and is never primary: every site has its
 * own, warm at all times. It is `standby` while it has books of every exchange, else `closed`. Its dry run is whether they are fresh.
 */
export class MarketDataInstance {
  readonly #options: MarketDataOptions;
  readonly #set: FeedSet;
  readonly #pulse: Pulse;
  readonly port: SubscriberPort;
  readonly handlers: ControlHandlers;
  #listening = false;
  #fenced = false;
  #said: string | null = null;

  constructor(options: MarketDataOptions) {
    this.#options = options;
    const feeds = options.venues.map(
      (venue, index) => new MarketFeed(venue, (symbol) => this.port.changed(index, symbol)),
    );
    this.#set = new FeedSet(feeds);
    this.port = new SubscriberPort({
      feeds,
      open: () => this.#listening,
      introduction: () => ({ instance: options.instance, epoch: options.epochs.highest }),
    });
    this.handlers = { ...this.#contract(), actions: this.#actions() };
    this.#pulse = new Pulse({ everyMs: () => lookEveryMs, beat: () => this.#look() });
  }

  /** Hears the feeds and answers subscribers, until `demote`. */
  listen(): void {
    this.#listening = true;
    this.#fenced = false;
    this.#set.join();
    this.#look();
  }

  close(): Promise<void> {
    this.#pulse.stop();
    this.#stop();
    return this.port.close();
  }

  #contract(): ControlHandlers {
    return {
      status: () => this.#status(),
      position: () => this.#position,
      fence: ({ epoch }) => {
        this.#fenced = this.#role === 'closed';
        return { epoch, position: this.#position, receivers: {} };
      },
      follow: () => {
        this.listen();
        return { position: this.#position };
      },
      lease: () => {
        throw new ContractError('not-ready', 'market data holds no lease');
      },
      demote: () => {
        this.#stop();
        return { position: this.#position };
      },
      drain: () => ({ position: this.#position }),
      testOrder: () => this.#dryRun(),
    };
  }

  #actions(): NonNullable<ControlHandlers['actions']> {
    return recoveryActions({
      feeds: this.#set,
      position: () => this.#position,
      listen: () => this.listen(),
      requireListening: () => {
        if (!this.#listening) throw new ContractError('not-ready', 'it was told to stop: reconnect first');
      },
    });
  }

  /** The path without an effect: everything known has come, and it is fresh. */
  async #dryRun(): Promise<{ readonly elapsedMs: number }> {
    const startedAtMs = monoNowMs();
    if (!this.#listening || !(await this.#set.until(({ ready }) => ready, dryRunDeadlineMs)))
      throw new ContractError('not-ready', this.#problem ?? 'something is missing of the books');
    return { elapsedMs: monoNowMs() - startedAtMs };
  }

  #stop(): void {
    this.#listening = false;
    this.port.shut();
    this.#set.leave();
    this.#options.statusChanged();
  }

  /** What has become otherwise is said at once. */
  #look(): void {
    const said = `${this.#role} ${this.#problem}`;
    if (said === this.#said) return;
    this.#said = said;
    this.#options.statusChanged();
  }

  get #role(): Role {
    if (this.#listening && this.#set.hasBooks) return 'standby';
    return this.#fenced ? 'fenced' : 'closed';
  }

  get #position(): Position {
    return { epoch: this.#options.epochs.highest, sequence: this.#set.sequence };
  }

  get #problem(): string | null {
    return this.#listening ? this.#set.problem : 'it was told to stop';
  }

  #status(): Status {
    const problem = this.#problem;
    const { ageMs, feedAAgeMs, feedBAgeMs, stale } = this.#set.freshness;
    return {
      role: this.#role,
      epoch: this.#options.epochs.highest,
      health: problem === null ? 'ok' : stale ? 'bad' : 'degraded',
      reason: problem,
      position: this.#position,
      releasing: false,
      leaseUntilNs: null,
      tradingEnabled: false,
      ackSet: [],
      replicas: [],
      upstream: null,
      divergence: null,
      business: {
        activeOrders: 0,
        lastOrderAgeMs: null,
        acknowledged: this.#set.sequence,
        marketDataAgeMs: ageMs,
        feedAAgeMs,
        feedBAgeMs,
        inMarketHours: this.#set.inMarketHours ? 1 : 0,
        stale,
        symbols: this.#set.symbols,
        subscribers: this.port.subscribers,
        ...Object.fromEntries(toldFigures.map((name) => [name, this.#set.figure(name)])),
      },
    };
  }
}

const toldFigures = ['known', 'filled', 'snapshots', 'skipped', 'unreadable', 'duplicates', 'firstA', 'firstB'];
const dryRunDeadlineMs = 2000;
const lookEveryMs = 500;
