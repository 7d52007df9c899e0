import { componentNamed, eligibleInstancesAt, servingSites } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const nowhereToFailOver: TopologyRule = {
  id: 'nowhere-to-fail-over',
  title: 'Every group can run in at least two sites',
  severity: 'error',
  check: ({ topology }) =>
    topology.groups.flatMap((group) => {
      const whole = servingSites(topology).filter((site) =>
        group.components.every((id) => eligibleInstancesAt(topology, id, site.id).length > 0),
      );
      if (whole.length >= 2) return [];
      const gaps = servingSites(topology)
        .filter((site) => !whole.includes(site))
        .map((site) => {
          const missing = group.components
            .map((id) => componentNamed(topology, id))
            .filter((component) => eligibleInstancesAt(topology, component.id, site.id).length === 0);
          return `${site.id} lacks ${missing.map((component) => component.id).join(', ')}`;
        });
      return [
        {
          path: `groups.${group.id}.components`,
          message: `${group.id} can run in ${whole.length === 1 ? `${whole[0]!.id} only` : 'no site'}${gaps.length > 0 ? `: ${gaps.join('; ')}` : ''}`,
          remedy:
            'add eligible instances of the missing components at a second site with the capability "serve" or "standby"',
        },
      ];
    }),
};
