import type { LogEnd } from '../journal/block.ts';

/** What the replication cores read of a journal; `Journal` is one, the simulator has another. */
export interface LogView {
  readonly end: LogEnd;
  /** First entry that is there; what was before it is known to be in it by its end at most. */
  readonly first: number;
  readonly durable: number;
  readonly released: number;
  endAt(sequence: number): LogEnd | null;
  endAtOrBelow(sequence: number): LogEnd;
  lastSequenceOfEpochAtMost(epoch: number): number;
}
