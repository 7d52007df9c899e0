import { monoNowMs } from '../base/mono-clock.ts';

/** Says when an upstream that is connected has been silent for too long, and again each time this passes. */
export class UpstreamSilence {
  readonly #limitMs: number;
  readonly #heardAtMs: () => number;
  readonly #tell: () => void;
  #toldAtMs = 0;
  #due: NodeJS.Timeout | null = null;

  constructor(options: {
    readonly limitMs: number;
    /** When the upstream was heard last; null while nobody is followed. */
    readonly heardAtMs: () => number | null;
    readonly tell: () => void;
  }) {
    this.#limitMs = options.limitMs;
    this.#heardAtMs = () => options.heardAtMs() ?? Number.POSITIVE_INFINITY;
    this.#tell = options.tell;
  }

  /** `nextLookMs`: when it is asked again. A moment before that is waited for. */
  look(nowMs: number, nextLookMs: number): void {
    const dueMs = Math.max(this.#heardAtMs(), this.#toldAtMs) + this.#limitMs - nowMs;
    if (dueMs > 0) {
      if (dueMs < nextLookMs) this.#due ??= setTimeout(() => this.#mayBeDue(nextLookMs), dueMs);
      return;
    }
    this.#toldAtMs = nowMs;
    this.#tell();
  }

  stop(): void {
    if (this.#due !== null) clearTimeout(this.#due);
    this.#due = null;
  }

  #mayBeDue(nextLookMs: number): void {
    this.#due = null;
    this.look(monoNowMs(), nextLookMs);
  }
}
