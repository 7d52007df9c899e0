import { block, cannotEvaluate, pass, type SafetyRule } from '../safety-rule.ts';

/** H6: more than N automatic runs within the window and the next one waits for a person. A wider diagnosis is not held up by narrower runs. */
export const flappingRule: SafetyRule = {
  id: 'R-FLAPPING',
  title: 'Not flapping',
  overridable: true,
  evaluate: ({ facts, intent }) => {
    if (intent.requestedBy !== null) return pass('a person asks');
    if (intent.trigger === 'NoPrimary' || intent.trigger === 'TakeoverUnfinished')
      return pass('nobody holds it: the take-over must end');
    const { history } = facts.brakes;
    const counted = history.filter(
      (finished) =>
        finished.automatic &&
        !finished.acknowledged &&
        finished.result === 'completed' &&
        facts.wallMs - finished.endedAt < facts.group.coolDownMs &&
        !(finished.scope === 'instance' && intent.scope === 'site'),
    );
    const ahead = counted.find((finished) => finished.endedAt > facts.wallMs);
    if (ahead)
      return cannotEvaluate(
        `${ahead.run} ended in the future: a clock was set`,
        'holdfast ack, after looking at the clocks',
      );
    const limit = facts.group.maxRunsPerCoolDown;
    if (counted.length < limit) return pass(`${counted.length} of ${limit} automatic runs in the window`);
    const oldest = Math.min(...counted.map((finished) => finished.endedAt));
    return block(
      `${counted.length} automatic runs within ${facts.group.coolDownMs} ms`,
      `holdfast ack ${counted.at(-1)?.run}, after looking at why`,
      Math.max(0, oldest + facts.group.coolDownMs - facts.wallMs),
    );
  },
};
