import type { TopologyRule } from '../topology-finding.ts';

const leastDays = 90;

export const videoRetentionShort: TopologyRule = {
  id: 'video-retention-short',
  title: 'Recordings of who entered are kept for 90 days',
  severity: 'warning',
  check: ({ topology }) =>
    topology.sites.flatMap(({ id, inventory }) => {
      const days = inventory?.videoRetentionDays ?? null;
      if (days === null || days >= leastDays) return [];
      return [
        {
          path: `sites.${id}.inventory.videoRetention`,
          message: `${id} keeps video for ${days} days, less than ${leastDays}`,
          remedy: `keep it for ${leastDays} days`,
        },
      ];
    }),
};
