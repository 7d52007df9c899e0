import { join } from 'node:path';
import { monoNowNs } from '../base/mono-clock.ts';
import {
  ContractError,
  type FenceResult,
  type LeaseParams,
  type Position,
  type PromoteParams,
  type PromoteResult,
  type Role,
  type Status,
} from '../control/contract.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import { EndingLease } from '../control/ending-lease.ts';
import type { EpochStore } from '../control/epoch-store.ts';
import type { Address } from '../load/line-connection.ts';
import type { VenueAccess } from './open-order-check.ts';
import { type DatabaseAddress, OrderStore, raiseEpochOnly, StaleWriterError } from './order-store.ts';
import { Persister } from './persister.ts';
import { recoveryActions } from './recovery-actions.ts';
import { StoppedMark } from './stopped-mark.ts';

export interface OmsOptions {
  readonly instance: string;
  readonly stream: string;
  readonly dataDir: string;
  readonly engines: readonly Address[];
  /** Asked by `reconcile`. */
  readonly venues: readonly VenueAccess[];
  readonly database: DatabaseAddress;
  readonly databaseDeadlineMs: number;
  /** Further behind the engine than this it is not well. */
  readonly lagWarnMs: number;
  readonly epochs: EpochStore;
  readonly statusChanged: () => void;
}

/**
 * Order management as an instance of the component contract: boots closed, writes only as primary, only while its lease runs,
 * and only while the database holds no newer writer epoch. It keeps no state of its own but the highest epoch, so a standby has
 * nothing to follow.
 */
export class OmsInstance {
  readonly #options: OmsOptions;
  #role: Role = 'closed';
  #reason: string | null = 'started closed';
  readonly #lease: EndingLease;
  #ackSet: readonly string[] = [];
  #tradingEnabled = false;
  #persister: Persister | null = null;
  #position: Position = { epoch: 0, sequence: 0 };
  #promotion: { readonly epoch: number; readonly done: Promise<PromoteResult> } | null = null;
  /** Counts what ended a promotion that is still under way. */
  #generation = 0;

  readonly #stopped: StoppedMark;
  readonly handlers: ControlHandlers;

  constructor(options: OmsOptions) {
    this.#options = options;
    this.#lease = new EndingLease(() => options.statusChanged());
    this.#stopped = new StoppedMark(join(options.dataDir, 'stopped.json'));
    const actions = recoveryActions({ ...options, stopped: this.#stopped, persister: () => this.#requirePrimary() });
    this.handlers = { ...this.#contract, actions };
  }

  readonly #contract: ControlHandlers = {
    status: () => this.#status(),
    position: () => this.#currentPosition(),
    epochRaised: () => this.#stop('fenced', 'a newer epoch was raised'),
    fence: (params) => this.#fence(params.epoch),
    follow: () => this.#becomeStandby(),
    promote: (params) => this.#promote(params),
    lease: (params) => this.#renew(params),
    demote: () => {
      this.#stop('closed', 'demoted');
      return { position: this.#currentPosition() };
    },
    drain: () => this.#drain(),
    setAckSet: (params) => {
      this.#ackSet = params.ackSet;
      return {};
    },
    setTrading: (params) => {
      this.#tradingEnabled = params.enabled;
      return {};
    },
    testOrder: async () => ({ elapsedMs: await this.#requirePrimary().dryRun() }),
  };

  get holds(): boolean {
    return this.#role === 'primary';
  }

  /** How far the database is behind the engine; null unless this instance is primary and its lease runs. */
  get lag(): { readonly lagEntries: number; readonly lagMs: number } | null {
    const persister = this.#persister;
    if (persister === null || !this.#lease.valid) return null;
    return { lagEntries: persister.lagEntries, lagMs: persister.lagMs };
  }

  close(): void {
    this.#stop('closed', 'ended');
  }

  #requirePrimary(): Persister {
    if (this.#persister === null) throw new ContractError('not-ready', `this instance is ${this.#role}`);
    return this.#persister;
  }

  #currentPosition(): Position {
    return this.#persister?.position ?? this.#position;
  }

  async #fence(epoch: number): Promise<FenceResult> {
    if (this.#role !== 'primary') this.#role = 'fenced';
    const outcome = await raiseEpochOnly({
      database: this.#options.database,
      epoch,
      holder: this.#options.instance,
      deadlineMs: fenceDeadlineMs,
    });
    const receivers = outcome === 'not-a-receiver' ? {} : { database: outcome };
    this.#options.statusChanged();
    return { epoch, position: this.#currentPosition(), receivers };
  }

  #becomeStandby(): { readonly position: Position } {
    this.#stop('standby', null);
    return { position: this.#currentPosition() };
  }

  #renew(params: LeaseParams): object {
    if (this.#role !== 'primary' && this.#promotion === null)
      throw new ContractError('not-ready', `this instance is ${this.#role}`);
    this.#lease.set(params.leaseUntilNs);
    this.#persister?.wake();
    return {};
  }

  #promote(params: PromoteParams): Promise<PromoteResult> | PromoteResult {
    if (params.leaseUntilNs <= monoNowNs()) throw new ContractError('no-lease', 'the lease given has run out already');
    this.#lease.set(params.leaseUntilNs);
    this.#ackSet = params.ackSet;
    this.#tradingEnabled = params.tradingEnabled;
    if (this.#persister !== null) {
      this.#persister.wake();
      return { position: this.#persister.position, recovered: {} };
    }
    if (this.#promotion === null) {
      const done = this.#open(params.epoch).finally(() => {
        this.#promotion = null;
      });
      this.#promotion = { epoch: params.epoch, done };
    }
    return this.#promotion.done;
  }

  async #open(epoch: number): Promise<PromoteResult> {
    const { database, stream, instance, databaseDeadlineMs, statusChanged } = this.#options;
    const generation = ++this.#generation;
    const store = await OrderStore.open({
      database,
      stream,
      epoch,
      holder: instance,
      deadlineMs: databaseDeadlineMs,
    }).catch((error: unknown) => {
      if (error instanceof StaleWriterError) throw new ContractError('stale-epoch', error.message, error.epoch);
      const found = error instanceof Error ? error.message : String(error);
      throw new ContractError('not-ready', `the database cannot be written yet: ${found}`);
    });
    if (generation !== this.#generation) {
      store.close();
      throw new ContractError('not-ready', 'overtaken by another command');
    }
    const accepting = !this.#stopped.holdsFor(epoch);
    if (accepting) this.#stopped.clear();
    this.#persister = new Persister(
      {
        ...this.#options,
        epoch,
        accepting,
        mayCommit: () => this.#lease.valid,
        onChanged: statusChanged,
        onStale: (newer) => this.#stop('fenced', `the database's writer epoch is ${newer}`),
      },
      store,
    );
    this.#role = 'primary';
    this.#reason = null;
    statusChanged();
    return { position: store.position, recovered: { sequence: store.position.sequence } };
  }

  async #drain(): Promise<{ readonly position: Position }> {
    const persister = this.#persister;
    const caughtUp = (await persister?.caughtUp(drainDeadlineMs)) ?? true;
    if (!caughtUp && persister !== null && persister === this.#persister)
      throw new ContractError('not-ready', `the database still lacks ${persister.lagEntries} entries`);
    return { position: this.#currentPosition() };
  }

  #stop(role: Role, reason: string | null): void {
    this.#generation += 1;
    if (this.#persister !== null) this.#position = this.#persister.position;
    this.#persister?.close();
    this.#persister = null;
    this.#lease.clear();
    this.#tradingEnabled = false;
    this.#role = role;
    this.#reason = reason;
    this.#options.statusChanged();
  }

  #status(): Status {
    const persister = this.#persister;
    const releasing = persister !== null && this.#lease.valid && persister.databaseReachable;
    const problem = persister === null ? null : this.#problemOf(persister);
    return {
      role: this.#role,
      epoch: this.#options.epochs.highest,
      health: problem === null ? 'ok' : 'degraded',
      reason: problem ?? this.#reason,
      position: this.#currentPosition(),
      releasing,
      leaseUntilNs: this.#lease.untilNs === null ? null : String(this.#lease.untilNs),
      tradingEnabled: this.#tradingEnabled,
      ackSet: this.#ackSet,
      replicas: [],
      upstream: null,
      divergence: null,
      business: persister?.figures ?? { activeOrders: 0, lastOrderAgeMs: null, acknowledged: this.#position.sequence },
    };
  }

  #problemOf(persister: Persister): string | null {
    if (!persister.databaseReachable) return `the database is not reachable: ${persister.problem ?? 'connecting'}`;
    if (persister.problem !== null) return persister.problem;
    if (!persister.feedConnected) return 'no engine of this site delivers its released entries';
    if (!this.#lease.valid) return 'the lease has run out';
    if (!persister.accepting) return 'it was told to stop accepting';
    const { lagMs, lagEntries } = persister;
    if (lagMs > this.#options.lagWarnMs) return `${lagEntries} entries, ${lagMs} ms behind the engine`;
    return null;
  }
}

const fenceDeadlineMs = 250;
/** Below the time within which a driver wants an answer. */
const drainDeadlineMs = 1000;
