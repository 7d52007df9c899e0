import type { Venue } from './venue.ts';

/**
 * Once per turn of the event loop in which something happened: first what was entered is kept, then everybody is told. Nothing that a
 * command brought about leaves the process before the command is kept.
 */
export class TurnEnd {
  readonly #venue: Venue;
  readonly #tellers: (() => void)[] = [];
  #pending = false;

  constructor(venue: Venue) {
    this.#venue = venue;
  }

  /** `tell` sends what has gathered; called after every flush. */
  join(tell: () => void): void {
    this.#tellers.push(tell);
  }

  soon(): void {
    if (this.#pending) return;
    this.#pending = true;
    setImmediate(() => {
      this.#pending = false;
      this.#venue.flush();
      for (const tell of this.#tellers) tell();
    });
  }
}
