import { describe, it } from 'node:test';
import { playsInLab, shippedScenarios } from '../lab/scenario-play.ts';
import { reasonToSkipNamespaces } from './netns-lab.under-test.ts';

const skip = await reasonToSkipNamespaces();

describe('every shipped scenario that network namespaces can play holds there', { skip, timeout: 180 * 60_000 }, () => {
  for (const each of shippedScenarios())
    it(`${each.file}: ${each.scenario.title}`, (context) => playsInLab(context, each, 'netns'));
});
