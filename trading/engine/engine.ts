import { monoNowMs } from '../base/mono-clock.ts';
import { Pulse } from '../base/pulse.ts';
import { TokenFile } from '../base/token-file.ts';
import { ContractError, type Position, type PromoteParams, type Role, type Status } from '../control/contract.ts';
import type { EpochStore } from '../control/epoch-store.ts';
import type { Journal } from '../journal/journal.ts';
import { ReplicationClient } from '../replication/replication-client.ts';
import { ReplicationServer } from '../replication/replication-server.ts';
import { ConditionWaits } from './condition-waits.ts';
import type { EngineConfig } from './engine-config.ts';
import type { EngineView, Reign } from './engine-view.ts';
import { FixEntryReader } from './fix-entry-reader.ts';
import type { JournalRetention } from './journal-retention.ts';
import { Lease } from './lease.ts';
import { OrderPath } from './order-path.ts';
import { ClientSession, OrdersPort } from './orders-port.ts';
import type { Permissions } from './pre-trade.ts';
import { ReaderDesk } from './reader-desk.ts';
import type { ReplayedState } from './replayed-state.ts';
import { RiskGate } from './risk-gate.ts';
import type { StandbyCheckpoints } from './standby-checkpoints.ts';
import { StateRecovery } from './state-recovery.ts';
import { UpstreamSilence } from './upstream-silence.ts';
import { BinaryVenueSession } from './venue/binary-venue-session.ts';
import { FixVenueSession } from './venue/fix-venue-session.ts';
import type { EngineVenueConfig } from './venue/venue-config.ts';
import { VenueDesk } from './venue/venue-desk.ts';
import type { VenueSession, VenueSessionEvents } from './venue/venue-session.ts';

/** A calm engine ticks this much more rarely. */
const CALM_BEATS = 5;

/**
 * A trading engine: its role, and the parts that live through all roles. It starts closed; only `promote` makes it primary;
 * anything that shows a newer epoch ends the reign before it is answered (I1, I2).
 */
export class Engine implements EngineView {
  readonly config: EngineConfig;
  readonly #onStatusChanged: () => void;
  readonly #onWarning: (text: string) => void;
  readonly epochs: EpochStore;
  readonly journal: Journal;
  readonly replayed: ReplayedState;
  readonly lease = new Lease();
  readonly replication: ReplicationServer;
  readonly upstream: ReplicationClient;
  readonly venues: VenueDesk;
  readonly orders: OrdersPort;
  readonly checkpoints: StandbyCheckpoints;
  readonly stateRecovery: StateRecovery;
  /** Null where no risk engine has a say. */
  readonly risk: RiskGate | null;
  readonly #fixEntries: FixEntryReader;
  readonly #pulse: Pulse;
  role: Role = 'closed';
  reason: string | null = null;
  reign: Reign | null = null;
  divergence: Status['divergence'] = null;
  rehearsed = false;
  #wasReleasing = false;
  readonly #readers: ReaderDesk;
  readonly #silence: UpstreamSilence;
  /** Looked at whenever something changed. */
  readonly waits = new ConditionWaits();

  constructor(options: {
    config: EngineConfig;
    epochs: EpochStore;
    journal: Journal;
    replayed: ReplayedState;
    checkpoints: StandbyCheckpoints;
    retention: JournalRetention;
    onStatusChanged: () => void;
    onWarning: (text: string) => void;
  }) {
    const { config, epochs, journal, replayed } = options;
    this.checkpoints = options.checkpoints;
    this.config = config;
    this.#onStatusChanged = options.onStatusChanged;
    this.#onWarning = options.onWarning;
    this.epochs = epochs;
    this.journal = journal;
    this.replayed = replayed;
    const { instance, timing, replicationTokenFile, retention } = config;
    const readersToken = retention.tokenFile === null ? null : new TokenFile(retention.tokenFile);
    this.#readers = new ReaderDesk({ expected: retention.readers, token: readersToken });
    const token = replicationTokenFile === null ? null : new TokenFile(replicationTokenFile);
    this.replication = new ReplicationServer({
      instance,
      journal,
      lostAfterMs: timing.replicaLostMs,
      token,
      windowEntries: 16_384,
      stateHashAt: (sequence) => replayed.state.hashes.at(sequence),
      ...(retention.entries === 0 ? {} : { readersStored: () => this.#readers.all }),
      onHeld: (sequence) => {
        this.reign?.path.heldUpTo(sequence);
        this.waits.look();
      },
      onReplicasChanged: () => this.changed(),
      onSuperseded: (epoch) => this.#superseded(epoch, 'a replica'),
    });
    this.upstream = new ReplicationClient({
      instance,
      token,
      journal,
      epochs,
      dialDeadlineMs: timing.dialDeadlineMs,
      silenceLimitMs: timing.upstreamGiveUpMs,
      // Every second heartbeat, and the holder still hears of it twice before it would count as lost.
      answerAfterMs: timing.heartbeatMs * 1.5,
      stateHash: () => replayed.state.hashes.newest,
      onBlock: (block) => replayed.apply(block),
      onStored: (sequence) => options.retention.stored(sequence),
      onCut: (tail) => {
        const { file, fromSequence, count, released } = tail;
        this.divergence = { file, fromSequence, count, released };
        const checkpoint = this.checkpoints.cut(fromSequence - 1);
        replayed.rebuild(journal, checkpoint).catch((error: Error) => options.onWarning(error.message));
        this.changed();
      },
      onUpstreamChanged: () => {
        this.stateRecovery.look();
        this.changed();
      },
    });
    this.stateRecovery = new StateRecovery({
      instance,
      dataDir: config.dataDir,
      journal,
      epochs,
      replayed,
      upstream: () => this.upstream,
      onWarning: options.onWarning,
      onChanged: () => this.changed(),
    });
    this.#fixEntries = new FixEntryReader({ journal, onWarning: options.onWarning });
    this.venues = new VenueDesk({
      configs: config.venues,
      open: (venue, events) => this.#openSession(venue, events),
      state: () => replayed.state,
      mayConnect: () => this.lease.valid,
      onChanged: () => this.changed(),
      onSuperseded: (epoch, venue) => this.#supersededAt(venue, epoch),
      onWarning: options.onWarning,
    });
    this.risk = this.#riskGate();
    this.orders = new OrdersPort({
      onLine: (session, line) => {
        if (this.risk?.receive(session, line) === true || this.#readers.receive(session, line)) return;
        this.reign?.path.receive(session, line);
      },
      onBytes: (session) => this.reign?.path.receiveBytes(session),
      onClosed: (session) => {
        if (session instanceof ClientSession) {
          this.risk?.closed(session);
          this.#readers.closed(session);
        }
        this.reign?.path.sessionClosed(session);
      },
    });
    this.#silence = new UpstreamSilence({
      limitMs: timing.upstreamSilentMs,
      heardAtMs: () => (this.role === 'standby' ? this.upstream.core.heardAtMs : null),
      tell: () => this.changed(),
      nearly: (isNear) => this.venues.expect(isNear),
    });
    this.#pulse = new Pulse({ everyMs: () => this.#tickEveryMs, beat: () => this.#tick() });
  }

  #openSession(venue: EngineVenueConfig, events: VenueSessionEvents): VenueSession {
    const { fix, name } = venue;
    const { venueDeadlineMs: handshakeDeadlineMs } = this.config.timing;
    if (fix === null) {
      const { heartbeatMs } = venue;
      return new BinaryVenueSession({ address: venue, session: 'orders', handshakeDeadlineMs, heartbeatMs, ...events });
    }
    return new FixVenueSession({
      venue,
      fix,
      handshakeDeadlineMs,
      kept: () => this.replayed.fix.of(name),
      journal: () => {
        const { path } = this.reign!;
        return {
          append: (entries) => path.keepFix(entries),
          whenSafe: (done) => path.whenReleased(done),
          read: (place) => this.#fixEntries.read(place),
        };
      },
      ...events,
    });
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
    this.#silence.stop();
    this.endReign('closed', null);
    this.upstream.step({ kind: 'stop' });
    await Promise.all([this.orders.close(), this.replication.close()]);
    this.journal.close();
  }

  /** The reign of this epoch; refuses when there is none. */
  requireReign(epoch: number): Reign {
    if (this.reign?.epoch === epoch) return this.reign;
    throw new ContractError('not-ready', `it is ${this.role}, not primary in epoch ${epoch}`);
  }

  /** Called before the epoch is stored: what belongs to an older one stops here. */
  epochRaised(epoch: number, method: string): void {
    if (this.reign !== null)
      this.endReign('fenced', `${method} with epoch ${epoch} ended the reign of epoch ${this.reign.epoch}`);
    setImmediate(() => this.upstream.step({ kind: 'epoch-raised', nowMs: monoNowMs() }));
  }

  #superseded(epoch: number, by: string): void {
    if (this.reign === null || epoch <= this.reign.epoch) return;
    this.endReign('fenced', `${by} knows epoch ${epoch}`);
    this.epochs.raise(epoch);
  }

  /** Without an epoch it is somebody else who took its session over: whoever that is, this reign is not the newest any more. */
  #supersededAt(venue: string, epoch: number | null): void {
    if (epoch !== null) return this.#superseded(epoch, venue);
    if (this.reign !== null) this.endReign('fenced', `another process took the session at ${venue} over`);
  }

  /** Whatever the reign has not released is never released by it. */
  endReign(role: Role, reason: string | null): void {
    const reign = this.reign;
    this.role = role;
    this.reason = reason;
    this.changed();
    if (reign === null) return;
    // From here on nothing is released: the path checks its lease before every write.
    this.lease.clear();
    this.reign = null;
    const wasDoubted = this.replication.core?.replicas.some(({ difference }) => difference !== null) ?? false;
    this.orders.shut();
    this.risk?.reset();
    this.venues.end();
    this.replication.stop();
    reign.path.stop();
    if (wasDoubted) this.#computeAnew();
    this.waits.look();
  }

  /** A replica computed another state in this reign: whichever was wrong, the next one begins with what the journal amounts to. */
  #computeAnew(): void {
    this.replayed
      .rebuild(this.journal, this.checkpoints.base(this.journal.first))
      .then(() => this.changed())
      .catch((error: Error) => this.#onWarning(`the state could not be computed anew: ${error.message}`));
  }

  /** Primary from here on; the lease was given before. */
  beginReign({ epoch, ackSet, tradingEnabled, halted }: PromoteParams): void {
    const { instance, limits, maxHeldEntries } = this.config;
    this.upstream.step({ kind: 'stop' });
    // Whoever was right about a difference is asked for nothing by the primary that was not.
    this.upstream.step({ kind: 'recomputed', nowMs: monoNowMs() });
    const { journal, venues, lease, orders } = this;
    this.#readers.begin();
    const path = new OrderPath({
      instance,
      epoch,
      dataDir: this.config.dataDir,
      journal,
      state: this.replayed.state,
      lease,
      limits,
      venues,
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
    this.risk?.reset();
    this.replication.start({ epoch, ackSet });
    path.begin();
    orders.open();
    this.changed();
  }

  #riskGate(): RiskGate | null {
    const { risk, instance } = this.config;
    if (risk === null) return null;
    return new RiskGate({
      ...risk,
      instance,
      epoch: () => this.reign?.epoch ?? 0,
      state: () => this.replayed.state,
      onChanged: () => this.changed(),
    });
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
      market: engine.venues,
      risk: engine.risk,
    };
  }

  /** The lease has a new end. */
  renewed(): void {
    if (this.releasing !== this.#wasReleasing) this.#noteReleasing();
    this.reign?.path.release();
  }

  /** Its heartbeats are what a primary ticks for; a standby that streams has hardly anything to look at. */
  get #tickEveryMs(): number {
    const { heartbeatMs } = this.config.timing;
    return this.reign === null && this.upstream.core.calm ? heartbeatMs * CALM_BEATS : heartbeatMs;
  }

  #tick(): void {
    const nowMs = monoNowMs();
    this.venues.tick(nowMs);
    if (this.reign === null) {
      this.upstream.step({ kind: 'tick', nowMs });
      this.#silence.look(nowMs, this.#tickEveryMs);
      return;
    }
    this.replication.step({ kind: 'tick', nowMs });
    this.risk?.tick(nowMs);
    if (this.releasing !== this.#wasReleasing) this.#noteReleasing();
    this.reign?.path.release();
    this.waits.look();
  }

  #noteReleasing(): void {
    this.#wasReleasing = this.releasing;
    this.changed();
  }

  /** Something that the status tells, or that somebody waits for. */
  changed(): void {
    this.#onStatusChanged();
    this.#pulse.hurry();
    this.waits.look();
  }
}
