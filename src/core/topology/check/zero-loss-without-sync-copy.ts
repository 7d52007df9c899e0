import { eligibleInstancesAt, servingSites } from '../lookup.ts';
import type { Component, ComponentKind, Topology } from '../topology.ts';
import type { TopologyRule } from '../topology-finding.ts';

const keepers: ReadonlySet<ComponentKind> = new Set(['postgres', 'patroni', 'trading-engine']);

export const zeroLossWithoutSyncCopy: TopologyRule = {
  id: 'zero-loss-without-sync-copy',
  title: 'An RPO of 0 is kept by a synchronous copy at another site',
  severity: 'error',
  check: ({ topology, planning }) =>
    topology.components.flatMap((component) => {
      const keepsData = component.durability !== null || keepers.has(component.kind);
      if (!keepsData || component.kind === 'inventory' || component.objective.rpoMs > 0) return [];
      if ((planning.derivedFrom[component.id] ?? []).length > 0) return [];
      const lacking = whatIsLacking(topology, component);
      if (lacking === null) return [];
      return [
        {
          path: `components.${component.id}.objective.rpo`,
          message: `${component.id} promises to lose nothing when a site is lost, but ${lacking}`,
          remedy:
            'state "durability: {acknowledge: remote-site, …}" with "replication: sync" at two serving sites, or an RPO above 0',
        },
      ];
    }),
};

/** What a component lacks to lose nothing with a site; null = nothing. */
export function whatIsLacking(topology: Topology, component: Component): string | null {
  if (component.durability?.acknowledge !== 'remote-site')
    return `it acknowledges with ${component.durability?.acknowledge ?? 'no stated'} durability`;
  const sites = servingSites(topology).filter((site) =>
    eligibleInstancesAt(topology, component.id, site.id).some((each) => each.replication === 'sync'),
  );
  return sites.length >= 2 ? null : `only ${sites.map((site) => site.id).join() || 'no site'} holds a synchronous copy`;
}
