import { durationText } from '../duration-text.ts';
import type { TopologyRule } from '../topology-finding.ts';

const bandEndMs = { 1: 60_000, 2: 300_000, 3: 900_000, 4: 3_600_000 } as const;

export const rtoOutsidePriorityBand: TopologyRule = {
  id: 'rto-outside-priority-band',
  title: 'The RTO of a component is within the time that its recovery priority stands for',
  severity: 'warning',
  check: ({ topology }) =>
    topology.components.flatMap(({ id, priority, objective }) => {
      if (objective.rtoMs <= bandEndMs[priority]) return [];
      return [
        {
          path: `components.${id}.priority`,
          message: `${id} has priority ${priority}, recovered within ${durationText(bandEndMs[priority])}, and an RTO of ${durationText(objective.rtoMs)}`,
          remedy: 'give it the priority of its RTO (1: 1 min, 2: 5 min, 3: 15 min, 4: 60 min), or a shorter RTO',
        },
      ];
    }),
};
