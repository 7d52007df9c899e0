import { fdatasync } from 'node:fs';
import type { SegmentFile } from './segment-file.ts';

/**
 * Segments that are full, on their way to the disk beside the work: of a journal whose promises do not rest on its own disk, so that
 * nobody waits for them. Each is closed when it is there.
 */
export class FinishingSegments {
  readonly #onFailure: (error: Error) => void;
  #count = 0;

  constructor(onFailure: (error: Error) => void) {
    this.#onFailure = onFailure;
  }

  /** Not yet on the disk. */
  get count(): number {
    return this.#count;
  }

  add(file: SegmentFile): void {
    this.#count += 1;
    fdatasync(file.descriptor, (error) => {
      this.#count -= 1;
      file.close();
      if (error !== null) this.#onFailure(error);
    });
  }
}
