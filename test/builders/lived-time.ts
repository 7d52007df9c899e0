const TICK_MS = 10;

/**
 * Time as this process lived it, since it was made: while the machine does not let it run, nothing passes. For claims about how
 * soon this process notices something; on a machine that is busy, the notice and this clock are late together. Never ahead of
 * the real time.
 */
export class LivedTime {
  readonly #beat: NodeJS.Timeout;
  #ticks = 0;

  constructor() {
    this.#beat = setInterval(() => {
      this.#ticks += 1;
    }, TICK_MS);
    this.#beat.unref();
  }

  get elapsedMs(): number {
    return this.#ticks * TICK_MS;
  }

  /** The last reading. */
  stop(): number {
    clearInterval(this.#beat);
    return this.elapsedMs;
  }
}
