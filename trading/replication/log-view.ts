import type { LogEnd } from '../journal/block.ts';

/** What the replication cores read of a journal; `Journal` is one, the simulator has another. */
export interface LogView {
  readonly end: LogEnd;
  readonly durable: number;
  readonly released: number;
  endAt(sequence: number): LogEnd | null;
  endAtOrBelow(sequence: number): LogEnd;
  lastSequenceOfEpochAtMost(epoch: number): number;
}
