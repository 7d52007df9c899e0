import { describe, it } from 'node:test';
import { playsInLab, shippedScenario } from './scenario-play.ts';

/** One that only waits and looks, and one with a fault at a step of a run that a person asked for. `all-scenarios.test.ts` has all. */
const chosen: readonly string[] = ['engine-crash.scenario', 'drain-leader-crash.scenario'];

describe('scenarios of the simulator hold with real processes', { timeout: 15 * 60_000 }, () => {
  for (const each of chosen.map(shippedScenario))
    it(`${each.file}: ${each.scenario.title}`, (context) => playsInLab(context, each));
});
