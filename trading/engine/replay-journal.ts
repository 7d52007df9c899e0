import { BLOCK_HEADER_BYTES, type Block, blockEnd, blockRecords, EMPTY_LOG, type LogEnd } from '../journal/block.ts';
import { readJournal, segmentNames } from '../journal/journal-reader.ts';
import { firstOf, JournalRemoved } from '../journal/recovery-start.ts';
import { baseOf, type Checkpoint, type CheckpointDamaged, newestCheckpoint } from './checkpoint.ts';
import { RECORD, RECORD_KIND, readCount } from './entry.ts';
import { OrderState } from './order-state.ts';

/** How far to replay: to the end, up to a sequence, or to a moment of the sequencer's wall clock. */
export type ReplayGoal =
  | { readonly kind: 'now' }
  | { readonly kind: 'sequence'; readonly sequence: number }
  | { readonly kind: 'moment'; readonly atMs: number };

export interface Replayed {
  readonly state: OrderState;
  readonly checkpoint: Checkpoint | null;
  /** Entries applied after the checkpoint. */
  readonly applied: number;
  /** End of the last block of which something was applied. */
  readonly end: LogEnd;
}

/**
 * The order state of a journal, from the newest checkpoint that fits and the entries after it; reads only, also beside the
 * process that writes. A moment is that of the last order or request sequenced before or at it, and what followed until the next.
 * Throws `JournalRemoved` when the moment lies, or may lie, before everything that is kept.
 */
export const replayJournal = (options: {
  readonly journal: string;
  /** Directory of the checkpoints; null = from the first entry. */
  readonly checkpoints: string | null;
  /** Checkpoints beyond this sequence are not used. */
  readonly upTo?: number;
  readonly goal: ReplayGoal;
  readonly onDamaged: (error: CheckpointDamaged) => void;
  readonly onStranger?: (checkpoint: Checkpoint) => void;
}): Replayed => {
  const { journal, checkpoints, goal, onDamaged } = options;
  const upTo = Math.min(options.upTo ?? Number.MAX_SAFE_INTEGER, goal.kind === 'sequence' ? goal.sequence : Infinity);
  // A moment may lie before any checkpoint; only the journal says, as long as it is all there.
  const usable = checkpoints !== null && (goal.kind !== 'moment' || firstEntry(journal) > 1);
  const checkpoint = usable ? chosen(checkpoints, { goal, upTo, onDamaged }) : null;
  const state = checkpoint?.state ?? new OrderState();
  const base = state.applied;
  let stranger = false;
  let last: LogEnd = checkpoint === null ? EMPTY_LOG : baseOf(checkpoint);
  let timedAtMs: number | null = null;
  /** The checkpoint's state may be that of a later moment than the one asked for, unless what is in front of it says otherwise. */
  const mustReach = (): void => {
    if (goal.kind === 'moment' && checkpoint !== null && (timedAtMs === null || timedAtMs > goal.atMs))
      throw new JournalRemoved({ wanted: 1, first: firstEntry(journal) });
  };
  const onBlock = (block: Block): 'go-on' | 'stop' => {
    const end = blockEnd(block.header);
    if (end.sequence <= base) {
      if (end.sequence === base) stranger = checkpoint?.provenance.chainCrc !== end.crc;
      timedAtMs = lastTimed(block) ?? timedAtMs;
      return stranger ? 'stop' : 'go-on';
    }
    if (block.header.firstSequence <= base) {
      stranger = true;
      return 'stop';
    }
    mustReach();
    last = end;
    return applyUpTo(state, block, goal);
  };
  const found = readJournal(journal, onBlock, checkpoint === null ? null : baseOf(checkpoint));
  if (checkpoint !== null && (stranger || found.sequence < base)) {
    // Of another history: what a cut left behind, or a copy from elsewhere.
    options.onStranger?.(checkpoint);
    return replayJournal({ ...options, upTo: base - 1 });
  }
  mustReach();
  return { state, checkpoint, applied: state.applied - base, end: last };
};

/** Entry that the oldest segment begins with. */
const firstEntry = (journal: string): number => {
  const [oldest] = segmentNames(journal);
  return oldest === undefined ? 1 : firstOf(oldest);
};

/** The newest checkpoint; for a moment, which may lie before it, the oldest. */
const chosen = (
  checkpoints: string,
  options: {
    readonly goal: ReplayGoal;
    readonly upTo: number;
    readonly onDamaged: (error: CheckpointDamaged) => void;
  },
): Checkpoint | null => {
  let found = newestCheckpoint(checkpoints, options);
  while (options.goal.kind === 'moment' && found !== null) {
    const older = newestCheckpoint(checkpoints, { ...options, upTo: found.provenance.sequence - 1 });
    if (older === null) return found;
    found = older;
  }
  return found;
};

const isTimed = (kind: number | undefined): boolean =>
  kind === RECORD_KIND.order || kind === RECORD_KIND.cancel || kind === RECORD_KIND.replace;

/** When the last order or request of a block was sequenced; null when it has none. */
const lastTimed = (block: Block): number | null => {
  const timed = blockRecords(block).findLast((record) => isTimed(record[RECORD.kind]));
  return timed === undefined ? null : Number(timed.readBigUInt64LE(RECORD.number));
};

const applyUpTo = (state: OrderState, block: Block, goal: ReplayGoal): 'go-on' | 'stop' => {
  const { bytes, header } = block;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = BLOCK_HEADER_BYTES;
  for (let at = 0; at < header.count; at++) {
    const sequence = header.firstSequence + at;
    if (goal.kind === 'sequence' && sequence > goal.sequence) return 'stop';
    const kind = bytes[offset + RECORD.kind];
    if (goal.kind === 'moment' && isTimed(kind) && readCount(view, offset + RECORD.number) > goal.atMs) return 'stop';
    state.apply(sequence, header.epoch, bytes, view, offset);
    offset += view.getUint16(offset, true);
  }
  return 'go-on';
};
