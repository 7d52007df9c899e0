import { setTimeout as pause } from 'node:timers/promises';
import type { Revision } from '../../src/core/base/ids.ts';
import type { AuthorityPort, Watch, WatchEvent } from '../../src/engine/authority-port.ts';
import { LivedTime } from '../builders/lived-time.ts';

/** Everything one watch reported, in order, and waiting for more with a bound. */
export class WatchLog {
  readonly events: { readonly event: WatchEvent; readonly atMs: number; readonly livedMs: number }[] = [];
  readonly #lived = new LivedTime();
  readonly #watch: Watch;

  constructor(authority: AuthorityPort, prefix: string, afterRevision: Revision) {
    this.#watch = authority.watch(prefix, {
      afterRevision,
      onEvent: (event) => this.events.push({ event, atMs: performance.now(), livedMs: this.livedMs }),
    });
  }

  /** What the clock of `events[].livedMs` shows now. */
  get livedMs(): number {
    return this.#lived.elapsedMs;
  }

  get kinds(): string[] {
    return this.events.map(({ event }) => event.kind);
  }

  get revisions(): number[] {
    return this.changes.map((change) => change.revision);
  }

  get changes(): Extract<WatchEvent, { kind: 'changed' }>[] {
    return this.events.map(({ event }) => event).filter((event) => event.kind === 'changed');
  }

  async until(condition: (log: WatchLog) => boolean, what: string, withinMs = 30_000): Promise<void> {
    await eventually(
      () => condition(this),
      `${what}; the watch saw ${JSON.stringify(this.events.slice(-5))}`,
      withinMs,
    );
  }

  close(): void {
    this.#watch.close();
    this.#lived.stop();
  }
}

/** Waits for a condition; fails with `what` when it does not hold in time. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 30_000,
): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > until) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(5);
  }
}
