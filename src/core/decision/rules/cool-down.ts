import { block, cannotEvaluate, pass, type SafetyRule } from '../safety-rule.ts';

/**
 * H6: do not go back to an instance that was demoted a moment ago. It never blocks a wider diagnosis, nor the end of a
 * take-over that was begun (nobody holds it): that would be leaving the platform without a primary.
 */
export const coolDownRule: SafetyRule = {
  id: 'R-COOLDOWN',
  title: 'Not back to what was just demoted',
  overridable: true,
  evaluate: ({ facts, intent }) => {
    if (intent.requestedBy !== null) return pass('a person asks');
    if (intent.trigger === 'NoPrimary' || intent.trigger === 'TakeoverUnfinished')
      return pass('nobody holds it: the take-over must end');
    const { history } = facts.brakes;
    for (const finished of history) {
      const ageMs = facts.wallMs - finished.endedAt;
      if (!finished.automatic || finished.acknowledged || ageMs >= facts.group.coolDownMs) continue;
      if (finished.scope === 'instance' && intent.scope === 'site') continue;
      if (ageMs < 0)
        return cannotEvaluate(
          `${finished.run} ended in the future: a clock was set`,
          `holdfast ack, after looking at the clocks`,
        );
      const back = intent.moves.find((move) => move.from !== move.to && finished.demoted.includes(move.to));
      if (back)
        return block(
          `${back.to} was demoted ${Math.round(ageMs / 1000)} s ago in ${finished.run}`,
          `holdfast ack ${finished.run}, after looking at why`,
          facts.group.coolDownMs - ageMs,
        );
    }
    return pass('no candidate was demoted within the cool-down');
  },
};
