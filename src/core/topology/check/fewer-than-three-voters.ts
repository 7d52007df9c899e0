import { votersOf } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const fewerThanThreeVoters: TopologyRule = {
  id: 'fewer-than-three-voters',
  title: 'The authority has voters at three sites or more',
  severity: 'error',
  check({ topology }) {
    const voters = votersOf(topology);
    if (voters.length >= 3) return [];
    const names = voters.length === 0 ? 'no site votes' : `only ${voters.map((site) => site.id).join(' and ')} vote`;
    return [
      {
        path: 'sites',
        message: `${names}: when one voting site is lost the others are no majority, so nothing can take over by itself`,
        remedy:
          'set "voter: true" at a third site; a site with the capability "witness" and one small host is enough, it never trades',
      },
    ];
  },
};
