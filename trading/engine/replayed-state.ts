import { BLOCK_HEADER_BYTES, type Block } from '../journal/block.ts';
import type { Journal } from '../journal/journal.ts';
import type { Checkpoint } from './checkpoint.ts';
import { KeptFixSessions } from './kept-fix-sessions.ts';
import { OrderState } from './order-state.ts';

const REBUILD_BYTES = 512 * 1024;

/**
 * The order state that a journal amounts to, kept up with it: from a checkpoint and what follows it, or from the beginning. After
 * a cut it is computed again.
 */
export class ReplayedState {
  #state: OrderState;
  #rebuilding = false;
  /** Sequence of the checkpoint that it was computed from; 0 = of none. */
  #from: number;
  readonly #fixNames: readonly string[];
  #fix: KeptFixSessions;

  /** The checkpoint is of the journal that is recovered. `fixSessions`: names of the FIX sessions that this journal is to hold. */
  constructor(checkpoint: Checkpoint | null = null, fixSessions: readonly string[] = []) {
    this.#from = checkpoint?.provenance.sequence ?? 0;
    this.#fixNames = fixSessions;
    this.#fix = new KeptFixSessions(fixSessions, checkpoint?.sessions);
    this.#state = checkpoint?.state ?? new OrderState();
  }

  get state(): OrderState {
    return this.#state;
  }

  /** What the journal holds of FIX sessions; another object after a cut. */
  get fix(): KeptFixSessions {
    return this.#fix;
  }

  /** False while it is being computed again. */
  get complete(): boolean {
    return !this.#rebuilding;
  }

  /** Sequence of the checkpoint that it was computed from; 0 = of none. */
  get from(): number {
    return this.#from;
  }

  /** Applies the block that was just appended or recovered; those up to the checkpoint are in its state already. */
  apply(block: Block): void {
    if (this.#rebuilding || block.header.firstSequence <= this.#state.applied) return;
    this.#fix.apply(block);
    applyBlock(this.#state, block);
  }

  /**
   * Starts over, from a checkpoint of this journal or from the first entry, a piece per turn of the event loop, until it has caught
   * up with the journal, which may grow meanwhile. Rejects with `JournalRemoved` when what is needed is no longer there.
   */
  async rebuild(journal: Journal, checkpoint: Checkpoint | null): Promise<void> {
    const state = checkpoint?.state ?? new OrderState();
    const fix = new KeptFixSessions(this.#fixNames, checkpoint?.sessions);
    this.#state = state;
    this.#fix = fix;
    this.#from = state.applied;
    this.#rebuilding = true;
    while (this.#state === state) {
      const blocks = journal.blocksAfter(state.applied, REBUILD_BYTES);
      if (blocks.length === 0) {
        this.#rebuilding = false;
        return;
      }
      for (const block of blocks) {
        fix.apply(block);
        applyBlock(state, block);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Applies all records of a block, which must be the next one. */
export const applyBlock = (state: OrderState, block: Block): void => {
  const { bytes, header } = block;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = BLOCK_HEADER_BYTES;
  for (let at = 0; at < header.count; at++) {
    state.apply(header.firstSequence + at, header.epoch, bytes, view, offset);
    offset += view.getUint16(offset, true);
  }
  if (offset !== bytes.length)
    throw new Error(`block at ${header.firstSequence}: its records are not as long as it is`);
};
