import { durationText } from '../duration-text.ts';
import type { ProbeDepth } from '../topology.ts';
import type { TopologyRule } from '../topology-finding.ts';

const ceilingMs: Readonly<Record<ProbeDepth, number>> = {
  process: 1000,
  application: 2000,
  business: 5000,
  'end-to-end': 10_000,
};

export const probeIntervalTooLong: TopologyRule = {
  id: 'probe-interval-too-long',
  title: 'No probe is asked less often than its depth demands',
  severity: 'warning',
  check: ({ topology }) =>
    topology.components.flatMap((component) =>
      component.probes.flatMap((probe, index) => {
        if (probe.intervalMs <= ceilingMs[probe.depth]) return [];
        return [
          {
            path: `components.${component.id}.probes.${index}.every`,
            message: `the ${probe.depth} probe of ${component.id} looks every ${durationText(probe.intervalMs)}, the longest for this depth is ${durationText(ceilingMs[probe.depth])}`,
            remedy: `state "every: ${durationText(ceilingMs[probe.depth])}" or less`,
          },
        ];
      }),
    ),
};
