import { setTimeout as delay } from 'node:timers/promises';
import { hostMonoMs } from './host-clock.ts';

/** What was waited for did not come in time: the outcome is unknown, not failed. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

/** The waiting was given up because something else takes precedence, e.g. a kill. */
export class Abandoned extends Error {
  override readonly name = 'Abandoned';
}

/** A moment on the host's monotonic clock by which a call that leaves the process has ended, with or without an answer. */
export class Deadline {
  readonly atMs: number;
  readonly signal: AbortSignal | null;

  constructor(options: { readonly afterMs: number; readonly signal?: AbortSignal }) {
    this.atMs = hostMonoMs() + options.afterMs;
    this.signal = options.signal ?? null;
  }

  remainingMs(): number {
    return Math.max(0, this.atMs - hostMonoMs());
  }

  /** Throws `Abandoned` or `DeadlineExceeded`; called before every further effect. */
  check(what: string): void {
    if (this.signal?.aborted) throw new Abandoned(`given up while ${what}`);
    if (this.remainingMs() <= 0) throw new DeadlineExceeded(`deadline passed while ${what}`);
  }

  /** A deadline no later than this one. */
  within(limitMs: number): Deadline {
    const afterMs = Math.min(limitMs, this.remainingMs());
    return new Deadline(this.signal === null ? { afterMs } : { afterMs, signal: this.signal });
  }

  /** Asks every `everyMs` until the answer is not null; throws `DeadlineExceeded` or `Abandoned` otherwise. */
  async until<Value>(what: string, ask: () => Promise<Value | null> | Value | null, everyMs = 20): Promise<Value> {
    for (;;) {
      this.check(what);
      const value = await ask();
      if (value !== null) return value;
      await delay(Math.min(everyMs, this.remainingMs() + 1));
    }
  }

  /** Settles with the promise, or with `DeadlineExceeded` / `Abandoned`, whichever is first. */
  async race<Value>(what: string, promise: Promise<Value>): Promise<Value> {
    // Nobody else may be listening when the check throws.
    promise.catch(() => undefined);
    this.check(what);
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new DeadlineExceeded(`deadline passed while ${what}`)), this.remainingMs());
    const abandon = () => reject(new Abandoned(`given up while ${what}`));
    this.signal?.addEventListener('abort', abandon, { once: true });
    try {
      return await Promise.race([promise, ended]);
    } finally {
      clearTimeout(timer);
      this.signal?.removeEventListener('abort', abandon);
    }
  }
}
