import { componentNamed } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const recoveredBeforeDependency: TopologyRule = {
  id: 'recovered-before-dependency',
  title: 'What a component depends on has at least its recovery priority',
  severity: 'warning',
  check: ({ topology }) =>
    topology.components.flatMap((component) => {
      const later = component.dependsOn
        .map((id) => componentNamed(topology, id))
        .filter((needed) => needed.priority > component.priority);
      if (later.length === 0) return [];
      const list = later.map((needed) => `${needed.id} (priority ${needed.priority})`).join(', ');
      return [
        {
          path: `components.${component.id}.priority`,
          message: `${component.id} has priority ${component.priority} and depends on ${list}, which comes after it`,
          remedy: `give ${later.map((needed) => needed.id).join(', ')} priority ${component.priority}`,
        },
      ];
    }),
};
