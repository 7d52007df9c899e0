import { nextBeat } from '../../core/base/beat.ts';
import { systemClock } from './system-clock.ts';

/** Calls of one interval share one timer. */
const rhythms = new Map<number, Rhythm>();

/**
 * Calls `then` at every whole multiple of `everyMs` of this host's monotonic clock, the first one sooner than that. However many
 * ask for one interval, they cost one timer, and all processes of a host are woken together. @returns what ends it
 */
export function onBeat(everyMs: number, then: () => void): () => void {
  let rhythm = rhythms.get(everyMs);
  if (rhythm === undefined) {
    rhythm = new Rhythm(everyMs);
    rhythms.set(everyMs, rhythm);
  }
  return rhythm.join(then);
}

class Rhythm {
  readonly #everyMs: number;
  readonly #members = new Set<{ readonly then: () => void }>();
  #cancel: (() => void) | null = null;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  join(then: () => void): () => void {
    const member = { then };
    this.#members.add(member);
    if (this.#cancel === null) this.#arm();
    return () => {
      if (!this.#members.delete(member) || this.#members.size > 0) return;
      this.#cancel?.();
      this.#cancel = null;
    };
  }

  #arm(): void {
    const now = systemClock.monoMs();
    this.#cancel = systemClock.after(nextBeat(now, this.#everyMs) - now, () => this.#beat());
  }

  #beat(): void {
    this.#arm();
    for (const member of [...this.#members]) if (this.#members.has(member)) member.then();
  }
}
