import { groupOf } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const componentWithoutGroup: TopologyRule = {
  id: 'component-without-group',
  title: 'Every component that runs belongs to a failover group',
  severity: 'error',
  check: ({ topology }) =>
    topology.components
      .filter((component) => component.kind !== 'inventory' && groupOf(topology, component.id) === null)
      .map((component) => ({
        path: `components.${component.id}`,
        message: `${component.id} runs but belongs to no failover group: nothing will ever move it`,
        remedy: 'add it to "components" of a group, or make it "kind: inventory"',
      })),
};
