import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { waitFor } from '../../../lab/wait.ts';
import type { NamespaceLabUnderTest } from '../netns-lab.under-test.ts';
import type { FlowReport } from './session-probe.ts';

const reportWithinMs = 5_000;

/** A client on a machine of a lab that asks without end, looked at window by window: one process, so that it is as warm in each of them. */
export class FlowUnderTest {
  readonly #under: NamespaceLabUnderTest;
  readonly #child: ChildProcess;
  readonly #reports: FlowReport[] = [];

  /** @param child a `flow` of the session probe that is ready */
  constructor(under: NamespaceLabUnderTest, child: ChildProcess) {
    this.#under = under;
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line.startsWith('{')) this.#reports.push(JSON.parse(line) as FlowReport);
    });
  }

  /** What it saw within `windowMs`, in the middle of which the work begins. A work that takes longer makes the window longer. */
  async during(windowMs: number, work: () => Promise<void>): Promise<FlowReport> {
    await this.#cut();
    const end = performance.now() + windowMs;
    await pause(windowMs / 2);
    await work();
    await pause(end - performance.now());
    return this.#cut();
  }

  end(): Promise<void> {
    return this.#under.end(this.#child);
  }

  async #cut(): Promise<FlowReport> {
    const before = this.#reports.length;
    this.#child.stdin?.write('\n');
    await waitFor('the report of a window', () => this.#reports.length > before, reportWithinMs);
    return this.#reports.at(-1)!;
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, ms)));
