import {
  type DetectorBounds,
  type FailureDetector,
  heard,
  newDetector,
  observerWasAway,
  silenceThresholdMs,
} from '../../core/health/failure-detector.ts';

export interface SilenceWatchOptions {
  /** Between signs of life, as long as nothing else is expected. */
  readonly expectedGapMs: number;
  /** For that gap; for another one they grow or shrink with it. */
  readonly bounds: DetectorBounds;
  /** Called once per silence. */
  readonly onSilent: (silentMs: number) => void;
}

/** A timer that is late by more than this share of the bound says that this process was away. */
const LATE_SHARE = 0.5;

/**
 * Notices that signs of life have stopped, while `watching`. Not fooled by its own process: a timer that comes late by more than
 * half of the bound restarts the window, and before it speaks it lets what waits in the socket be read.
 */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #detector: FailureDetector;
  #expectedGapMs: number;
  #timer: NodeJS.Timeout | null = null;
  #second: NodeJS.Immediate | null = null;
  #dueAt = 0;
  #silent = false;
  #nearest: { readonly gapMs: number; readonly boundMs: number } | null = null;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#expectedGapMs = options.expectedGapMs;
    this.#detector = newDetector(options.expectedGapMs);
  }

  get silent(): boolean {
    return this.#silent;
  }

  get boundMs(): number {
    return silenceThresholdMs(this.#detector, this.#bounds);
  }

  /** How near a living one came to being called silent: the gap that was the greatest share of its bound. Null before any. */
  get nearest(): { readonly gapMs: number; readonly boundMs: number } | null {
    return this.#nearest;
  }

  get #bounds(): DetectorBounds {
    const { bounds, expectedGapMs } = this.#options;
    const scale = this.#expectedGapMs / expectedGapMs;
    return { floorMs: bounds.floorMs * scale, ceilingMs: bounds.ceilingMs * scale };
  }

  /** From now on signs of life come at this distance, the first one with this. */
  expect(gapMs: number): void {
    if (gapMs === this.#expectedGapMs) return;
    this.#expectedGapMs = gapMs;
    this.#detector = { ...newDetector(gapMs), lastHeardAt: performance.now() };
    this.#disarm();
    this.#arm();
  }

  /** @returns true when this ends a silence. */
  heard(): boolean {
    const now = performance.now();
    this.#noteGap(now);
    this.#detector = heard(this.#detector, now, this.#bounds);
    const ends = this.#silent;
    this.#silent = false;
    if (this.#timer === null && this.#second === null) this.#arm();
    return ends;
  }

  /** Forgets everything, e.g. when the process is known to have ended. */
  stop(): void {
    this.#disarm();
    this.#silent = false;
    this.#nearest = null;
    this.#expectedGapMs = this.#options.expectedGapMs;
    this.#detector = newDetector(this.#expectedGapMs);
  }

  #noteGap(now: number): void {
    const { lastHeardAt } = this.#detector;
    if (lastHeardAt === null || this.#silent) return;
    const gapMs = now - lastHeardAt;
    const { boundMs } = this;
    if (gapMs / boundMs > (this.#nearest === null ? 0 : this.#nearest.gapMs / this.#nearest.boundMs))
      this.#nearest = { gapMs, boundMs };
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#second !== null) clearImmediate(this.#second);
    this.#timer = null;
    this.#second = null;
  }

  #arm(): void {
    const lastHeardAt = this.#detector.lastHeardAt ?? performance.now();
    this.#dueAt = lastHeardAt + this.boundMs;
    this.#timer = setTimeout(() => this.#due(), Math.max(1, this.#dueAt - performance.now()));
  }

  #due(): void {
    this.#timer = null;
    const now = performance.now();
    if (now - this.#dueAt > this.boundMs * LATE_SHARE) {
      this.#detector = observerWasAway(this.#detector, now);
      this.#arm();
      return;
    }
    const { lastHeardAt } = this.#detector;
    if (lastHeardAt !== null && now - lastHeardAt < this.boundMs) {
      this.#arm();
      return;
    }
    // What has arrived meanwhile is read between timers and immediates.
    this.#second = setImmediate(() => {
      this.#second = null;
      this.#conclude();
    });
  }

  #conclude(): void {
    const { lastHeardAt } = this.#detector;
    if (lastHeardAt === null) return;
    const silentMs = performance.now() - lastHeardAt;
    if (silentMs < this.boundMs) {
      this.#arm();
      return;
    }
    this.#silent = true;
    this.#options.onSilent(silentMs);
  }
}
