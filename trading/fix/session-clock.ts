/** What the passing of time asks of a session that is up. */
export type ClockStep = 'none' | 'heartbeat' | 'test-request' | 'silent';

/** Heartbeats, test requests and their time-outs (volume 2, "Heartbeat", "Test Request"). Nothing is due when HeartBtInt is 0. */
export class SessionClock {
  #intervalMs = 0;
  #sentAtMs = 0;
  #heardAtMs = 0;
  #testedAtMs: number | null = null;

  start(heartBtIntS: number, monoMs: number): void {
    this.#intervalMs = heartBtIntS * 1000;
    this.#sentAtMs = monoMs;
    this.#heardAtMs = monoMs;
    this.#testedAtMs = null;
  }

  sent(monoMs: number): void {
    this.#sentAtMs = monoMs;
  }

  heard(monoMs: number): void {
    this.#heardAtMs = monoMs;
    this.#testedAtMs = null;
  }

  /** The most urgent thing that is due; call again until it says `none`. */
  due(monoMs: number): ClockStep {
    if (this.#intervalMs === 0) return 'none';
    if (this.#testedAtMs !== null && monoMs >= this.#testedAtMs + this.#patienceMs) return 'silent';
    if (this.#testedAtMs === null && monoMs >= this.#heardAtMs + this.#patienceMs) {
      this.#testedAtMs = monoMs;
      return 'test-request';
    }
    if (monoMs >= this.#sentAtMs + this.#intervalMs) {
      this.#sentAtMs = monoMs;
      return 'heartbeat';
    }
    return 'none';
  }

  get nextMs(): number {
    if (this.#intervalMs === 0) return Number.POSITIVE_INFINITY;
    const silence = (this.#testedAtMs ?? this.#heardAtMs) + this.#patienceMs;
    return Math.min(silence, this.#sentAtMs + this.#intervalMs);
  }

  /** "HeartBtInt plus some reasonable transmission time". */
  get #patienceMs(): number {
    return Math.ceil(this.#intervalMs * 1.2);
  }
}
