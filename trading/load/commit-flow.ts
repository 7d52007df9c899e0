import { CanaryChain } from './canary-chain.ts';
import { monoMs } from './clock.ts';
import type { CommitOutcome, DatabaseLane } from './database-lane.ts';
import type { FrontsNow } from './fronts-now.ts';
import { LaneKeeper } from './lane-keeper.ts';
import type { CanaryRow } from './ledger-record.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { OutageMeter } from './outage.ts';
import type { SendSchedule } from './send-schedule.ts';

export interface CommitCounts {
  sent: number;
  acked: number;
  failed: number;
  /** Left without an answer; resolved ones included. */
  unknown: number;
  foundPresent: number;
  foundAbsent: number;
  /** Due while no connection was free: never written, never sent. */
  unsent: number;
}

export interface CommitFlowOptions {
  readonly run: string;
  readonly client: string;
  readonly fronts: FrontsNow;
  readonly lanes: number;
  readonly probeEveryMs: number;
  readonly silentAfterMs: number;
  readonly unknownAfterMs: number;
  readonly ledger: LedgerWriter;
  readonly meter: OutageMeter;
  readonly schedule: SendSchedule;
  readonly onFailure: (error: Error) => void;
}

interface PendingCommit {
  readonly row: CanaryRow;
  readonly sentAt: number;
  unknown: boolean;
  /** The connection is still waiting for the answer. */
  inFlight: boolean;
}

/**
 * The database half of the independent client: rows whose intent is on disk before they are sent. A row is inserted at most
 * once; what fails is followed by a new row, never tried again under the same id.
 */
export class CommitFlow {
  readonly #options: CommitFlowOptions;
  readonly #chain: CanaryChain;
  readonly #keeper: LaneKeeper;
  readonly #pending = new Map<string, PendingCommit>();
  readonly counts: CommitCounts = {
    sent: 0,
    acked: 0,
    failed: 0,
    unknown: 0,
    foundPresent: 0,
    foundAbsent: 0,
    unsent: 0,
  };
  /** Every setting found that weakens the promise of a commit. */
  readonly weakened = new Set<string>();
  #sweepTimer: NodeJS.Timeout | null = null;
  readonly #reserved = new Set<DatabaseLane>();
  #resolving = false;

  constructor(options: CommitFlowOptions) {
    this.#options = options;
    this.#chain = new CanaryChain(options);
    this.#keeper = new LaneKeeper({
      ...options,
      onWeakened: (site, setting) => {
        this.weakened.add(`${site}: ${setting}`);
        options.ledger.append({ k: 'weakened', site, setting, at: Date.now() });
      },
    });
  }

  start(): void {
    this.#keeper.start();
    this.#sweepTimer = setInterval(() => this.#sweep(), sweepEveryMs);
    this.#options.schedule.start((due) => this.#due(due));
  }

  async stop(drainMs: number): Promise<void> {
    this.#options.schedule.stop();
    const deadline = monoMs() + drainMs;
    while (monoMs() < deadline && this.#pending.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    if (this.#sweepTimer !== null) clearInterval(this.#sweepTimer);
    this.#keeper.close();
    for (const commit of this.#pending.values()) this.#markUnknown(commit);
  }

  describe(): { readonly lanes: readonly string[]; readonly unresolved: number } {
    const unresolved = [...this.#pending.values()].filter((commit) => commit.unknown).length;
    return { lanes: this.#keeper.answering().map((lane) => lane.site), unresolved };
  }

  #due(count: number): void {
    for (let index = 0; index < count; index += 1) {
      const lane = this.#keeper.idle(this.#reserved);
      if (lane === null) {
        this.counts.unsent += count - index;
        return;
      }
      this.#reserved.add(lane);
      void this.#commit(lane);
    }
  }

  async #commit(lane: DatabaseLane): Promise<void> {
    const row = this.#chain.next();
    const commit: PendingCommit = { row, sentAt: monoMs(), unknown: false, inFlight: true };
    this.#options.ledger.append({ k: 'commit', ...row, at: Date.now() });
    try {
      await this.#options.ledger.durable();
    } catch (error) {
      this.#reserved.delete(lane);
      return this.#options.onFailure(error as Error);
    }
    this.#pending.set(row.id, commit);
    this.counts.sent += 1;
    this.#options.schedule.noteSent(commit.sentAt);
    const answer = lane.commit(row);
    this.#reserved.delete(lane);
    this.#settle(commit, await answer);
  }

  #settle(commit: PendingCommit, outcome: CommitOutcome): void {
    const { id } = commit.row;
    const at = Date.now();
    commit.inFlight = false;
    if (outcome.kind === 'unknown') {
      this.#markUnknown(commit);
      return;
    }
    this.#pending.delete(id);
    if (outcome.kind === 'acked') {
      this.counts.acked += 1;
      this.#options.meter.success(monoMs());
      this.#options.ledger.append({ k: 'commit-acked', id, at });
    } else {
      this.counts.failed += 1;
      this.#options.ledger.append({ k: 'commit-failed', id, code: outcome.code, at });
    }
  }

  #markUnknown(commit: PendingCommit): void {
    if (commit.unknown) return;
    commit.unknown = true;
    this.counts.unknown += 1;
    this.#options.ledger.append({ k: 'commit-unknown', id: commit.row.id, at: Date.now() });
  }

  #sweep(): void {
    const sentBefore = monoMs() - this.#options.unknownAfterMs;
    const lost: string[] = [];
    for (const commit of this.#pending.values()) {
      if (commit.sentAt < sentBefore) this.#markUnknown(commit);
      if (commit.unknown && !commit.inFlight && lost.length < maxIdsPerLookup) lost.push(commit.row.id);
    }
    if (lost.length > 0 && !this.#resolving) void this.#resolve(lost);
  }

  async #resolve(ids: readonly string[]): Promise<void> {
    const lane = this.#keeper.idle(this.#reserved);
    if (lane === null) return;
    this.#resolving = true;
    const present = await lane.present(ids);
    this.#resolving = false;
    if (present === null) return;
    for (const id of ids) {
      this.#pending.delete(id);
      const found = present.has(id);
      if (found) this.counts.foundPresent += 1;
      else this.counts.foundAbsent += 1;
      this.#options.ledger.append({ k: found ? 'commit-present' : 'commit-absent', id, at: Date.now() });
    }
  }
}

const sweepEveryMs = 200;
const maxIdsPerLookup = 200;
