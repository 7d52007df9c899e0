/** A look that took longer than this was not waiting: who looked was stopped, or had no processor. */
const MOST_OF_A_LOOK_MS = 5000;

/** Looks every few milliseconds until the condition holds; rejects, naming it, when the deadline passes first. */
export const waitUntil = async (
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = 30_000,
): Promise<void> => {
  let waitedMs = 0;
  for (let lookedAtMs = performance.now(); !(await holds()); ) {
    const nowMs = performance.now();
    waitedMs += Math.min(nowMs - lookedAtMs, MOST_OF_A_LOOK_MS);
    lookedAtMs = nowMs;
    if (waitedMs > deadlineMs) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
