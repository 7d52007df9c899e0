/** A machine's monotonic clock: its own rate and origin. It never runs backwards; a pause is modelled by what runs on it. */
export class MachineClock {
  readonly #rate: number;
  readonly #origin: number;

  constructor(rate: number, origin: number) {
    this.#rate = rate;
    this.#origin = origin;
  }

  /** Local milliseconds at world time. */
  local(worldMs: number): number {
    return this.#origin + worldMs * this.#rate;
  }

  /** World time at which the local clock shows this. */
  world(localMs: number): number {
    return (localMs - this.#origin) / this.#rate;
  }
}
