import type { TopologyRule } from '../topology-finding.ts';
import { redundancyLevel } from './redundancy-level.ts';

export const redundancyNotStated: TopologyRule = {
  id: 'redundancy-not-stated',
  title: 'Every site states spare power and cooling (N+1 or better)',
  severity: 'warning',
  check: ({ topology }) =>
    topology.sites.flatMap(({ id, inventory }) => {
      if (inventory === null) return [];
      const kinds = [
        { field: 'powerRedundancy', stated: inventory.powerRedundancy },
        { field: 'coolingRedundancy', stated: inventory.coolingRedundancy },
      ];
      return kinds
        .filter(({ stated }) => redundancyLevel(stated) === null)
        .map(({ field, stated }) => ({
          path: `sites.${id}.inventory.${field}`,
          message: `${field} of ${id} is ${stated === null ? 'not stated' : `"${stated}", which says nothing about spares`}`,
          remedy: 'state it as N+1, N+2, 2N or 2N+1',
        }));
    }),
};
