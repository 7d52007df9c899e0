import type { TopologyRule } from '../topology-finding.ts';

export const drillScheduledTwice: TopologyRule = {
  id: 'drill-scheduled-twice',
  title: 'Every drill has one schedule',
  severity: 'warning',
  check: ({ planning }) =>
    planning.drills.flatMap((drill) => {
      const different = [...new Set(drill.schedules)];
      if (different.length < 2) return [];
      return [
        {
          path: `drills.${drill.id}.schedule`,
          message: `${drill.id} is scheduled in ${different.length} ways: ${different.map((each) => `"${each}"`).join(', ')}`,
          remedy: 'keep the schedule that people follow and remove the others',
        },
      ];
    }),
};
