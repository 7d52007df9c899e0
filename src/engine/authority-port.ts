import type { Json } from '../core/base/canonical-json.ts';
import type { Revision } from '../core/base/ids.ts';

/**
 * The replicated store that says who may write, reduced to what Holdfast needs of it: linearizable reads, a
 * multi-key compare-and-set, and an ordered watch. Values are JSON. Keys are plain text under one prefix, e.g.
 * `group/trading`, `lease/trading/engine`, `leader`, `journal/trading/17`.
 *
 * A time-out is `unknown`: the transaction may or may not have been committed; the caller must look, not repeat.
 */
export interface AuthorityPort {
  /** What stands behind it; shown to people and stored in evidence. `lab-only` has one voter and is not for production. */
  readonly kind: 'etcd' | 'lab-only';
  readonly voters: number;
  transact(transaction: Transaction, options: { readonly deadlineMs: number }): Promise<TransactionOutcome>;
  /** Every key below a prefix at one revision. */
  range(prefix: string, options: { readonly deadlineMs: number }): Promise<RangeOutcome>;
  /**
   * All changes below a prefix after `afterRevision`, in order, without gaps. When the connection is lost the adapter
   * resumes by itself and reports `lost` / `resumed`; when it cannot resume without a gap it reports `compacted` and ends.
   */
  watch(
    prefix: string,
    options: { readonly afterRevision: Revision; readonly onEvent: (event: WatchEvent) => void },
  ): Watch;
  close(): Promise<void>;
}

export interface Comparison {
  readonly key: string;
  /** The key's modification revision must be this; 0 = the key must not exist. */
  readonly revision: Revision;
}

/** All comparisons hold → all writes happen, at one revision; else nothing happens. */
export interface Transaction {
  readonly compare: readonly Comparison[];
  readonly put: readonly { readonly key: string; readonly value: Json }[];
  readonly remove?: readonly string[];
}

export type TransactionOutcome =
  | { readonly kind: 'committed'; readonly revision: Revision }
  /** Some comparison failed; `current` holds every compared key as it is (null = absent). */
  | { readonly kind: 'conflict'; readonly current: Readonly<Record<string, StoredValue | null>> }
  /** Deadline, lost connection, no quorum: may have been committed. */
  | { readonly kind: 'unknown'; readonly reason: string }
  /** Certainly not committed: refused before it was proposed. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface StoredValue {
  readonly value: Json;
  readonly revision: Revision;
}

export type RangeOutcome =
  | {
      readonly kind: 'ok';
      /** Store revision at which this was read; a watch continues from here. */
      readonly revision: Revision;
      /** Identity of the store's data: changes when the store is restored from a backup or rebuilt. */
      readonly incarnation: string;
      readonly entries: Readonly<Record<string, StoredValue>>;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

export type WatchEvent =
  | {
      readonly kind: 'changed';
      readonly revision: Revision;
      /** Keys changed by one transaction; value null = removed. */
      readonly changes: readonly { readonly key: string; readonly value: Json | null }[];
    }
  /** Nothing has been heard for the adapter's deadline; what is known may be stale. */
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'resumed'; readonly revision: Revision }
  | { readonly kind: 'compacted' };

export interface Watch {
  close(): void;
}
