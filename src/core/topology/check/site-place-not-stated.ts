import { servingSites } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const sitePlaceNotStated: TopologyRule = {
  id: 'site-place-not-stated',
  title: 'Position and grid of every serving site are stated, so that distance can be checked',
  severity: 'note',
  check: ({ topology }) =>
    servingSites(topology).flatMap((site) => {
      const missing = [
        site.inventory?.latitude == null || site.inventory.longitude === null ? 'position' : null,
        site.inventory?.gridId == null ? 'grid' : null,
      ].filter((each) => each !== null);
      if (missing.length === 0) return [];
      return [
        {
          path: `sites.${site.id}.inventory`,
          message: `${missing.join(' and ')} of ${site.id} not stated: whether one disaster can take it together with another site cannot be checked`,
          remedy: `state ${missing.map((each) => (each === 'grid' ? '"grid: NAME"' : '"position: {latitude: …, longitude: …}"')).join(' and ')}`,
        },
      ];
    }),
};
