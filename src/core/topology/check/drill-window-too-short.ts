import { durationText } from '../duration-text.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const drillWindowTooShort: TopologyRule = {
  id: 'drill-window-too-short',
  title: 'The phases of a drill fit into its window',
  severity: 'error',
  check: ({ planning }) =>
    planning.drills.flatMap((drill) => {
      const sumMs = drill.phases.reduce((sum, phase) => sum + phase.forMs, 0);
      if (sumMs <= drill.windowMs) return [];
      return [
        {
          path: `drills.${drill.id}.window`,
          message: `the ${drill.phases.length} phases of ${drill.id} take ${durationText(sumMs)}, its window is ${durationText(drill.windowMs)}`,
          remedy: `open the window for ${durationText(sumMs)}, or shorten the phases by ${durationText(sumMs - drill.windowMs)}`,
        },
      ];
    }),
};
