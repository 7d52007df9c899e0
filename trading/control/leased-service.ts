import { monoNowNs } from '../base/mono-clock.ts';
import {
  ContractError,
  type LeaseParams,
  type Position,
  type PromoteParams,
  type PromoteResult,
  type Role,
  type Status,
} from './contract.ts';
import type { ControlHandlers } from './control-server.ts';
import { EndingLease } from './ending-lease.ts';
import type { EpochStore } from './epoch-store.ts';

/** What a service does from a promotion on until it is closed. */
export interface ServiceReign {
  readonly position: Position;
  /** All that it needs beside its lease is there. */
  readonly ready: boolean;
  /** What is wrong with it, for people; null = nothing. */
  readonly problem: string | null;
  readonly figures: Readonly<Record<string, unknown>>;
  /** The lease may have come back. */
  wake(): void;
  /** Finishes what was accepted; resolves when that is done, or cannot be done soon. */
  drain(): Promise<void>;
  /** The path of its work without the effect. */
  dryRun(): Promise<number>;
  /** Nothing is released after this returns. */
  close(): void;
}

export interface ReignTerms {
  readonly epoch: number;
  /** The lease: asked immediately before every release. */
  readonly mayRelease: () => boolean;
  readonly onChanged: () => void;
  /** Somebody knows a newer epoch: the reign has ended. */
  readonly onStale: (epoch: number, by: string) => void;
}

export interface LeasedServiceOptions {
  readonly epochs: EpochStore;
  readonly statusChanged: () => void;
  /** Begins a reign. A `ContractError` is answered as it is; any other failure as `not-ready`. */
  readonly open: (terms: ReignTerms) => Promise<ServiceReign>;
  /** Raises the epoch at the receivers that a standby can reach. */
  readonly fenceReceivers: (epoch: number) => Promise<Readonly<Record<string, 'acknowledged' | 'unreachable'>>>;
  /** Recovery actions, see `recoveryAction`; left out = none. */
  readonly actions?: NonNullable<ControlHandlers['actions']>;
}

/**
 * A service of the component contract that keeps its state elsewhere: boots closed, works only as primary and only while its lease
 * runs, and has nothing to follow as a standby. What it does as primary is its `ServiceReign`.
 */
export class LeasedService {
  readonly #options: LeasedServiceOptions;
  #role: Role = 'closed';
  #reason: string | null = 'started closed';
  readonly #lease: EndingLease;
  #ackSet: readonly string[] = [];
  #tradingEnabled = false;
  #reign: ServiceReign | null = null;
  /** Of the last reign; an epoch that was given up is not taken up again. */
  #reignEpoch = 0;
  /** The newest that a receiver has refused a reign with. */
  #heardEpoch = 0;
  #position: Position = { epoch: 0, sequence: 0 };
  #promotion: { readonly epoch: number; readonly done: Promise<PromoteResult> } | null = null;
  /** Counts what ended a promotion that is still under way. */
  #generation = 0;

  readonly handlers: ControlHandlers;

  constructor(options: LeasedServiceOptions) {
    this.#options = options;
    this.#lease = new EndingLease(() => options.statusChanged());
    this.handlers = options.actions === undefined ? this.#contract : { ...this.#contract, actions: options.actions };
  }

  readonly #contract: ControlHandlers = {
    status: () => this.#status(),
    position: () => this.#currentPosition(),
    epochRaised: () => this.#stop('fenced', 'a newer epoch was raised'),
    fence: async ({ epoch }) => {
      if (this.#role === 'closed') this.#role = 'fenced';
      const receivers = await this.#options.fenceReceivers(epoch);
      this.#options.statusChanged();
      return { epoch: this.#options.epochs.highest, position: this.#currentPosition(), receivers };
    },
    follow: () => {
      this.#stop('standby', null);
      return { position: this.#currentPosition() };
    },
    promote: (params) => this.#promote(params),
    lease: (params) => this.#renew(params),
    demote: () => {
      this.#stop('closed', 'demoted');
      return { position: this.#currentPosition() };
    },
    drain: async () => {
      await this.#requireReign().drain();
      return { position: this.#currentPosition() };
    },
    setAckSet: ({ ackSet }) => {
      this.#ackSet = ackSet;
      return {};
    },
    setTrading: ({ enabled }) => {
      this.#tradingEnabled = enabled;
      return {};
    },
    testOrder: async () => ({ elapsedMs: await this.#requireReign().dryRun() }),
  };

  get holds(): boolean {
    return this.#reign !== null;
  }

  /** It is primary and its lease runs. */
  get mayRelease(): boolean {
    return this.#reign !== null && this.#lease.valid;
  }

  /** What it does while it is primary; null when it is not. */
  get reign(): ServiceReign | null {
    return this.#reign;
  }

  close(): void {
    this.#stop('closed', 'ended');
  }

  #requireReign(): ServiceReign {
    if (this.#reign === null) throw new ContractError('not-ready', `this instance is ${this.#role}`);
    return this.#reign;
  }

  #currentPosition(): Position {
    return this.#reign?.position ?? this.#position;
  }

  #renew({ leaseUntilNs }: LeaseParams): object {
    if (this.#reign === null && this.#promotion === null)
      throw new ContractError('not-ready', `this instance is ${this.#role}`);
    const wasValid = this.#lease.valid;
    this.#lease.set(leaseUntilNs);
    if (!wasValid) this.#options.statusChanged();
    this.#reign?.wake();
    return {};
  }

  #promote(params: PromoteParams): Promise<PromoteResult> | PromoteResult {
    const { epoch, leaseUntilNs } = params;
    if (leaseUntilNs <= monoNowNs()) throw new ContractError('no-lease', 'the lease given has run out already');
    if (epoch < this.#heardEpoch)
      throw new ContractError('stale-epoch', `a receiver knows epoch ${this.#heardEpoch}`, this.#heardEpoch);
    if (this.#reign === null && this.#promotion === null && epoch <= this.#reignEpoch)
      throw new ContractError('not-ready', `it gave up epoch ${this.#reignEpoch}; promote with a newer one`);
    this.#lease.set(leaseUntilNs);
    this.#ackSet = params.ackSet;
    this.#tradingEnabled = params.tradingEnabled;
    if (this.#reign !== null) {
      this.#reign.wake();
      return { position: this.#reign.position, recovered: {} };
    }
    if (this.#promotion === null) {
      const done = this.#open(epoch).finally(() => {
        this.#promotion = null;
      });
      this.#promotion = { epoch, done };
    }
    return this.#promotion.done;
  }

  async #open(epoch: number): Promise<PromoteResult> {
    const generation = ++this.#generation;
    const reign = await this.#options
      .open({
        epoch,
        mayRelease: () => generation === this.#generation && this.#lease.valid,
        onChanged: () => this.#options.statusChanged(),
        onStale: (newer, by) => {
          this.#heardEpoch = Math.max(this.#heardEpoch, newer);
          if (generation === this.#generation) this.#stop('fenced', `${by} knows epoch ${newer}`);
        },
      })
      .catch((error: unknown) => {
        if (error instanceof ContractError) throw error;
        throw new ContractError('not-ready', error instanceof Error ? error.message : String(error));
      });
    if (generation !== this.#generation) {
      reign.close();
      throw new ContractError('not-ready', 'overtaken by another command');
    }
    this.#reign = reign;
    this.#reignEpoch = epoch;
    this.#role = 'primary';
    this.#reason = null;
    this.#options.statusChanged();
    return { position: reign.position, recovered: { sequence: reign.position.sequence } };
  }

  #stop(role: Role, reason: string | null): void {
    this.#generation += 1;
    if (this.#reign !== null) this.#position = this.#reign.position;
    this.#reign?.close();
    this.#reign = null;
    this.#lease.clear();
    this.#tradingEnabled = false;
    this.#role = role;
    this.#reason = reason;
    this.#options.statusChanged();
  }

  #status(): Status {
    const reign = this.#reign;
    const valid = this.#lease.valid;
    const problem = reign === null ? null : (reign.problem ?? (valid ? null : 'the lease has run out'));
    return {
      role: this.#role,
      epoch: this.#options.epochs.highest,
      health: problem === null ? 'ok' : 'degraded',
      reason: problem ?? this.#reason,
      position: this.#currentPosition(),
      releasing: reign?.ready === true && valid,
      leaseUntilNs: this.#lease.untilNs === null ? null : String(this.#lease.untilNs),
      tradingEnabled: this.#tradingEnabled,
      ackSet: this.#ackSet,
      replicas: [],
      upstream: null,
      divergence: null,
      business: { activeOrders: 0, lastOrderAgeMs: null, acknowledged: this.#position.sequence, ...reign?.figures },
    };
  }
}
