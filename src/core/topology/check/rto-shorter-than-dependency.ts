import { allDependencies } from '../dependency-graph.ts';
import { durationText } from '../duration-text.ts';
import { componentNamed } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const rtoShorterThanDependency: TopologyRule = {
  id: 'rto-shorter-than-dependency',
  title: 'No component promises to be back before what it depends on',
  severity: 'error',
  check: ({ topology }) =>
    topology.components.flatMap((component) => {
      const slower = allDependencies(topology.components, component.id)
        .map((id) => componentNamed(topology, id))
        .filter((needed) => needed.objective.rtoMs > component.objective.rtoMs);
      if (slower.length === 0) return [];
      const rto = durationText(component.objective.rtoMs);
      const list = slower.map((needed) => `${needed.id} ${durationText(needed.objective.rtoMs)}`).join(', ');
      return [
        {
          path: `components.${component.id}.objective.rto`,
          message: `${component.id} promises ${rto} and depends on what may take longer: ${list}`,
          remedy: `give ${slower.map((needed) => needed.id).join(', ')} an RTO of at most ${rto}, give ${component.id} more, or remove the dependency if it can run without`,
        },
      ];
    }),
};
