import { describe, it } from 'node:test';
import { playsInLab, shippedScenarios } from './scenario-play.ts';

/** Known not to hold with real processes, and why. */
const notHeld: Readonly<Record<string, string>> = {
  'scenarios/drain-given-up.scenario':
    'what hangs while it drains hangs some 40 ms after the step has begun, and by then the drain of a lab is over: the move is made',
};

describe('every shipped scenario that a lab can play holds with real processes', { timeout: 120 * 60_000 }, () => {
  for (const each of shippedScenarios())
    it(`${each.file}: ${each.scenario.title}`, { skip: notHeld[each.file] ?? false }, (context) =>
      playsInLab(context, each),
    );
});
