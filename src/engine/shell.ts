/**
 * The one asynchronous shell around a synchronous core. Agents and controllers both run inside it; the simulator has its own
 * event queue instead.
 *
 * - **S1** Events are handled one at a time, in the order in which they were given. `step` is never entered twice at once.
 * - **S2** Effects begin in the order in which the core asked for them, over all events.
 * - **S3** While a durable effect (`begin` returned a promise) is under way, no later effect begins. So what the core wrote
 *   down is on disk before anything that relies on it leaves the process. Events are still handled meanwhile. Durable effects
 *   that follow each other directly and of which `joins` says so begin together: they share one wait for the disk. Effects for
 *   which `passes` is true rely on nothing that this process writes down: they begin in their turn, and wait for no disk.
 * - **S4** The only exception: an effect for which `overtakes` is true begins at once. A self-fencing kill never waits for a
 *   disk. Effects that have not begun and that it makes void (`voids`) are dropped and reported to `dropped`.
 * - **S5** Nothing but a durable effect is awaited. Outcomes come back as events, by the effect's own deadline.
 * - **S6** One timer, armed for the core's `nextWakeAt`; when it rings the core gets `tick`.
 * - **S7** What the core throws, and what a durable effect rejects with, is final: nothing begins afterwards, and
 *   `failed` is called once.
 */
export interface ShellClock {
  /** This host's monotonic clock, milliseconds. */
  monoMs(): number;
  /** UTC, milliseconds since 1970; for people and evidence. */
  wallMs(): number;
  /** Calls back once, not before `delayMs` from now; the result cancels it. */
  after(delayMs: number, then: () => void): () => void;
}

export interface ShellCore<Event, Effect> {
  step(event: Event, now: number): readonly Effect[];
  nextWakeAt(now: number): number;
}

export interface ShellOptions<Event, Effect> {
  readonly core: ShellCore<Event, Effect>;
  readonly clock: ShellClock;
  readonly tick: Event;
  /** Starts one effect. A promise makes it durable (S3); nothing else may be returned for it to be awaited. */
  readonly begin: (effect: Effect) => Promise<void> | undefined;
  /** Durable effects that may begin while others of them are under way; what begins them keeps their order on the disk. */
  readonly joins?: (effect: Effect) => boolean;
  /** Begins after whatever was asked for before it has begun, and does not wait for that to be durable (S3). */
  readonly passes?: (effect: Effect) => boolean;
  readonly overtakes?: (effect: Effect) => boolean;
  readonly voids?: (waiting: Effect, by: Effect) => boolean;
  readonly dropped?: (effect: Effect) => void;
  readonly failed: (cause: unknown) => void;
}

/** Longest sleep; a core that wants to sleep for ever is woken anyway, so that a late clock cannot leave it asleep. */
const LONGEST_SLEEP_MS = 60_000;

export class Shell<Event, Effect> {
  readonly #options: ShellOptions<Event, Effect>;
  readonly #inbox: Event[] = [];
  #outbox: Effect[] = [];
  #working = false;
  /** Durable effects under way. */
  #waiting = 0;
  /** All of those join. */
  #joining = false;
  #ended = false;
  #cancelTimer: (() => void) | null = null;
  #wakeAt = Number.POSITIVE_INFINITY;
  readonly #idlers: (() => void)[] = [];

  constructor(options: ShellOptions<Event, Effect>) {
    this.#options = options;
  }

  /** Gives the first `tick`. */
  start(): void {
    this.give(this.#options.tick);
  }

  /** Hands an event over. Handled before this returns unless another one is being handled. */
  give(event: Event): void {
    if (this.#ended) return;
    this.#inbox.push(event);
    if (!this.#working) this.#work();
  }

  /** No event is handled and no effect begins any more; resolves when the durable effect under way, if any, has ended. */
  end(): Promise<void> {
    this.#ended = true;
    this.#outbox = [];
    this.#cancelTimer?.();
    if (this.#waiting === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idlers.push(resolve);
    return promise;
  }

  #work(): void {
    const { core, clock } = this.#options;
    this.#working = true;
    try {
      this.#flush();
      for (let event = this.#inbox.shift(); event !== undefined && !this.#ended; event = this.#inbox.shift()) {
        for (const effect of core.step(event, clock.monoMs())) this.#take(effect);
        this.#flush();
      }
      if (!this.#ended) this.#arm();
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#working = false;
    }
  }

  #take(effect: Effect): void {
    const { overtakes, voids, dropped, begin } = this.#options;
    if (overtakes?.(effect) !== true) {
      this.#outbox.push(effect);
      return;
    }
    const isVoid = (waiting: Effect) => voids?.(waiting, effect) === true;
    const overtaken = this.#outbox.filter(isVoid);
    this.#outbox = this.#outbox.filter((waiting) => !isVoid(waiting));
    void begin(effect)?.catch((cause: unknown) => this.#fail(cause));
    for (const each of overtaken) dropped?.(each);
  }

  #flush(): void {
    while (!this.#ended) {
      const effect = this.#outbox[0];
      if (effect === undefined) return;
      const joins = this.#options.joins?.(effect) === true;
      if (this.#waiting > 0 && !(this.#joining && joins)) {
        if (this.#letPass()) continue;
        return;
      }
      this.#outbox.shift();
      const durable = this.#options.begin(effect);
      if (durable === undefined) continue;
      this.#waiting += 1;
      this.#joining = joins;
      durable.then(
        () => this.#durable(),
        (cause: unknown) => {
          this.#fail(cause);
          this.#durable();
        },
      );
    }
  }

  /** Something waits for the disk: of what is behind it, only what relies on nothing there begins. */
  #letPass(): boolean {
    const { passes, begin } = this.#options;
    const passing = passes === undefined ? [] : this.#outbox.filter(passes);
    if (passing.length === 0) return false;
    this.#outbox = this.#outbox.filter((effect) => !passing.includes(effect));
    for (const effect of passing) void begin(effect);
    return true;
  }

  #durable(): void {
    this.#waiting -= 1;
    if (this.#waiting > 0) return;
    for (const resolve of this.#idlers.splice(0)) resolve();
    if (!this.#ended) this.#work();
  }

  #arm(): void {
    const { core, clock } = this.#options;
    const now = clock.monoMs();
    const wakeAt = Math.min(core.nextWakeAt(now), now + LONGEST_SLEEP_MS);
    if (this.#cancelTimer !== null && wakeAt === this.#wakeAt) return;
    this.#cancelTimer?.();
    this.#wakeAt = wakeAt;
    this.#cancelTimer = clock.after(Math.max(0, wakeAt - now), () => {
      this.#cancelTimer = null;
      this.give(this.#options.tick);
    });
  }

  #fail(cause: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outbox = [];
    this.#cancelTimer?.();
    this.#options.failed(cause);
  }
}

/**
 * The promise, or what `late` gives once `deadlineMs` have passed or the promise rejects: a call that leaves the process always
 * ends, and what is not known is `unknown`.
 */
export function byDeadline<Value>(
  clock: ShellClock,
  options: { readonly deadlineMs: number; readonly late: (reason: string) => Value },
  call: () => Promise<Value>,
): Promise<Value> {
  const { promise, resolve } = Promise.withResolvers<Value>();
  const cancel = clock.after(options.deadlineMs, () =>
    resolve(options.late(`no answer within ${Math.round(options.deadlineMs)} ms`)),
  );
  const settle = (value: Value) => {
    cancel();
    resolve(value);
  };
  try {
    call().then(settle, (cause: unknown) => settle(options.late(sentence(cause))));
  } catch (cause) {
    settle(options.late(sentence(cause)));
  }
  return promise;
}

const sentence = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
