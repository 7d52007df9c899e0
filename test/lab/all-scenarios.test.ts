import { describe, it } from 'node:test';
import { playsInLab, shippedScenarios } from './scenario-play.ts';

describe('every shipped scenario that a lab can play holds with real processes', { timeout: 120 * 60_000 }, () => {
  for (const each of shippedScenarios())
    it(`${each.file}: ${each.scenario.title}`, (context) => playsInLab(context, each));
});
