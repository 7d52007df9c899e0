import type { TopologyRule } from '../topology-finding.ts';

export const linksSharePath: TopologyRule = {
  id: 'links-share-path',
  title: 'No two links of one pair of sites run on one physical path',
  severity: 'error',
  check({ topology, planning }) {
    return topology.links.flatMap((link, index) => {
      const twin = topology.links
        .slice(0, index)
        .find(
          (other) => other.pathGroup === link.pathGroup && link.between.every((site) => other.between.includes(site)),
        );
      if (!twin) return [];
      const assumed = planning.unstated.includes(`links.${link.id}.pathGroup`);
      const pair = link.between.join('–');
      return [
        {
          path: `links.${link.id}.pathGroup`,
          message: assumed
            ? `no path is stated for the links ${twin.id} and ${link.id} (${pair}); until it is, they count as one path and fail together`
            : `the links ${twin.id} and ${link.id} (${pair}) are both on the path ${link.pathGroup}: one cut takes both`,
          remedy: 'route one of them differently, and give each its own pathGroup',
        },
      ];
    });
  },
};
