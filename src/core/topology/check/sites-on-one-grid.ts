import type { TopologyRule } from '../topology-finding.ts';

export const sitesOnOneGrid: TopologyRule = {
  id: 'sites-on-one-grid',
  title: 'No two sites draw from one power grid',
  severity: 'warning',
  check({ topology }) {
    return topology.sites.flatMap((site, index) => {
      const grid = site.inventory?.gridId ?? null;
      const twin = topology.sites.slice(0, index).find((other) => grid !== null && other.inventory?.gridId === grid);
      if (!twin) return [];
      return [
        {
          path: `sites.${site.id}.inventory.grid`,
          message: `${twin.id} and ${site.id} are both on the grid ${grid}: one blackout takes both`,
          remedy: 'feed one of them from another grid, or accept this finding with the hours that its generators last',
        },
      ];
    });
  },
};
