import { durationText } from '../duration-text.ts';
import { componentNamed } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const derivedDataRpo: TopologyRule = {
  id: 'derived-data-rpo',
  title: 'What is recomputed from inputs that lose nothing loses nothing either',
  severity: 'error',
  check: ({ topology, planning }) =>
    topology.components.flatMap((component) => {
      const inputs = (planning.derivedFrom[component.id] ?? []).map((id) => componentNamed(topology, id));
      const worst = Math.max(0, ...inputs.map((input) => input.objective.rpoMs));
      if (inputs.length === 0 || component.objective.rpoMs <= worst) return [];
      return [
        {
          path: `components.${component.id}.objective.rpo`,
          message: `${component.id} allows a loss of ${durationText(component.objective.rpoMs)} although it is recomputed from ${inputs.map((input) => input.id).join(', ')}, where at most ${durationText(worst)} is lost`,
          remedy: `state an RPO of ${durationText(worst)} and recompute after a failover; how old its view may be meanwhile is not an RPO`,
        },
      ];
    }),
};
