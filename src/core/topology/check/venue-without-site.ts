import type { TopologyRule } from '../topology-finding.ts';

export const venueWithoutSite: TopologyRule = {
  id: 'venue-without-site',
  title: 'Every exchange is traded from a site that may be active',
  severity: 'error',
  check: ({ topology }) => {
    const serving = topology.sites
      .filter(({ capabilities }) => capabilities.includes('serve') || capabilities.includes('standby'))
      .map(({ id }) => id as string);
    return topology.venues
      .filter(({ rttMsBySite }) => !serving.some((site) => rttMsBySite[site] !== undefined))
      .map(({ id }) => ({
        path: `venues.${id}.rtt`,
        message: `${id} is reached from no site that may be active, so its sessions are nobody's`,
        remedy: `state the round trip from ${serving.join(', ')}, or remove it`,
      }));
  },
};
