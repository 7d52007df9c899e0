import { describe, it } from 'node:test';
import { playsInLab, shippedScenarios } from './scenario-play.ts';

/** Known not to hold with real processes, and why. */
const notHeld: Readonly<Record<string, string>> = {
  'scenarios/authority-without-quorum.scenario':
    'it expects that nobody took over at the very moment at which the authority is back; a lab cannot look at a moment, and the take-over that may follow is some 100 ms later',
  'scenarios/drain-given-up.scenario':
    'what hangs while it drains hangs some 40 ms after the step has begun, and by then the drain of a lab is over: the move is made',
  'scenarios/site-loss-resume.scenario':
    'a PostgreSQL whose site returns while its successor is dark follows in vain and does not run, so that nobody can take over, not even with an accepted loss',
};

describe('every shipped scenario that a lab can play holds with real processes', { timeout: 120 * 60_000 }, () => {
  for (const each of shippedScenarios())
    it(`${each.file}: ${each.scenario.title}`, { skip: notHeld[each.file] ?? false }, (context) =>
      playsInLab(context, each),
    );
});
