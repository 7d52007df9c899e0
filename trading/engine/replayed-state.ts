import { BLOCK_HEADER_BYTES, type Block, lastSequenceOf } from '../journal/block.ts';
import type { Journal } from '../journal/journal.ts';
import type { Checkpoint } from './checkpoint.ts';
import { KeptFixSessions } from './kept-fix-sessions.ts';
import { OrderState } from './order-state.ts';

const REBUILD_BYTES = 512 * 1024;

/**
 * The order state that a journal amounts to, kept up with it: from a checkpoint and what follows it, or from the beginning. After
 * a cut it is computed again from the beginning.
 */
export class ReplayedState {
  #state: OrderState;
  #rebuilding = false;
  #checkpoint: Checkpoint | null;
  /** The end of a block was met that the checkpoint names, and it is that block. */
  #met = false;
  #strange = false;
  readonly #fixNames: readonly string[];
  #fix: KeptFixSessions;

  /** `fixSessions`: names of the FIX sessions that this journal is to hold. */
  constructor(checkpoint: Checkpoint | null = null, fixSessions: readonly string[] = []) {
    this.#checkpoint = checkpoint;
    this.#fixNames = fixSessions;
    this.#fix = new KeptFixSessions(fixSessions);
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
    return this.#checkpoint?.provenance.sequence ?? 0;
  }

  /** Asked when the journal was recovered: false when the checkpoint is of another history; then `rebuild` follows. */
  fits(journal: Journal): boolean {
    return this.#checkpoint === null || (this.#met && !this.#strange && this.#state.applied === journal.end.sequence);
  }

  /** Applies the block that was just appended or recovered. */
  apply(block: Block): void {
    if (this.#rebuilding || this.#strange) return;
    this.#fix.apply(block);
    if (this.#checkpoint !== null && !this.#met) this.#compare(this.#checkpoint, block);
    else applyBlock(this.#state, block);
  }

  /** Starts over, a piece per turn of the event loop, until it has caught up with the journal, which may grow meanwhile. */
  async rebuild(journal: Journal): Promise<void> {
    const state = new OrderState();
    const fix = new KeptFixSessions(this.#fixNames);
    this.#state = state;
    this.#fix = fix;
    this.#checkpoint = null;
    this.#strange = false;
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

  /** Blocks up to the checkpoint's own are in its state already, if they are its blocks. */
  #compare({ provenance }: Checkpoint, { header }: Block): void {
    const last = lastSequenceOf(header);
    if (last < provenance.sequence) return;
    this.#met = last === provenance.sequence && header.crc === provenance.chainCrc;
    this.#strange = !this.#met;
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
