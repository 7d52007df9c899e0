import { monoNowMs, monoNowNs } from '../base/mono-clock.ts';
import {
  ContractError,
  type LeaseParams,
  type Position,
  type PromoteParams,
  type PromoteResult,
  type Role,
  type Status,
} from '../control/contract.ts';
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
 * Market data as an instance of the component contract. Closed it hears nothing; a standby follows the exchanges' feeds, not the primary,
 * so that a promotion finds its books whole; only the primary publishes, and only while its lease runs.
 */
export class MarketDataInstance {
  readonly #options: MarketDataOptions;
  readonly #set: FeedSet;
  readonly port: SubscriberPort;
  readonly handlers: ControlHandlers;
  #role: Role = 'closed';
  #reason: string | null = 'started closed';
  #reignEpoch = 0;
  #leaseUntilNs: bigint | null = null;
  #leaseTimer: NodeJS.Timeout | null = null;
  #ackSet: readonly string[] = [];
  #tradingEnabled = false;
  #promotion: { readonly epoch: number; readonly done: Promise<PromoteResult> } | null = null;
  #watch: NodeJS.Timeout | null = null;
  #saidProblem: string | null = null;

  constructor(options: MarketDataOptions) {
    this.#options = options;
    const feeds = options.venues.map(
      (venue, index) => new MarketFeed(venue, (symbol) => this.port.changed(index, symbol)),
    );
    this.#set = new FeedSet(feeds);
    this.port = new SubscriberPort({
      feeds,
      mayPublish: () => this.#role === 'primary' && this.#leaseValid(),
      introduction: () => ({ instance: options.instance, epoch: this.#reignEpoch }),
    });
    const actions = recoveryActions({
      feeds: this.#set,
      position: () => this.#position(),
      requireListening: () => {
        if (this.#role !== 'primary' && this.#role !== 'standby')
          throw new ContractError('not-ready', `this instance is ${this.#role}`);
      },
    });
    this.handlers = { ...this.#contract(), actions };
  }

  get holds(): boolean {
    return this.#role === 'primary';
  }

  close(): Promise<void> {
    this.#stop('closed', 'ended');
    return this.port.close();
  }

  #contract(): ControlHandlers {
    return {
      status: () => this.#status(),
      position: () => this.#position(),
      epochRaised: () => {
        if (this.#role === 'primary' || this.#promotion !== null) this.#stop('fenced', 'a newer epoch was raised');
      },
      fence: ({ epoch }) => {
        if (this.#role === 'closed') this.#role = 'fenced';
        return { epoch, position: this.#position(), receivers: {} };
      },
      follow: () => this.#becomeStandby(),
      promote: (params) => this.#promote(params),
      lease: (params) => this.#lease(params),
      demote: () => {
        this.#stop('closed', 'demoted');
        return { position: this.#position() };
      },
      drain: () => ({ position: this.#position() }),
      setAckSet: ({ ackSet }) => {
        this.#ackSet = ackSet;
        return {};
      },
      setTrading: ({ enabled }) => {
        this.#tradingEnabled = enabled;
        return {};
      },
      testOrder: () => this.#dryRun(),
    };
  }

  #leaseValid(): boolean {
    return this.#leaseUntilNs !== null && monoNowNs() < this.#leaseUntilNs;
  }

  #becomeStandby(): { readonly position: Position } {
    if (this.#role === 'primary') throw new ContractError('not-ready', 'it is primary: demote or fence it first');
    this.#role = 'standby';
    this.#reason = null;
    this.#listen();
    this.#options.statusChanged();
    return { position: this.#position() };
  }

  /** Whoever follows or serves hears the feeds, and says at once when they become stale. */
  #listen(): void {
    this.#set.join();
    this.#watch ??= setInterval(() => {
      const problem = this.#problem();
      if (problem !== this.#saidProblem) this.#options.statusChanged();
    }, watchEveryMs);
  }

  #lease(params: LeaseParams): object {
    if (this.#role !== 'primary' && this.#promotion === null)
      throw new ContractError('not-ready', `this instance is ${this.#role}`);
    this.#holdUntil(params.leaseUntilNs);
    return {};
  }

  #holdUntil(leaseUntilNs: bigint): void {
    this.#leaseUntilNs = leaseUntilNs;
    if (this.#leaseTimer !== null) clearTimeout(this.#leaseTimer);
    const remainingMs = Math.max(0, Number(leaseUntilNs - monoNowNs()) / 1e6) + 1;
    this.#leaseTimer = setTimeout(() => this.#options.statusChanged(), Math.min(remainingMs, maxTimerMs));
  }

  #promote(params: PromoteParams): Promise<PromoteResult> | PromoteResult {
    if (params.leaseUntilNs <= monoNowNs()) throw new ContractError('no-lease', 'the lease given has run out already');
    this.#holdUntil(params.leaseUntilNs);
    this.#ackSet = params.ackSet;
    this.#tradingEnabled = params.tradingEnabled;
    if (this.#role === 'primary') return { position: this.#position(), recovered: {} };
    if (this.#promotion?.epoch !== params.epoch) {
      const done = this.#open(params.epoch).finally(() => {
        this.#promotion = null;
      });
      this.#promotion = { epoch: params.epoch, done };
    }
    return this.#promotion.done;
  }

  /** A standby's books are whole and this is over at once; a cold one waits for its first snapshot, but not for ever. */
  async #open(epoch: number): Promise<PromoteResult> {
    const startedAtMs = monoNowMs();
    this.#reignEpoch = epoch;
    this.#listen();
    const whole = await this.#set.until((feed) => this.#reignEpoch !== epoch || feed.ready, coldStartDeadlineMs);
    if (this.#reignEpoch !== epoch) throw new ContractError('not-ready', 'overtaken by another command');
    this.#role = 'primary';
    this.#reason = null;
    this.#options.statusChanged();
    const { ageMs } = this.#set.freshness;
    const recovered = {
      feeds: whole ? 'fresh' : 'unreachable',
      symbols: this.#set.symbols,
      ageMs: ageMs ?? -1,
      tookMs: Math.round(monoNowMs() - startedAtMs),
    };
    return { position: this.#position(), recovered };
  }

  /** The path without an effect: everything known has come and is fresh. */
  async #dryRun(): Promise<{ readonly elapsedMs: number }> {
    if (this.#role !== 'primary') throw new ContractError('not-ready', `this instance is ${this.#role}`);
    if (!this.#leaseValid()) throw new ContractError('no-lease', 'the lease has run out');
    const startedAtMs = monoNowMs();
    if (!(await this.#set.until(({ ready }) => ready, dryRunDeadlineMs)))
      throw new ContractError('not-ready', this.#problem() ?? 'the books are not whole');
    return { elapsedMs: monoNowMs() - startedAtMs };
  }

  #stop(role: Role, reason: string | null): void {
    this.#reignEpoch = 0;
    this.#role = role;
    this.#reason = reason;
    this.#leaseUntilNs = null;
    if (this.#leaseTimer !== null) clearTimeout(this.#leaseTimer);
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    this.#tradingEnabled = false;
    this.port.shut();
    this.#set.leave();
    this.#options.statusChanged();
  }

  #position(): Position {
    return { epoch: this.#options.epochs.highest, sequence: this.#set.sequence };
  }

  #problem(): string | null {
    if (this.#role !== 'primary' && this.#role !== 'standby') return null;
    if (this.#role === 'primary' && !this.#leaseValid()) return 'the lease has run out';
    return this.#set.problem;
  }

  #status(): Status {
    const problem = this.#problem();
    this.#saidProblem = problem;
    const stale = this.#role === 'primary' && this.#set.freshness.stale;
    return {
      role: this.#role,
      epoch: this.#options.epochs.highest,
      health: stale ? 'bad' : problem === null ? 'ok' : 'degraded',
      reason: problem ?? this.#reason,
      position: this.#position(),
      releasing: this.#role === 'primary' && this.#leaseValid(),
      leaseUntilNs: this.#leaseUntilNs === null ? null : String(this.#leaseUntilNs),
      tradingEnabled: this.#tradingEnabled,
      ackSet: this.#ackSet,
      replicas: [],
      upstream: null,
      divergence: null,
      business: { activeOrders: 0, lastOrderAgeMs: null, acknowledged: this.#set.sequence, ...this.#figures() },
    };
  }

  #figures(): Readonly<Record<string, unknown>> {
    const { ageMs, feedAAgeMs, feedBAgeMs, inMarketHours, stale } = this.#set.freshness;
    const names = ['known', 'filled', 'snapshots', 'skipped', 'unreadable', 'duplicates', 'firstA', 'firstB'];
    return {
      marketDataAgeMs: ageMs,
      feedAAgeMs,
      feedBAgeMs,
      inMarketHours,
      stale,
      symbols: this.#set.symbols,
      subscribers: this.port.subscribers,
      ...Object.fromEntries(names.map((name) => [name, this.#set.figure(name)])),
    };
  }
}

const coldStartDeadlineMs = 3000;
const dryRunDeadlineMs = 2000;
const watchEveryMs = 500;
const maxTimerMs = 2 ** 31 - 1;
