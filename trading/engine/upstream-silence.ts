import { monoNowMs } from '../base/mono-clock.ts';

/**
 * Timers know whole milliseconds: the last ones are slept through in place, which only an upstream that is nearly silent enough makes
 * anybody do. (Looking turn by turn instead keeps a processor busy, and V8 compiles such turns anew just when something is to be done.)
 */
const CLOSE_MS = 2;
const SLEEPER = new Int32Array(new SharedArrayBuffer(4));

/** What it looks at, and sleeps by, apart from timers. */
export interface SilenceClock {
  /** Monotonic, with a fraction. */
  nowMs(): number;
  /** Nothing else is done meanwhile. */
  sleep(forMs: number): void;
}

const HOST_CLOCK: SilenceClock = { nowMs: monoNowMs, sleep: (forMs) => void Atomics.wait(SLEEPER, 0, 0, forMs) };

/** Says when an upstream that is connected has been silent for too long, to a fraction of a millisecond, and again each time this passes. */
export class UpstreamSilence {
  readonly #limitMs: number;
  readonly #heardAtMs: () => number;
  readonly #tell: () => void;
  readonly #nearly: (isNear: boolean) => void;
  readonly #clock: SilenceClock;
  #toldAtMs = 0;
  #isNear = false;
  #due: NodeJS.Timeout | null = null;
  #soon: NodeJS.Immediate | null = null;

  constructor(options: {
    readonly limitMs: number;
    /** When the upstream was heard last; null while nobody is followed. */
    readonly heardAtMs: () => number | null;
    readonly tell: () => void;
    /** Silence comes within milliseconds, or is there; and, told again, the upstream was heard since, or nobody is followed. */
    readonly nearly: (isNear: boolean) => void;
    /** The host's when left out. */
    readonly clock?: SilenceClock;
  }) {
    this.#limitMs = options.limitMs;
    this.#heardAtMs = () => options.heardAtMs() ?? Number.POSITIVE_INFINITY;
    this.#tell = options.tell;
    this.#nearly = options.nearly;
    this.#clock = options.clock ?? HOST_CLOCK;
  }

  /** `nextLookMs`: when it is asked again. A moment before that is waited for. */
  look(nowMs: number, nextLookMs: number): void {
    const heardAtMs = this.#heardAtMs();
    this.#sayWhetherNear(heardAtMs + this.#limitMs - nowMs <= CLOSE_MS);
    const dueMs = Math.max(heardAtMs, this.#toldAtMs) + this.#limitMs - nowMs;
    if (dueMs > 0) {
      if (dueMs <= CLOSE_MS) this.#sleep(dueMs, nextLookMs);
      else if (dueMs < nextLookMs + CLOSE_MS)
        this.#due ??= setTimeout(() => this.#mayBeDue(nextLookMs), Math.max(1, dueMs - CLOSE_MS));
      return;
    }
    this.#toldAtMs = nowMs;
    this.#tell();
  }

  stop(): void {
    if (this.#due !== null) clearTimeout(this.#due);
    if (this.#soon !== null) clearImmediate(this.#soon);
    this.#due = null;
    this.#soon = null;
  }

  #sayWhetherNear(isNear: boolean): void {
    if (isNear === this.#isNear) return;
    this.#isNear = isNear;
    this.#nearly(isNear);
  }

  /** What came meanwhile is read before anybody looks again. */
  #sleep(forMs: number, nextLookMs: number): void {
    if (this.#soon !== null) return;
    this.#clock.sleep(forMs);
    this.#soon = setImmediate(() => this.#mayBeDue(nextLookMs));
  }

  #mayBeDue(nextLookMs: number): void {
    this.#due = null;
    this.#soon = null;
    this.look(this.#clock.nowMs(), nextLookMs);
  }
}
