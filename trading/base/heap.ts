import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/** Collects everything that nobody uses any more, now, so that it is not collected in the middle of something that is in a hurry. */
export function collectHeap(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}

/**
 * For a process that does once, in a hurry, what it rehearsed long before. From here on V8 keeps what it compiled of functions that have
 * not run for some collections, and after a collection lets the old generation grow to four times what was left of it before the next:
 * by default that is so little that a promotion starts one.
 */
export function keepHeapReady(): void {
  setFlagsFromString('--no-flush-bytecode');
  setFlagsFromString('--heap-growing-percent=300');
}
