import { ContractError, type Position } from '../control/contract.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import { type ActDetail, recoveryAction } from '../control/recovery-action.ts';
import { BreakStore } from '../reconcile/break-store.ts';
import { keepRun } from '../reconcile/keep-run.ts';
import { runReconciliation } from '../reconcile/reconciliation.ts';
import type { CheckResult } from './engine-check.ts';
import type { KeeperServer } from './keeper-server.ts';
import { ownBook } from './own-book.ts';
import { profitsThatDiffer } from './profit-check.ts';

const stages = ['begun', 'recomputed', 'P&L recomputed', 'reconciled', 'verified'] as const;
type Stage = (typeof stages)[number];

interface Found {
  readonly detail: ActDetail;
  /** What is against the figures; null = nothing. */
  readonly against: string | null;
}

/**
 * The position keeper's recovery, step by step: positions anew from the trades, P&L a second way, all books side by side. From the first
 * step until `resume` its figures are not vouched for. Ends also with a newer epoch.
 */
export class KeeperRecovery {
  readonly #keeper: KeeperServer;
  readonly #check: () => Promise<CheckResult>;
  readonly #onChanged: () => void;
  #stage: Stage | null = null;
  #reconciling: Promise<Found> | null = null;
  #against: string | null = null;

  constructor(options: {
    readonly keeper: KeeperServer;
    readonly check: () => Promise<CheckResult>;
    readonly onChanged: () => void;
  }) {
    this.#keeper = options.keeper;
    this.#check = options.check;
    this.#onChanged = options.onChanged;
  }

  readonly actions: NonNullable<ControlHandlers['actions']> = {
    recompute: this.#action(() => this.#recompute()),
    'recompute-pnl': this.#action(() => this.#recomputeProfit()),
    reconcile: this.#action(() => this.#reconcile()),
    verify: this.#action(() => this.#verify()),
    resume: this.#action(() => this.#resume()),
  };

  /** A newer epoch began: what was ordered in the one before ends. */
  end(): void {
    this.#stage = null;
    this.#keeper.vouch();
    this.#onChanged();
  }

  #action(act: () => Promise<ActDetail> | ActDetail) {
    return recoveryAction<{ readonly position: Position }>(() => {
      const { epoch, through } = this.#keeper.book;
      return { position: { epoch, sequence: through } };
    }, act);
  }

  /** Long journals take longer than one answer may: asked again it goes on waiting for the same beginning. */
  async #recompute(): Promise<ActDetail> {
    const again = this.#stage === 'begun';
    if (!this.#keeper.connected && !again)
      throw new ContractError(
        'not-ready',
        'no engine of this site is primary: there is nobody to take the trades from',
      );
    this.#enter('begun');
    const found = await this.#keeper.recompute({ again, deadlineMs: recomputeAnswerMs });
    this.#enter('recomputed');
    return { ...found, lost: this.#keeper.lost };
  }

  #recomputeProfit(): ActDetail {
    this.#require('recomputed', 'recompute');
    const { positions, trades } = this.#keeper.book;
    const differing = profitsThatDiffer(positions, trades);
    if (differing.length > 0) throw new Error(`P&L differs: ${differing.slice(0, mostNamed).join('; ')}`);
    this.#enter('P&L recomputed');
    return { positions: positions.size, trades: trades.length, ...this.#keeper.profitInWords() };
  }

  async #reconcile(): Promise<ActDetail> {
    this.#require('P&L recomputed', 'recompute-pnl');
    this.#reconciling ??= this.#compare().finally(() => {
      this.#reconciling = null;
    });
    const { detail, against } = await this.#reconciling;
    this.#against = against;
    this.#enter('reconciled');
    return detail;
  }

  async #compare(): Promise<Found> {
    const settings = this.#keeper.reconciliation(ownBook(this.#keeper));
    if (settings === null) throw new Error('the configuration names no books to compare with ("reconcile")');
    const store = BreakStore.open(settings.store);
    try {
      const run = await runReconciliation(settings.sources, settings.settings);
      const { verdict, counted } = keepRun(run, store, Date.now());
      const { compared, reasons } = run;
      const named = [...counted.map(({ what }) => what), ...reasons].slice(0, mostNamed).join('; ');
      const detail = {
        verdict,
        books: compared.books.join(', '),
        positions: compared.positions,
        orders: compared.orders,
        trades: compared.fills,
        breaks: counted.length,
        named,
      };
      return { detail, against: verdict === 'clean' ? null : `${verdict}: ${named}` };
    } finally {
      store.close();
    }
  }

  async #verify(): Promise<ActDetail> {
    this.#require('reconciled', 'reconcile');
    if (this.#against !== null) throw new Error(this.#against);
    const [first] = this.#keeper.book.unbooked;
    if (first !== undefined) throw new Error(`entry ${first.seq} could not be booked: ${first.reason}`);
    const checked = await this.#check();
    if (checked.kind === 'differ') throw new Error(`positions differ from the engine's: ${checked.found}`);
    if (checked.kind === 'unknown') throw new Error(`nothing could be compared with the engine: ${checked.why}`);
    this.#enter('verified');
    return { orders: checked.orders, through: checked.through };
  }

  #resume(): ActDetail {
    if (this.#stage !== null) {
      this.#require('verified', 'verify');
      this.#keeper.settleLoss();
    }
    this.end();
    return { vouched: true };
  }

  #enter(stage: Stage): void {
    this.#stage = stage;
    this.#keeper.vouchNot(`a recovery was ordered, and has come to: ${stage}`);
    this.#onChanged();
  }

  #require(stage: Stage, action: string): void {
    if (this.#stage === null || stages.indexOf(this.#stage) < stages.indexOf(stage))
      throw new ContractError('not-ready', `it comes after ${action}, which has not been done in this recovery`);
  }
}

const mostNamed = 10;
const recomputeAnswerMs = 5000;
