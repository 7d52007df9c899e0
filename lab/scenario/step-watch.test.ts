import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { SiteId } from '../../src/core/base/ids.ts';
import { topologyOf } from '../../src/sim/build-topology.ts';
import { shapeOf } from '../../src/sim/scenario-shape.ts';
import type { HistoryEntry } from '../../src/wire/operator-api.ts';
import { type StepBegun, StepWatch } from './step-watch.ts';

const topology = topologyOf(
  shapeOf({
    firm: { servingSites: 2, enginesPerSite: 1, archive: false, services: false },
    policy: { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' },
  }),
);

/** What every controller has heard of the journal so far; one of them may say nothing. */
class Journal {
  readonly topology = topology;
  silent: string | null = null;
  readonly #entries: HistoryEntry[] = [];

  add(key: string, events: readonly object[]): void {
    const number = this.#entries.length + 1;
    const value = { run: 'trading-1', controller: 'bravo', events };
    this.#entries.push({ number, at: 1000 + number, revision: number, key, value: value as never });
  }

  journal(controller: SiteId, after: number): Promise<readonly HistoryEntry[]> {
    if (controller === this.silent) return Promise.reject(new Error('no answer'));
    return Promise.resolve(this.#entries.filter(({ number }) => number > after));
  }
}

const opened = (...steps: readonly (readonly [string, string])[]) => ({
  kind: 'opened',
  plan: { steps: steps.map(([id, kind]) => ({ id, kind })) },
});
const started = (step: string) => ({ kind: 'step-started', step });

async function watch(context: TestContext, journal: Journal) {
  const told: StepBegun[] = [];
  const opening = await StepWatch.open(journal, (begun) => told.push(begun));
  context.after(() => opening.close());
  return told;
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, 'not in time');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('a step is told once, with who began it, although every controller tells it', async (context) => {
  const journal = new Journal();
  const told = await watch(context, journal);
  journal.add('journal/trading/000000001', [opened(['barrier', 'barrier'], ['drop-caches', 'act'])]);
  journal.add('journal/trading/000000002', [started('barrier')]);
  journal.add('journal/trading/head', []);
  journal.add('journal/trading/000000003', [started('drop-caches')]);
  await until(() => told.length === 2);
  assert.deepEqual(told, [
    { step: 'barrier', leader: 'bravo', at: 1002 },
    { step: 'act', leader: 'bravo', at: 1004 },
  ]);
});

test('what was begun before is not told, and a controller that falls silent keeps no step from being told', async (context) => {
  const journal = new Journal();
  journal.add('journal/trading/000000001', [opened(['barrier', 'barrier']), started('barrier')]);
  const told = await watch(context, journal);
  journal.silent = 'alfa';
  journal.add('journal/trading/000000002', [opened(['drain', 'drain']), started('drain')]);
  await until(() => told.length > 0);
  assert.deepEqual(
    told.map(({ step }) => step),
    ['drain'],
  );
});
