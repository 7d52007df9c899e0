import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monoNowMs } from '../../base/mono-clock.ts';
import { viewOf } from '../item-view.ts';
import { ITEM_KIND, ITEM_STATE, STATE_NAMES } from '../order-pool.ts';
import type { OrderState } from '../order-state.ts';
import type { SessionProof } from './venue-session.ts';

/** What proved the fate of an order or request that was in doubt. */
export type FateProof =
  /** A report that the exchange had made before the takeover, or before anything was sent again. */
  | { readonly by: 'missed-report'; readonly report: number }
  /** A report that answers its being sent again. */
  | { readonly by: 'report-after-resend'; readonly report: number }
  /** The session refused it: it never came to be at the exchange. */
  | { readonly by: 'refusal'; readonly code: string }
  /** The engine took it back before anybody was told of it. */
  | { readonly by: 'withdrawal' };

export interface DoubtfulFate {
  readonly id: string;
  readonly kind: 'order' | 'cancel' | 'replace';
  readonly client: string;
  readonly symbol: string;
  readonly venue: string;
  /** State at the time of the report; `pending` = not known yet. */
  readonly fate: string;
  /** Null = nothing has proved it yet. */
  readonly proof: FateProof | null;
}

export interface TakeoverReport {
  readonly epoch: number;
  readonly instance: string;
  readonly at: string;
  /** From the beginning of the reign until nothing was waited for any more; null = it is still going on, or was ended before. */
  readonly settledAfterMs: number | null;
  readonly venues: Readonly<
    Record<
      string,
      { readonly session: SessionProof | null; readonly missedReports: number; readonly cancelled: number }
    >
  >;
  /** Every order of the journal, by state. */
  readonly orders: Readonly<Record<string, number>>;
  /** How many of those in doubt had which fate, as `kind fate by proof`. */
  readonly fates: Readonly<Record<string, number>>;
  /** Orders and requests that were journalled and not confirmed when the reign began. */
  readonly inDoubt: readonly DoubtfulFate[];
}

/** About a millisecond's work. */
const COUNTED_AT_ONCE = 5000;

/** The moment at which nothing is waited for any more belongs to the first new orders; their answers come before the report. */
const WRITTEN_AFTER_MS = 500;

/** Keeps the fate of everything that was in doubt when a reign began. */
export class Takeover {
  readonly #state: OrderState;
  readonly #about: { readonly epoch: number; readonly instance: string; readonly directory: string };
  readonly #at = new Date();
  readonly #startedAtMs = monoNowMs();
  #settledAfterMs: number | null = null;
  #due: NodeJS.Timeout | null = null;
  readonly #proofs = new Map<number, FateProof | null>();
  readonly #venues = new Map<string, { session: SessionProof | null; missedReports: number; cancelled: number }>();

  constructor(options: {
    readonly state: OrderState;
    readonly about: { readonly epoch: number; readonly instance: string; readonly directory: string };
    readonly venues: readonly string[];
  }) {
    const { state } = options;
    this.#state = state;
    this.#about = options.about;
    for (const name of options.venues) this.#venues.set(name, { session: null, missedReports: 0, cancelled: 0 });
    const { items } = state;
    for (const list of [state.pendingOrders, state.pendingRequests])
      for (let item = list.first; item !== -1; item = items.next(item)) this.#proofs.set(item, null);
  }

  get inDoubt(): number {
    return this.#proofs.size;
  }

  get settledAfterMs(): number | null {
    return this.#settledAfterMs;
  }

  seated(venue: string, session: SessionProof, missedReports: number): void {
    const known = this.#venues.get(venue);
    if (known !== undefined) Object.assign(known, { session, missedReports });
  }

  cancelled(venue: string): void {
    const known = this.#venues.get(venue);
    if (known !== undefined) known.cancelled += 1;
  }

  /** It was in doubt, and nothing has proved its fate yet. */
  awaits(item: number): boolean {
    return this.#proofs.get(item) === null;
  }

  /** What was journalled about an item; the first that ends its doubt is its proof. */
  note(item: number, proof: FateProof): void {
    if (!this.awaits(item) || this.#state.items.state(item) === ITEM_STATE.pending) return;
    this.#proofs.set(item, proof);
  }

  /** Its report is not being written yet: whoever ends the reign has it kept. */
  get unwritten(): boolean {
    return this.#settledAfterMs === null || this.#due !== null;
  }

  /** Nothing is waited for any more. `write` is called a little later, unless the reign ends first. */
  settle(write: () => void): void {
    if (this.#settledAfterMs !== null) return;
    this.#settledAfterMs = Math.round((monoNowMs() - this.#startedAtMs) * 10) / 10;
    this.#due = setTimeout(write, WRITTEN_AFTER_MS);
  }

  /** Writes the report as it is now, a piece of the work per turn of the event loop. */
  async keep(): Promise<void> {
    if (this.#due !== null) clearTimeout(this.#due);
    this.#due = null;
    const { directory, epoch } = this.#about;
    const report = await this.report();
    await writeFile(join(directory, `takeover-${epoch}.json`), `${JSON.stringify(report, null, 1)}\n`, { mode: 0o600 });
  }

  async report(): Promise<TakeoverReport> {
    const { epoch, instance } = this.#about;
    const orders = await this.#countOrders();
    const inDoubt = [...this.#proofs].map(([item, proof]) => this.#fateOf(item, proof));
    const fates: Record<string, number> = {};
    for (const { kind, fate, proof } of inDoubt) {
      const name = `${kind} ${fate} by ${proof?.by ?? 'nothing yet'}`;
      fates[name] = (fates[name] ?? 0) + 1;
    }
    return {
      epoch,
      instance,
      at: this.#at.toISOString(),
      settledAfterMs: this.#settledAfterMs,
      venues: Object.fromEntries(this.#venues),
      orders,
      fates,
      inDoubt,
    };
  }

  async #countOrders(): Promise<Record<string, number>> {
    const { items } = this.#state;
    const counts: Record<string, number> = {};
    const count = items.count;
    for (let item = 0; item < count; item++) {
      if (item % COUNTED_AT_ONCE === COUNTED_AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
      if (items.kind(item) !== ITEM_KIND.order) continue;
      const name = STATE_NAMES[items.state(item)]!;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  #fateOf(item: number, proof: FateProof | null): DoubtfulFate {
    const view = viewOf(this.#state, item);
    const order = view.kind === 'order' ? view : this.#state.known(view.target);
    const { symbol, venue } = order?.kind === 'order' ? order : { symbol: '', venue: '' };
    return { id: view.id, kind: view.kind, client: view.client, symbol, venue, fate: view.state, proof };
  }
}
