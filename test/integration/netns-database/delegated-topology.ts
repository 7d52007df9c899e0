import type { Topology } from '../../../src/core/topology/topology.ts';

/** A firm whose database is run by Patroni: what its servers are reached by, each agent's own configuration says. */
export function underPatroni(topology: Topology): Topology {
  return {
    ...topology,
    components: topology.components
      .filter(({ kind }) => kind !== 'inventory')
      .map((component) =>
        component.kind === 'postgres'
          ? { ...component, kind: 'patroni', authority: 'delegated', served: { leads: {}, servers: {} } }
          : component,
      ),
  };
}
