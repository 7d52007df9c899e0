import { monoNowMs } from '../base/mono-clock.ts';
import { Pulse } from '../base/pulse.ts';
import { ContractError, type Position, type Role, type Status } from '../control/contract.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import type { EpochStore } from '../control/epoch-store.ts';
import type { CheckResult } from './engine-check.ts';
import { KeeperRecovery } from './keeper-recovery.ts';
import type { KeeperServer } from './keeper-server.ts';

export interface KeeperInstanceOptions {
  readonly keeper: KeeperServer;
  readonly epochs: EpochStore;
  /** How often its figures are compared with the engine's. */
  readonly checkEveryMs: number;
  readonly checkDeadlineMs: number;
  readonly statusChanged: () => void;
}

/**
 * The position keeper as an instance of the component contract. It writes nowhere, so that it needs no lease and is never primary:
 * it is `standby` while an engine of its site is primary and heard, else `closed`. Its dry run is the comparison with that engine.
 */
export class KeeperInstance {
  readonly #options: KeeperInstanceOptions;
  readonly #pulse: Pulse;
  readonly #recovery: KeeperRecovery;
  readonly handlers: ControlHandlers;
  #fenced = false;
  #stopped = false;
  #checking: Promise<CheckResult> | null = null;
  #last: CheckResult | null = null;
  #agreedAtMs: number | null = null;

  constructor(options: KeeperInstanceOptions) {
    this.#options = options;
    this.#recovery = new KeeperRecovery({
      keeper: options.keeper,
      check: () => this.#check(),
      onChanged: options.statusChanged,
    });
    this.handlers = { ...this.#contract, actions: this.#recovery.actions };
    this.#pulse = new Pulse({
      everyMs: () => options.checkEveryMs,
      beat: () => {
        if (options.keeper.connected) void this.#check();
      },
    });
  }

  readonly #contract: ControlHandlers = {
    status: () => this.#status(),
    position: () => this.#position,
    epochRaised: () => this.#recovery.end(),
    fence: ({ epoch }) => {
      this.#fenced = this.#role === 'closed';
      return { epoch, position: this.#position, receivers: {} };
    },
    follow: () => {
      this.#fenced = false;
      this.#stopped = false;
      this.#options.keeper.follow();
      return { position: this.#position };
    },
    lease: () => {
      throw new ContractError('not-ready', 'a position keeper holds no lease');
    },
    demote: () => {
      this.#stopped = true;
      this.#options.keeper.stopFollowing();
      this.#options.statusChanged();
      return { position: this.#position };
    },
    drain: () => ({ position: this.#position }),
    testOrder: async () => {
      const startedAt = monoNowMs();
      const result = await this.#check();
      if (result.kind === 'differ')
        throw new ContractError('not-ready', `positions differ from the engine's: ${result.found}`);
      if (result.kind === 'unknown') throw new ContractError('not-ready', `nothing could be compared: ${result.why}`);
      return { elapsedMs: monoNowMs() - startedAt };
    },
  };

  close(): void {
    this.#pulse.stop();
  }

  get #role(): Role {
    if (this.#options.keeper.connected && !this.#stopped) return 'standby';
    return this.#fenced ? 'fenced' : 'closed';
  }

  get #position(): Position {
    const { epoch, through } = this.#options.keeper.book;
    return { epoch, sequence: through };
  }

  #check(): Promise<CheckResult> {
    this.#checking ??= this.#options.keeper.check(this.#options.checkDeadlineMs).then((result) => {
      this.#checking = null;
      const differed = this.#last?.kind === 'differ';
      // What could not be compared leaves the last finding in force.
      if (result.kind !== 'unknown' || this.#last?.kind !== 'differ') this.#last = result;
      if (result.kind === 'agree') this.#agreedAtMs = monoNowMs();
      if (differed !== (this.#last?.kind === 'differ')) this.#options.statusChanged();
      return result;
    });
    return this.#checking;
  }

  #status(): Status {
    const { keeper, epochs } = this.#options;
    const { book } = keeper;
    const problem = this.#problem;
    return {
      role: this.#role,
      epoch: epochs.highest,
      health: problem === null ? 'ok' : 'degraded',
      reason: problem ?? (keeper.connected ? null : 'no engine of this site is primary'),
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
        acknowledged: book.through,
        lagEntries: keeper.lagEntries,
        positions: book.positions.size,
        trades: book.trades.length,
        unbooked: book.unbooked.length,
        begunWith: keeper.begunWith,
        agreedAgoMs: this.#agreedAtMs === null ? null : Math.round(monoNowMs() - this.#agreedAtMs),
      },
    };
  }

  get #problem(): string | null {
    const { keeper } = this.#options;
    if (this.#last?.kind === 'differ') return `positions differ from the engine's: ${this.#last.found}`;
    const first = keeper.book.unbooked[0];
    if (first !== undefined) return `entry ${first.seq} could not be booked: ${first.reason}`;
    return keeper.problem;
  }
}
