import { BLOCK_HEADER_BYTES, type Block, type LogEnd, lastSequenceOf } from '../journal/block.ts';
import { readJournal } from '../journal/journal-reader.ts';
import { type Checkpoint, type CheckpointDamaged, newestCheckpoint } from './checkpoint.ts';
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
 */
export const replayJournal = (options: {
  readonly journal: string;
  /** Directory of the checkpoints; null = from the first entry. */
  readonly checkpoints: string | null;
  readonly goal: ReplayGoal;
  readonly onDamaged: (error: CheckpointDamaged) => void;
  readonly onStranger?: (checkpoint: Checkpoint) => void;
}): Replayed => {
  const { journal, checkpoints, goal, onDamaged } = options;
  const upTo = goal.kind === 'sequence' ? goal.sequence : Number.MAX_SAFE_INTEGER;
  // A moment may lie before any checkpoint; only the journal says.
  const usable = checkpoints !== null && goal.kind !== 'moment';
  const checkpoint = usable ? newestCheckpoint(checkpoints, { upTo, onDamaged }) : null;
  const state = checkpoint?.state ?? new OrderState();
  const base = state.applied;
  let stranger = false;
  let last: LogEnd = { sequence: 0, epoch: 0, crc: 0 };
  readJournal(journal, (block) => {
    const end = { sequence: lastSequenceOf(block.header), epoch: block.header.epoch, crc: block.header.crc };
    if (end.sequence <= base) {
      if (end.sequence === base) stranger = checkpoint?.provenance.chainCrc !== end.crc;
      last = end;
      return stranger ? 'stop' : 'go-on';
    }
    if (block.header.firstSequence <= base) {
      stranger = true;
      return 'stop';
    }
    last = end;
    return applyUpTo(state, block, goal);
  });
  if (checkpoint !== null && (stranger || last.sequence < base)) {
    // Of another history: what a cut left behind, or a copy from elsewhere.
    options.onStranger?.(checkpoint);
    return replayJournal({ ...options, checkpoints: null });
  }
  return { state, checkpoint, applied: state.applied - base, end: last };
};

const applyUpTo = (state: OrderState, block: Block, goal: ReplayGoal): 'go-on' | 'stop' => {
  const { bytes, header } = block;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = BLOCK_HEADER_BYTES;
  for (let at = 0; at < header.count; at++) {
    const sequence = header.firstSequence + at;
    if (goal.kind === 'sequence' && sequence > goal.sequence) return 'stop';
    const kind = bytes[offset + RECORD.kind];
    const isTimed = kind === RECORD_KIND.order || kind === RECORD_KIND.cancel || kind === RECORD_KIND.replace;
    if (goal.kind === 'moment' && isTimed && readCount(view, offset + RECORD.number) > goal.atMs) return 'stop';
    state.apply(sequence, header.epoch, bytes, view, offset);
    offset += view.getUint16(offset, true);
  }
  return 'go-on';
};
