/** `CLOCK_MONOTONIC` in nanoseconds; the same clock in every process of a host. */
export const monoNowNs = (): bigint => process.hrtime.bigint();

/** Monotonic milliseconds with a fraction, for differences inside one process. */
export const monoNowMs = (): number => performance.now();
