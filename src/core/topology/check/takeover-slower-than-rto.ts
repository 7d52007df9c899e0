import { leaseBounds } from '../../authority/lease-arithmetic.ts';
import { durationText } from '../duration-text.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const takeoverSlowerThanRto: TopologyRule = {
  id: 'takeover-slower-than-rto',
  title: 'Noticing silence and waiting out a lease fit into every RTO',
  severity: 'error',
  check({ topology }) {
    const waitMs = leaseBounds(topology.timing).successorWaitMs;
    const leastMs = topology.timing.silenceCeilingMs + waitMs;
    return topology.components
      .filter((component) => component.authority === 'owned' && component.kind !== 'inventory')
      .filter((component) => component.objective.rtoMs <= leastMs)
      .map((component) => ({
        path: `components.${component.id}.objective.rto`,
        message: `${component.id} promises ${durationText(component.objective.rtoMs)}; noticing silence (${durationText(topology.timing.silenceCeilingMs)}) and waiting out the lease of the old primary (${durationText(waitMs)}) can take ${durationText(leastMs)} before anything is started`,
        remedy: 'shorten silenceCeiling, selfFenceAfter and stopWithin under "timing", or allow more time',
      }));
  },
};
