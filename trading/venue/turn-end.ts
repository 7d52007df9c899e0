import type { Venue } from './venue.ts';

/**
 * Once per turn of the event loop in which something happened: first what was entered is kept, then everybody is told. Nothing that a
 * command brought about leaves the process before the command is kept.
 */
export class TurnEnd {
  readonly #venue: Venue;
  readonly #tellers: (() => void)[] = [];
  #pending = false;
  #ended = false;

  constructor(venue: Venue) {
    this.#venue = venue;
  }

  /** `tell` sends what has gathered; called after every flush. */
  join(tell: () => void): void {
    this.#tellers.push(tell);
  }

  soon(): void {
    if (this.#pending || this.#ended) return;
    this.#pending = true;
    setImmediate(() => {
      this.#pending = false;
      if (this.#ended) return;
      this.#venue.flush();
      for (const tell of this.#tellers) tell();
    });
  }

  /** Nobody is told anything any more. */
  end(): void {
    this.#ended = true;
  }
}
