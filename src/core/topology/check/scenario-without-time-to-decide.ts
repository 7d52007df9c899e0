import { durationText } from '../duration-text.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const scenarioWithoutTimeToDecide: TopologyRule = {
  id: 'scenario-without-time-to-decide',
  title: 'A scenario that waits for a person has time left after the decision',
  severity: 'warning',
  check: ({ planning }) =>
    planning.scenarios.flatMap((scenario) => {
      const stages = scenario.group === null ? null : (planning.groupObjectives[scenario.group]?.stages ?? null);
      if (scenario.response === 'automatic' || stages === null) return [];
      const spentMs = stages.detectMs + stages.decideMs;
      if (spentMs < scenario.rtoMs) return [];
      return [
        {
          path: `scenarios.${scenario.id}.rto`,
          message: `${scenario.id} is to be over in ${durationText(scenario.rtoMs)} and waits for a person; detection and decision alone may take ${durationText(spentMs)}`,
          remedy: 'let it be automatic, shorten the decision, or allow more time',
        },
      ];
    }),
};
