/** One difference, for people: which item, and what was expected and found. */
export interface Difference {
  readonly id: string;
  readonly what: string;
}

/**
 * What a two-way check found. A list is null when nothing was found in it but a source that it needs could not be read: then the
 * verdict is never `met`. An empty list means that everything was compared.
 */
export interface Verification extends FoundDifferences {
  /** `missed` as soon as anything was found, whatever else could not be read. */
  readonly verdict: 'met' | 'missed' | 'inconclusive';
  /** What could not be read or claimed, one sentence each. */
  readonly reasons: readonly string[];
  readonly elapsedMs: number;
  readonly ordersSent: number | null;
  readonly ordersAcked: number | null;
  readonly commitsSent: number | null;
  readonly commitsAcked: number | null;
  /** Requests that were never answered, and what has become of them; null when it cannot be told. */
  readonly unknownResolved: UnknownResolved;
}

export interface FoundDifferences {
  /** Acknowledged to the client and missing at the engine; or in the engine's market and missing at the exchange. */
  readonly ordersLost: readonly string[] | null;
  readonly ordersDuplicated: readonly string[] | null;
  readonly ordersAltered: readonly Difference[] | null;
  /** At the engine, the exchange or in the database, and never sent by this client. */
  readonly ordersNeverSent: readonly string[] | null;
  /** Executions that the client or the database has and the exchange has not. */
  readonly executionsLost: readonly string[] | null;
  readonly executionsDuplicated: readonly string[] | null;
  readonly executionsAltered: readonly Difference[] | null;
  /** Writes that the exchange accepted from a session of an older epoch, by its own count. */
  readonly staleWritesAccepted: number | null;
  /** At the engine and not in the database, although order management is past it. */
  readonly persistedMissing: readonly string[] | null;
  readonly persistedAltered: readonly Difference[] | null;
  /** Entries that order management could not fit to any order. */
  readonly persistedBreaks: readonly Difference[] | null;
  readonly commitsLost: readonly string[] | null;
  readonly commitsDuplicated: readonly string[] | null;
  readonly commitsAltered: readonly Difference[] | null;
  readonly commitsNeverSent: readonly string[] | null;
}

export interface UnknownResolved {
  readonly ordersPresent: readonly string[] | null;
  readonly ordersAbsent: readonly string[] | null;
  readonly commitsPresent: readonly string[] | null;
  readonly commitsAbsent: readonly string[] | null;
}

export type Read<Value> =
  | { readonly kind: 'read'; readonly value: Value }
  | { readonly kind: 'unread'; readonly reason: string };

/** Turns a failure to read into a value: what could not be read is not the same as nothing. */
export const attempt = async <Value>(what: string, read: () => Promise<Value>): Promise<Read<Value>> => {
  try {
    return { kind: 'read', value: await read() };
  } catch (error) {
    return {
      kind: 'unread',
      reason: `${what} could not be read: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
};

export const readOrNull = <Value>(read: Read<Value>): Value | null => (read.kind === 'read' ? read.value : null);

/** Parts of one list; a part that is missing makes an otherwise empty list unknown, not empty. */
export const joined = <Item>(...parts: readonly (readonly Item[] | null)[]): Item[] | null => {
  const items = parts.flatMap((part) => part ?? []);
  return items.length === 0 && parts.includes(null) ? null : items;
};

/** `missed` by anything found, else `inconclusive` by any reason, else `met`. */
export const verdictOf = (found: FoundDifferences, reasons: readonly string[]): Verification['verdict'] => {
  const { staleWritesAccepted, ...lists } = found;
  if ((staleWritesAccepted ?? 0) > 0 || Object.values(lists).some((list) => list !== null && list.length > 0))
    return 'missed';
  return reasons.length > 0 ? 'inconclusive' : 'met';
};
