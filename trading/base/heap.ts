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
 * For a process that does once, in a hurry, what it rehearsed long before, and that answers all the time. From here on V8
 *
 * - keeps what it compiled of functions that have not run for some collections;
 * - lets the old generation grow to four times what was left of it before it is collected again: by default that is so little that a
 *   promotion starts a collection;
 * - collects the young generation, which takes some 0.4 ms, by itself: helpers may wait for a processor for longer than that;
 * - counts the memory of buffers as part of the heap: by default 64 MB of them, which sockets have read in a moment, start a collection
 *   of everything, at the highest rates of orders several times a second.
 */
export function keepHeapReady(): void {
  for (const flag of [
    '--no-flush-bytecode',
    '--heap-growing-percent=300',
    '--no-parallel-scavenge',
    '--external-memory-accounted-in-global-limit',
  ])
    setFlagsFromString(flag);
}
