import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChainHead } from '../../core/evidence/hash-chain.ts';
import type { ShellClock } from '../../engine/shell.ts';
import { type EvidenceSink, EvidenceUnwritten, Recorder } from './recorder.ts';

/** A clock that runs its timers when it is told to, and may have been stopped meanwhile. */
class StoppedClock implements ShellClock {
  #now = 1000;
  readonly #timers: { readonly at: number; readonly then: () => void }[] = [];
  monoMs = (): number => this.#now;
  wallMs = (): number => this.#now;
  after = (delayMs: number, then: () => void): (() => void) => {
    const timer = { at: this.#now + delayMs, then };
    this.#timers.push(timer);
    return () => void this.#timers.splice(this.#timers.indexOf(timer), 1);
  };

  /** Time passes at once; timers that are due by then all run late. */
  async passes(ms: number): Promise<void> {
    this.#now += ms;
    for (const timer of this.#timers.filter(({ at }) => at <= this.#now)) {
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      timer.then();
    }
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A log whose writes end when the test says so. */
function heldLog(): { readonly sink: EvidenceSink; readonly end: (problem?: Error) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sink: EvidenceSink = {
    chain: 'controller-east',
    head: () => ({}) as ChainHead,
    append: () => promise,
    close: () => Promise.resolve(),
  };
  return { sink, end: (problem) => (problem ? reject(problem) : resolve()) };
}

const fact = { kind: 'decision', data: null };

test('a log that does not answer by the deadline is an error', async () => {
  const clock = new StoppedClock();
  const { sink } = heldLog();
  const recording = new Recorder(sink, clock, () => {}).record(fact, 500);
  const refused = assert.rejects(recording, EvidenceUnwritten);
  await clock.passes(510);
  await refused;
});

test('a log that says no is an error at once, with its reason', async () => {
  const { sink, end } = heldLog();
  const recording = new Recorder(sink, new StoppedClock(), () => {}).record(fact, 500);
  end(new Error('the disk is full'));
  await assert.rejects(recording, /the disk is full/);
});

test('a pause of the process itself is not held against the log, but a second deadline is', async () => {
  const clock = new StoppedClock();
  const { sink, end } = heldLog();
  const recorder = new Recorder(sink, clock, () => {});
  const recording = recorder.record(fact, 500);
  await clock.passes(11_000);
  end();
  await recording;

  const stuck = recorderOf(clock).record(fact, 500);
  const refused = assert.rejects(stuck, EvidenceUnwritten);
  await clock.passes(11_000);
  await clock.passes(510);
  await refused;
});

const recorderOf = (clock: ShellClock) => new Recorder(heldLog().sink, clock, () => {});
