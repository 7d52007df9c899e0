import { monoNowNs } from './mono-clock.ts';

/**
 * Beats at whole multiples of an interval of the host's monotonic clock, so that all processes of a host are woken together. The
 * interval may be another one after each beat; `hurry` looks again at once whether it has become shorter.
 */
export class Pulse {
  readonly #everyMs: () => number;
  readonly #beat: () => void;
  #timer: NodeJS.Timeout | null = null;
  #dueAtMs = Number.POSITIVE_INFINITY;

  constructor(options: { readonly everyMs: () => number; readonly beat: () => void }) {
    this.#everyMs = options.everyMs;
    this.#beat = options.beat;
    this.#arm();
  }

  hurry(): void {
    if (this.#timer === null) return;
    const now = hostNowMs();
    if (nextMultiple(now, this.#everyMs()) < this.#dueAtMs) this.#arm();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(): void {
    this.stop();
    const now = hostNowMs();
    this.#dueAtMs = nextMultiple(now, this.#everyMs());
    // Timers count whole milliseconds of this clock from the one in which they were set: never early.
    this.#timer = setTimeout(() => this.#rang(), Math.ceil(this.#dueAtMs) - Math.floor(now));
  }

  #rang(): void {
    this.#arm();
    this.#beat();
  }
}

const hostNowMs = (): number => Number(monoNowNs()) / 1e6;

const nextMultiple = (now: number, everyMs: number): number => (Math.floor(now / everyMs) + 1) * everyMs;
