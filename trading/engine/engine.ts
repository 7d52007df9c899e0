import { join } from 'node:path';
import { monoNowMs } from '../base/mono-clock.ts';
import { Pulse } from '../base/pulse.ts';
import {
  type AckSetParams,
  ContractError,
  type EpochParams,
  type FenceResult,
  type FollowParams,
  type LeaseParams,
  type Position,
  type PositionResult,
  type PromoteParams,
  type PromoteResult,
  type Role,
  type Status,
  type TestOrderResult,
  type TradingParams,
} from '../control/contract.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import type { EpochStore } from '../control/epoch-store.ts';
import { Journal } from '../journal/journal.ts';
import { ReplicationClient } from '../replication/replication-client.ts';
import { ReplicationServer } from '../replication/replication-server.ts';
import { newestCheckpoint } from './checkpoint.ts';
import { ConditionWaits } from './condition-waits.ts';
import type { EngineConfig } from './engine-config.ts';
import { engineStatus } from './engine-status.ts';
import { Lease } from './lease.ts';
import { OrderPath } from './order-path.ts';
import { OrdersPort } from './orders-port.ts';
import type { Permissions } from './pre-trade.ts';
import { ReplayedState } from './replayed-state.ts';
import { StandbyCheckpoints } from './standby-checkpoints.ts';
import { fenceVenue } from './venue-fence.ts';
import { VenueLink } from './venue-link.ts';

/** One period as primary, in one epoch. */
export interface Reign {
  readonly epoch: number;
  readonly path: OrderPath;
  tradingEnabled: boolean;
  draining: boolean;
  /** No new risk until told otherwise; cancels pass. */
  halted: boolean;
  /** When the acknowledgement set in force was asked for; an older request does not undo it. */
  ackSetAskedAtMs: number;
}

/** What an engine reports about itself; read by `engineStatus`. */
export interface EngineView {
  readonly role: Role;
  readonly reason: string | null;
  readonly epochs: EpochStore;
  readonly journal: Journal;
  readonly lease: Lease;
  readonly reign: Reign | null;
  readonly replication: ReplicationServer;
  readonly upstream: ReplicationClient;
  readonly divergence: Status['divergence'];
  readonly venue: VenueLink;
  readonly replayed: ReplayedState;
  readonly orders: OrdersPort;
  readonly checkpoints: StandbyCheckpoints;
}

/** A calm engine ticks this much more rarely. */
const CALM_BEATS = 5;

/**
 * A trading engine: its role, and the parts that live through all roles. It starts closed; only `promote` makes it primary;
 * anything that shows a newer epoch ends the reign before it is answered (I1, I2).
 */
export class Engine implements EngineView {
  readonly #config: EngineConfig;
  readonly #onStatusChanged: () => void;
  readonly epochs: EpochStore;
  readonly journal: Journal;
  readonly replayed: ReplayedState;
  readonly lease = new Lease();
  readonly replication: ReplicationServer;
  readonly upstream: ReplicationClient;
  readonly venue: VenueLink;
  readonly orders: OrdersPort;
  readonly checkpoints: StandbyCheckpoints;
  readonly #pulse: Pulse;
  role: Role = 'closed';
  reason: string | null = null;
  reign: Reign | null = null;
  divergence: Status['divergence'] = null;
  #wasReleasing = false;
  #silenceToldAtMs = 0;
  #silenceDue: NodeJS.Timeout | null = null;
  readonly #waits = new ConditionWaits();

  private constructor(options: {
    config: EngineConfig;
    epochs: EpochStore;
    journal: Journal;
    replayed: ReplayedState;
    checkpoints: StandbyCheckpoints;
    onStatusChanged: () => void;
  }) {
    const { config, epochs, journal, replayed } = options;
    this.checkpoints = options.checkpoints;
    this.#config = config;
    this.#onStatusChanged = options.onStatusChanged;
    this.epochs = epochs;
    this.journal = journal;
    this.replayed = replayed;
    const { instance, timing } = config;
    this.replication = new ReplicationServer({
      instance,
      journal,
      lostAfterMs: timing.replicaLostMs,
      windowEntries: 16_384,
      stateHashAt: (sequence) => replayed.state.hashes.at(sequence),
      onHeld: (sequence) => this.reign?.path.heldUpTo(sequence),
      onReplicasChanged: () => this.#changed(),
      onSuperseded: (epoch) => this.#superseded(epoch, 'a replica'),
    });
    this.upstream = new ReplicationClient({
      instance,
      journal,
      epochs,
      dialDeadlineMs: timing.dialDeadlineMs,
      silenceLimitMs: timing.upstreamGiveUpMs,
      // Every second heartbeat, and the holder still hears of it twice before it would count as lost.
      answerAfterMs: timing.heartbeatMs * 1.5,
      stateHash: () => replayed.state.hashes.newest,
      onBlock: (block) => replayed.apply(block),
      onCut: (tail) => {
        const { file, fromSequence, count, released } = tail;
        this.checkpoints.cut(fromSequence - 1);
        this.divergence = { file, fromSequence, count, released };
        void replayed.rebuild(journal);
        this.#changed();
      },
      onUpstreamChanged: () => this.#changed(),
    });
    this.venue = new VenueLink({
      address: config.venue,
      session: 'orders',
      handshakeDeadlineMs: timing.venueDeadlineMs,
      lastReport: () => replayed.state.venueSequence,
      onReport: (entry) => this.reign?.path.venueReport(entry),
      onReady: () => {
        this.reign?.path.venueReady();
        this.#changed();
      },
      onDown: () => this.#changed(),
      onSuperseded: (epoch) => this.#superseded(epoch, 'the venue'),
    });
    this.orders = new OrdersPort({
      onLine: (session, line) => this.reign?.path.receive(session, line),
      onBytes: (session) => this.reign?.path.receiveBytes(session),
      onClosed: (session) => this.reign?.path.sessionClosed(session),
    });
    this.#pulse = new Pulse({ everyMs: () => this.#tickEveryMs, beat: () => this.#tick() });
  }

  /** Recovers journal and state, and listens on the orders and replication ports; closed. */
  static async start(options: {
    config: EngineConfig;
    epochs: EpochStore;
    onStatusChanged: () => void;
    onFailure: (error: Error) => void;
    /** Something that people should know and that changes nothing. */
    onWarning: (text: string) => void;
  }): Promise<Engine> {
    const { config, epochs, onStatusChanged, onFailure, onWarning } = options;
    const places = { journal: join(config.dataDir, 'journal'), checkpoints: join(config.dataDir, 'checkpoints') };
    const checkpoint = newestCheckpoint(places.checkpoints, { onDamaged: ({ message }) => onWarning(message) });
    const replayed = new ReplayedState(checkpoint);
    const journal: Journal = await Journal.open(
      {
        directory: places.journal,
        sync: config.sync,
        onFailure,
        onDurable: () => engine?.onDurable(),
      },
      (block) => replayed.apply(block),
    );
    if (!replayed.fits(journal)) {
      onWarning(`${checkpoint?.file} is of another journal and was not used`);
      await replayed.rebuild(journal);
    }
    const checkpoints = new StandbyCheckpoints({
      ...places,
      instance: config.instance,
      everyEntries: config.checkpointEveryEntries,
      from: replayed.from,
      newestHash: () => replayed.state.hashes.newest,
      onWarning,
    });
    const engine: Engine | null = new Engine({ config, epochs, journal, replayed, checkpoints, onStatusChanged });
    await engine.orders.listen(config.orders);
    await engine.replication.listen(config.replication);
    return engine;
  }

  /** What the control server calls. */
  handlers(): ControlHandlers {
    return {
      status: () => engineStatus(this),
      position: () => this.position,
      epochRaised: (epoch, method) => this.#epochRaised(epoch, method),
      fence: (params) => this.#fence(params),
      follow: (params) => this.#follow(params),
      promote: (params) => this.#promote(params),
      lease: (params) => this.#lease(params),
      demote: (params) => this.#demote(params),
      drain: (params) => this.#drain(params),
      setAckSet: (params) => this.#setAckSet(params),
      setTrading: (params) => this.#setTrading(params),
      testOrder: (params) => this.#testOrder(params),
    };
  }

  /** It has a reign: whether it lives matters to everybody. */
  get holds(): boolean {
    return this.reign !== null;
  }

  get position(): Position {
    const { sequence, epoch } = this.journal.end;
    return { sequence, epoch };
  }

  get releasing(): boolean {
    return this.reign !== null && this.lease.valid && (this.replication.core?.complete ?? false);
  }

  onDurable(): void {
    if (this.reign !== null) this.replication.step({ kind: 'local-durable' });
    else {
      this.upstream.step({ kind: 'durable' });
      if (this.role === 'standby') this.checkpoints.consider(this.journal.durable);
    }
  }

  async close(): Promise<void> {
    this.#pulse.stop();
    if (this.#silenceDue !== null) clearTimeout(this.#silenceDue);
    this.#endReign('closed', null);
    this.upstream.step({ kind: 'stop' });
    await Promise.all([this.orders.close(), this.replication.close()]);
    this.journal.close();
  }

  /** Called before the epoch is stored: what belongs to an older one stops here. */
  #epochRaised(epoch: number, method: string): void {
    if (this.reign !== null)
      this.#endReign('fenced', `${method} with epoch ${epoch} ended the reign of epoch ${this.reign.epoch}`);
    setImmediate(() => this.upstream.step({ kind: 'epoch-raised', nowMs: monoNowMs() }));
  }

  #superseded(epoch: number, by: string): void {
    if (this.reign === null || epoch <= this.reign.epoch) return;
    this.#endReign('fenced', `${by} knows epoch ${epoch}`);
    this.epochs.raise(epoch);
  }

  #endReign(role: Role, reason: string | null): void {
    const reign = this.reign;
    this.role = role;
    this.reason = reason;
    this.#changed();
    if (reign === null) return;
    // From here on nothing is released: the path checks its lease before every write.
    this.lease.clear();
    this.reign = null;
    this.orders.shut();
    this.venue.stop();
    this.replication.stop();
    reign.path.stop();
    this.#waits.look();
  }

  async #fence({ epoch }: EpochParams): Promise<FenceResult> {
    const { venue, timing } = this.#config;
    if (this.role === 'closed') {
      this.role = 'fenced';
      this.reason = `fenced at epoch ${epoch}`;
      this.#changed();
    }
    const outcome = await fenceVenue({ address: venue, epoch, deadlineMs: timing.venueDeadlineMs });
    if (outcome.kind === 'stale') {
      this.#epochRaised(outcome.epoch, 'the venue');
      this.epochs.raise(outcome.epoch);
      throw new ContractError('stale-epoch', `${venue.name} already knows epoch ${outcome.epoch}`, this.epochs.highest);
    }
    return { epoch: this.epochs.highest, position: this.position, receivers: { [venue.name]: outcome.kind } };
  }

  #follow({ upstream }: FollowParams): PositionResult {
    if (upstream.instance === this.#config.instance)
      throw new ContractError('bad-params', 'an instance cannot follow itself');
    if (this.reign !== null)
      throw new ContractError('not-ready', `it is primary in epoch ${this.reign.epoch}; demote it first`);
    const current = this.upstream.core.upstream;
    const same =
      this.role === 'standby' && current?.instance === upstream.instance && current.address === upstream.address;
    if (!same) {
      this.role = 'standby';
      this.reason = null;
      this.divergence = null;
      this.upstream.step({ kind: 'follow', upstream, nowMs: monoNowMs() });
    }
    this.#changed();
    return { position: this.position };
  }

  async #promote(params: PromoteParams): Promise<PromoteResult> {
    const { epoch, leaseUntilNs } = params;
    if (this.reign?.epoch !== epoch) {
      const { differsAt } = this.upstream.core;
      if (differsAt !== null)
        throw new ContractError(
          'not-ready',
          `its order state differed from its primary's at ${differsAt}; start it again, so that it is computed anew`,
        );
      if (!this.replayed.complete) throw new ContractError('not-ready', 'its state is being rebuilt after a cut');
      if (this.journal.end.epoch >= epoch)
        throw new ContractError(
          'not-ready',
          `its journal already holds entries of epoch ${this.journal.end.epoch}; promote with a newer one`,
        );
      this.lease.set(leaseUntilNs);
      if (!this.lease.valid) {
        this.lease.clear();
        throw new ContractError('no-lease', 'leaseUntilNs has passed on this clock');
      }
      this.#beginReign(params);
    } else {
      this.lease.set(leaseUntilNs);
      this.#renewed();
    }
    const inDoubt = this.replayed.state.pendingOrders.size + this.replayed.state.pendingCancels.size;
    const reconciled = await this.#waits.until(
      () => this.venue.ready || this.reign?.epoch !== epoch,
      this.#config.timing.reconcileDeadlineMs,
    );
    if (this.reign?.epoch !== epoch)
      throw new ContractError('stale-epoch', 'it was fenced while it was being promoted', this.epochs.highest);
    const recovered = { inDoubt, missedReports: this.venue.missed, venue: reconciled ? 'reconciled' : 'unreachable' };
    return { position: this.position, recovered };
  }

  #beginReign({ epoch, ackSet, tradingEnabled, halted }: PromoteParams): void {
    const { instance, limits, maxHeldEntries } = this.#config;
    this.upstream.step({ kind: 'stop' });
    const { journal, venue, lease, orders } = this;
    const path = new OrderPath({
      instance,
      epoch,
      journal,
      state: this.replayed.state,
      lease,
      limits,
      venue,
      port: orders,
      maxHeldEntries,
      allowed: this.#permissions(),
      onAppended: () => {
        this.replication.step({ kind: 'appended' });
        journal.sync();
      },
    });
    this.reign = { epoch, path, tradingEnabled, draining: false, halted, ackSetAskedAtMs: 0 };
    this.role = 'primary';
    this.reason = null;
    this.divergence = null;
    this.replication.start({ epoch, ackSet });
    path.begin();
    venue.start(epoch);
    orders.open();
    this.#changed();
  }

  /** What is allowed at the moment at which it is read. */
  #permissions(): Permissions {
    const engine = this;
    return {
      get tradingEnabled() {
        return engine.reign?.tradingEnabled ?? false;
      },
      get draining() {
        return engine.reign?.draining ?? true;
      },
      get halted() {
        return engine.reign?.halted ?? true;
      },
      get venueReady() {
        return engine.venue.ready;
      },
    };
  }

  #lease({ epoch, leaseUntilNs }: LeaseParams): object {
    this.#requireReign(epoch);
    this.lease.set(leaseUntilNs);
    this.#renewed();
    return {};
  }

  #renewed(): void {
    if (this.releasing !== this.#wasReleasing) this.#noteReleasing();
    this.reign?.path.release();
  }

  #demote({ epoch }: EpochParams): PositionResult {
    if (this.reign !== null) this.#endReign('closed', `demoted at epoch ${epoch}`);
    else {
      this.upstream.step({ kind: 'stop' });
      this.role = 'closed';
      this.reason = null;
      this.#changed();
    }
    return { position: this.position };
  }

  async #drain({ epoch }: EpochParams): Promise<PositionResult> {
    const reign = this.#requireReign(epoch);
    reign.draining = true;
    this.#changed();
    const { drainDeadlineMs } = this.#config.timing;
    const settled = await this.#waits.until(
      () => this.reign !== reign || !reign.draining || reign.path.settled,
      drainDeadlineMs,
    );
    if (this.reign !== reign)
      throw new ContractError('stale-epoch', 'the reign ended while it was draining', this.epochs.highest);
    if (!reign.draining)
      throw new ContractError('not-ready', 'it was told to take new risk again while it was draining');
    if (!settled)
      throw new ContractError(
        'not-ready',
        `still ${reign.path.waiting} entries to release after ${drainDeadlineMs} ms; it goes on draining`,
      );
    return { position: this.position };
  }

  #setAckSet({ epoch, ackSet, halted, askedAtMs }: AckSetParams): object {
    const reign = this.#requireReign(epoch);
    if (askedAtMs < reign.ackSetAskedAtMs)
      throw new ContractError('not-ready', 'a newer acknowledgement set is in force');
    reign.ackSetAskedAtMs = askedAtMs;
    // First this: what waits for a member that is dropped now must not be released without it.
    if (halted === true) reign.path.withdrawOrders('halted');
    if (halted !== null && halted !== reign.halted) {
      reign.halted = halted;
      this.#changed();
    }
    this.replication.step({ kind: 'ack-set', members: ackSet });
    return {};
  }

  #setTrading({ epoch, enabled }: TradingParams): object {
    const reign = this.#requireReign(epoch);
    reign.tradingEnabled = enabled;
    // A move that was given up: what was drained takes new risk again.
    if (enabled) reign.draining = false;
    this.#waits.look();
    this.#changed();
    return {};
  }

  #testOrder({ epoch }: EpochParams): Promise<TestOrderResult> {
    const reign = this.#requireReign(epoch);
    if (!this.lease.valid) throw new ContractError('no-lease', 'its lease has run out');
    return reign.path.testOrder(this.#config.timing.testOrderDeadlineMs);
  }

  #requireReign(epoch: number): Reign {
    if (this.reign?.epoch === epoch) return this.reign;
    throw new ContractError('not-ready', `it is ${this.role}, not primary in epoch ${epoch}`);
  }

  /** Its heartbeats are what a primary ticks for; a standby that streams has hardly anything to look at. */
  get #tickEveryMs(): number {
    const { heartbeatMs } = this.#config.timing;
    return this.reign === null && this.upstream.core.calm ? heartbeatMs * CALM_BEATS : heartbeatMs;
  }

  #tick(): void {
    const nowMs = monoNowMs();
    this.venue.tick(nowMs);
    if (this.reign === null) {
      this.upstream.step({ kind: 'tick', nowMs });
      this.#tellSilence(nowMs);
      return;
    }
    this.replication.step({ kind: 'tick', nowMs });
    if (this.releasing !== this.#wasReleasing) this.#noteReleasing();
    this.reign?.path.release();
    this.#waits.look();
  }

  /** A frozen primary keeps its connections: its standbys see silence, and say so without waiting to be asked. */
  #tellSilence(nowMs: number): void {
    const { upstreamSilentMs } = this.#config.timing;
    if (this.role !== 'standby') return;
    const dueMs = Math.max(this.upstream.core.heardAtMs, this.#silenceToldAtMs) + upstreamSilentMs - nowMs;
    if (dueMs > 0) {
      // Before the next tick: the moment itself is waited for, where nothing is heard until then.
      if (dueMs < this.#tickEveryMs) this.#silenceDue ??= setTimeout(() => this.#silenceMayBeDue(), dueMs);
      return;
    }
    this.#silenceToldAtMs = nowMs;
    this.#changed();
  }

  #silenceMayBeDue(): void {
    this.#silenceDue = null;
    this.#tellSilence(monoNowMs());
  }

  #noteReleasing(): void {
    this.#wasReleasing = this.releasing;
    this.#changed();
  }

  #changed(): void {
    this.#onStatusChanged();
    this.#pulse.hurry();
    this.#waits.look();
  }
}
