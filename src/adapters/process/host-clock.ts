import type { MonoMs } from '../../core/base/ids.ts';

/**
 * CLOCK_MONOTONIC of this host: the same for all of its processes, unlike `performance.now()`, which starts with the
 * process. Deadlines that two processes compare (lease, gate) are on this clock. It stands still while the host sleeps.
 */
export const hostMonoNs = (): bigint => process.hrtime.bigint();

/** As `hostMonoNs`, in milliseconds with a fraction. */
export const hostMonoMs = (): MonoMs => (Number(hostMonoNs()) / 1e6) as MonoMs;
