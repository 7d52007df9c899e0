import { monoNowMs } from '../base/mono-clock.ts';
import {
  type AckSetParams,
  ContractError,
  type EpochParams,
  type FenceResult,
  type FollowParams,
  type LeaseParams,
  type PositionResult,
  type PromoteParams,
  type PromoteResult,
  type TestOrderResult,
  type TradingParams,
} from '../control/contract.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import type { Engine } from './engine.ts';
import { engineStatus } from './engine-status.ts';
import { keptTakeover, keptTakeovers } from './kept-takeovers.ts';
import { fenceVenue } from './venue/fence-venue.ts';
import type { TakeoverReport } from './venue/takeover.ts';

/** Fates in one answer of the control port. */
const MOST_TOLD = 1000;

/** What the contract's methods mean to an engine. */
export class EngineCommands {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What the control server calls. */
  handlers(): ControlHandlers {
    return {
      status: () => engineStatus(this.#engine),
      position: () => this.#engine.position,
      epochRaised: (epoch, method) => this.#engine.epochRaised(epoch, method),
      fence: (params) => this.#fence(params),
      follow: (params) => this.#follow(params),
      promote: (params) => this.#promote(params),
      lease: (params) => this.#lease(params),
      demote: (params) => this.#demote(params),
      drain: (params) => this.#drain(params),
      setAckSet: (params) => this.#setAckSet(params),
      setTrading: (params) => this.#setTrading(params),
      testOrder: (params) => this.#testOrder(params),
      takeover: () => this.#takeover(),
    };
  }

  async #fence({ epoch }: EpochParams): Promise<FenceResult> {
    const { venues, timing } = this.#engine.config;
    if (this.#engine.role === 'closed') {
      this.#engine.role = 'fenced';
      this.#engine.reason = `fenced at epoch ${epoch}`;
      this.#engine.changed();
    }
    const fences = venues.map(async (venue) => {
      const { name, fencePort: port } = venue;
      if (port === null) return { name, outcome: { kind: 'no-epochs' } as const };
      const outcome = await fenceVenue({ address: { ...venue, port }, epoch, deadlineMs: timing.venueDeadlineMs });
      return { name, outcome };
    });
    const receivers: Record<string, 'acknowledged' | 'unreachable'> = {};
    for (const { name, outcome } of await Promise.all(fences)) {
      if (outcome.kind === 'stale') {
        this.#engine.epochRaised(outcome.epoch, 'the venue');
        this.#engine.epochs.raise(outcome.epoch);
        const { highest } = this.#engine.epochs;
        throw new ContractError('stale-epoch', `${name} already knows epoch ${outcome.epoch}`, highest);
      }
      // An exchange without epochs, or without a port for them, is no receiver that could be told: its session is taken over by the next reign.
      if (outcome.kind !== 'no-epochs') receivers[name] = outcome.kind;
    }
    return { epoch: this.#engine.epochs.highest, position: this.#engine.position, receivers };
  }

  #follow({ epoch, upstream }: FollowParams): PositionResult {
    if (upstream.instance === this.#engine.config.instance)
      throw new ContractError('bad-params', 'an instance cannot follow itself');
    if (this.#engine.reign !== null)
      throw new ContractError('not-ready', `it is primary in epoch ${this.#engine.reign.epoch}; demote it first`);
    const current = this.#engine.upstream.core.upstream;
    const same =
      this.#engine.role === 'standby' &&
      current?.instance === upstream.instance &&
      current.address === upstream.address;
    if (!same) {
      this.#engine.role = 'standby';
      this.#engine.reason = null;
      this.#engine.divergence = null;
      this.#engine.upstream.step({ kind: 'follow', upstream, nowMs: monoNowMs() });
    }
    this.#engine.stateRecovery.followed(epoch);
    this.#engine.changed();
    return { position: this.#engine.position };
  }

  async #promote(params: PromoteParams): Promise<PromoteResult> {
    const { epoch, leaseUntilNs } = params;
    if (this.#engine.reign?.epoch !== epoch) {
      const { problem, verdict } = this.#engine.stateRecovery;
      if (problem !== null && verdict !== 'primary-wrong') throw new ContractError('not-ready', problem);
      if (!this.#engine.replayed.complete)
        throw new ContractError('not-ready', 'its state is being rebuilt after a cut');
      if (this.#engine.journal.end.epoch >= epoch)
        throw new ContractError(
          'not-ready',
          `its journal already holds entries of epoch ${this.#engine.journal.end.epoch}; promote with a newer one`,
        );
      this.#engine.lease.set(leaseUntilNs);
      if (!this.#engine.lease.valid) {
        this.#engine.lease.clear();
        throw new ContractError('no-lease', 'leaseUntilNs has passed on this clock');
      }
      this.#engine.beginReign(params);
    } else {
      this.#engine.lease.set(leaseUntilNs);
      this.#engine.renewed();
    }
    const { venues, waits, config } = this.#engine;
    const inDoubt = this.#engine.reign?.path.takeover.inDoubt ?? 0;
    await waits.until(() => venues.decided || this.#engine.reign?.epoch !== epoch, config.timing.reconcileDeadlineMs);
    if (this.#engine.reign?.epoch !== epoch)
      throw new ContractError('stale-epoch', 'it was fenced while it was being promoted', this.#engine.epochs.highest);
    const venue = venues.ready ? 'reconciled' : 'unreachable';
    const recovered = { inDoubt, missedReports: venues.missed, venue };
    return { position: this.#engine.position, recovered };
  }

  #lease({ epoch, leaseUntilNs }: LeaseParams): object {
    this.#engine.requireReign(epoch);
    this.#engine.lease.set(leaseUntilNs);
    this.#engine.renewed();
    return {};
  }

  #demote({ epoch }: EpochParams): PositionResult {
    if (this.#engine.reign !== null) this.#engine.endReign('closed', `demoted at epoch ${epoch}`);
    else {
      this.#engine.upstream.step({ kind: 'stop' });
      this.#engine.role = 'closed';
      this.#engine.reason = null;
      this.#engine.changed();
    }
    return { position: this.#engine.position };
  }

  async #drain({ epoch }: EpochParams): Promise<PositionResult> {
    const reign = this.#engine.requireReign(epoch);
    reign.draining = true;
    const taken = reign.path.end;
    this.#engine.changed();
    const { drainDeadlineMs } = this.#engine.config.timing;
    const settled = await this.#engine.waits.until(
      () => this.#engine.reign !== reign || !reign.draining || reign.path.settledUpTo(taken),
      drainDeadlineMs,
    );
    if (this.#engine.reign !== reign)
      throw new ContractError('stale-epoch', 'the reign ended while it was draining', this.#engine.epochs.highest);
    if (!reign.draining)
      throw new ContractError('not-ready', 'it was told to take new risk again while it was draining');
    if (!settled)
      throw new ContractError(
        'not-ready',
        `still ${reign.path.waiting} entries to release after ${drainDeadlineMs} ms; it goes on draining`,
      );
    return { position: this.#engine.position };
  }

  #setAckSet({ epoch, ackSet, halted, askedAtMs }: AckSetParams): object {
    const reign = this.#engine.requireReign(epoch);
    if (askedAtMs < reign.ackSetAskedAtMs)
      throw new ContractError('not-ready', 'a newer acknowledgement set is in force');
    reign.ackSetAskedAtMs = askedAtMs;
    // First this: what waits for a member that is dropped now must not be released without it.
    if (halted === true) reign.path.withdrawOrders('halted');
    if (halted !== null && halted !== reign.halted) {
      reign.halted = halted;
      this.#engine.changed();
    }
    this.#engine.replication.step({ kind: 'ack-set', members: ackSet });
    return {};
  }

  #setTrading({ epoch, enabled }: TradingParams): object {
    const reign = this.#engine.requireReign(epoch);
    reign.tradingEnabled = enabled;
    // A move that was given up: what was drained takes new risk again.
    if (enabled) reign.draining = false;
    this.#engine.waits.look();
    this.#engine.changed();
    return {};
  }

  /** Of its reign, or of its last one. As much of it as one answer holds; the file in the data directory has all. */
  async #takeover(): Promise<object> {
    const report = (await this.#engine.reign?.path.takeover.report()) ?? this.#lastTakeover();
    const { inDoubt } = report;
    return { ...report, inDoubt: inDoubt.slice(0, MOST_TOLD), inDoubtCount: inDoubt.length };
  }

  #lastTakeover(): TakeoverReport {
    const { role, config } = this.#engine;
    const epoch = keptTakeovers(config.dataDir).at(-1);
    if (epoch === undefined) throw new ContractError('not-ready', `it is ${role}, and has never taken over`);
    const report = keptTakeover(config.dataDir, epoch);
    if (report === null)
      throw new ContractError('not-ready', `the report of its takeover in epoch ${epoch} cannot be read`);
    return report;
  }

  async #testOrder({ epoch }: EpochParams): Promise<TestOrderResult> {
    const engine = this.#engine;
    const reign = engine.requireReign(epoch);
    if (!engine.lease.valid) throw new ContractError('no-lease', 'its lease has run out');
    const { testOrderDeadlineMs } = engine.config.timing;
    const deadlineAtMs = monoNowMs() + testOrderDeadlineMs;
    // A risk engine that follows this engine is promoted after it: it may be about to speak.
    await engine.waits.until(() => engine.reign !== reign || engine.risk?.problem == null, testOrderDeadlineMs);
    engine.requireReign(epoch);
    if (engine.risk?.problem != null) throw new ContractError('not-ready', engine.risk.problem);
    return reign.path.testOrder(Math.max(1, deadlineAtMs - monoNowMs()));
  }
}
