import { allDependencies } from '../dependency-graph.ts';
import { componentNamed } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const availabilityAboveDependency: TopologyRule = {
  id: 'availability-above-dependency',
  title: 'No component promises more availability than what it depends on',
  severity: 'warning',
  check: ({ topology }) =>
    topology.components.flatMap((component) => {
      const promised = component.objective.availabilityPercent;
      if (promised === null) return [];
      const weaker = allDependencies(topology.components, component.id)
        .map((id) => componentNamed(topology, id))
        .filter(({ objective }) => objective.availabilityPercent !== null && objective.availabilityPercent < promised);
      if (weaker.length === 0) return [];
      const list = weaker.map((needed) => `${needed.id} ${needed.objective.availabilityPercent}%`).join(', ');
      return [
        {
          path: `components.${component.id}.objective.availability`,
          message: `${component.id} promises ${promised}% and depends on what promises less: ${list}`,
          remedy: `raise ${weaker.map((needed) => needed.id).join(', ')} to at least ${promised}%, or lower ${component.id}`,
        },
      ];
    }),
};
