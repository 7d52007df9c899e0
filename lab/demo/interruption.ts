const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What the launcher hands on, its process group may have been sent as well: within this time it is one interruption. */
const ONE_INTERRUPTION_MS = 1_000;
const INTERRUPTED = 130;

/**
 * Calls `end` when somebody interrupts this process, once. Whoever does it again later does not want to wait: the process ends as it is.
 * @returns what takes this back
 */
export function onInterruption(end: () => void): () => void {
  let heardAtMs: number | null = null;
  const heard = () => {
    const nowMs = performance.now();
    if (heardAtMs !== null) {
      if (nowMs - heardAtMs > ONE_INTERRUPTION_MS) process.exit(INTERRUPTED);
      return;
    }
    heardAtMs = nowMs;
    end();
  };
  for (const signal of signals) process.on(signal, heard);
  return () => {
    for (const signal of signals) process.removeListener(signal, heard);
  };
}
