/** What a row means to the business. */
export type TailKind = 'order' | 'execution' | 'commit' | 'other';

export const tailKinds: readonly TailKind[] = ['order', 'execution', 'commit', 'other'];

/** One row that a former primary committed and that the new timeline does not have from it. */
export interface TailEntry {
  readonly kind: TailKind;
  /** Primary key as text, its columns joined by `/`; of a table without one a digest of the row. */
  readonly id: string;
  /** `database.schema.table` */
  readonly table: string;
  readonly change: 'inserted' | 'changed' | 'deleted';
  /**
   * What the new primary has under the same id. Of what was deleted: `present`. `same` and `differs`: somebody else has brought it there,
   * or it was there before and was changed.
   */
  readonly atNewPrimary: 'absent' | 'same' | 'differs' | 'present';
}

/** A divergent tail as it was decoded, before the data directory that it stands in was given up. */
export interface TailList {
  readonly instance: string;
  readonly comparedWith: string;
  /** Beside the log files that were kept, on the host of the instance. */
  readonly file: string;
  /** Positions in the log, as the server prints them. */
  readonly from: string;
  readonly to: string;
  /** Committed in the tail and writing something. Whether a client was told is not in a log. */
  readonly transactions: number;
  readonly entries: readonly TailEntry[];
  /** Why there may be more than what is listed; empty: that is all. */
  readonly inconclusive: readonly string[];
}

/** A list as it is told to people: its first entries, how many there are, and the digest that evidence has. */
export interface TailAnswer extends TailList {
  readonly entryCount: number;
  readonly digest: string;
}

/** What an instance reports of a list, and what its agent's evidence holds. */
export interface TailSummary {
  /** SHA-256 of the canonical JSON of the list, hexadecimal. */
  readonly digest: string;
  readonly entries: number;
  readonly inconclusive: number;
}

/** Tables of a reference platform; a table that is not named is `other`. */
export const TAIL_KINDS_OF_TABLES: Readonly<Record<string, TailKind>> = {
  'public.orders': 'order',
  'public.trades': 'execution',
  'public.canary': 'commit',
};

/** How many entries of each kind, in the order of {@link tailKinds}, without those that do not occur. */
export const countTail = (entries: readonly TailEntry[]): readonly (readonly [TailKind, number])[] =>
  tailKinds.flatMap((kind) => {
    const count = entries.filter((entry) => entry.kind === kind).length;
    return count === 0 ? [] : [[kind, count] as const];
  });
