import { BLOCK_HEADER_BYTES, type Block } from '../journal/block.ts';
import type { Journal } from '../journal/journal.ts';
import { OrderState } from './order-state.ts';

const REBUILD_BYTES = 512 * 1024;

/** The order state that a journal amounts to, kept up with it. After a cut it is computed again from the beginning. */
export class ReplayedState {
  #state = new OrderState();
  #rebuilding = false;

  get state(): OrderState {
    return this.#state;
  }

  /** False while it is being computed again. */
  get complete(): boolean {
    return !this.#rebuilding;
  }

  /** Applies the block that was just appended or recovered. */
  apply(block: Block): void {
    if (this.#rebuilding) return;
    applyBlock(this.#state, block);
  }

  /** Starts over, a piece per turn of the event loop, until it has caught up with the journal, which may grow meanwhile. */
  async rebuild(journal: Journal): Promise<void> {
    const state = new OrderState();
    this.#state = state;
    this.#rebuilding = true;
    while (this.#state === state) {
      const blocks = journal.blocksAfter(state.applied, REBUILD_BYTES);
      if (blocks.length === 0) {
        this.#rebuilding = false;
        return;
      }
      for (const block of blocks) applyBlock(state, block);
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
