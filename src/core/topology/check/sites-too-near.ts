import { servingSites } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';
import { distanceKm } from './distance.ts';

/** A hurricane, an earthquake or a grid failure reaches this far. */
const leastKm = 800;

export const sitesTooNear: TopologyRule = {
  id: 'sites-too-near',
  title: 'Sites that replace one another are more than 800 km apart',
  severity: 'warning',
  check({ topology }) {
    const serving = servingSites(topology);
    return serving.flatMap((site, index) =>
      serving.slice(0, index).flatMap((other) => {
        const km = distanceKm(site.inventory, other.inventory);
        if (km === null || km > leastKm) return [];
        return [
          {
            path: `sites.${site.id}.inventory.position`,
            message: `${other.id} and ${site.id} are ${Math.round(km)} km apart, less than ${leastKm} km: one regional disaster can take both`,
            remedy:
              'choose a site farther away, or accept this finding with the reason and keep a copy of the data elsewhere',
          },
        ];
      }),
    );
  },
};
