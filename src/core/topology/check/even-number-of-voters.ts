import { quorumSize, votersOf } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const evenNumberOfVoters: TopologyRule = {
  id: 'even-number-of-voters',
  title: 'The number of voters is odd',
  severity: 'warning',
  check({ topology }) {
    const count = votersOf(topology).length;
    if (count < 3 || count % 2 === 1) return [];
    return [
      {
        path: 'sites',
        message: `${count} sites vote and ${quorumSize(topology)} are needed: the last voter adds no tolerance, only one more site that must answer`,
        remedy: 'take the vote from the most distant site, or add one more voter',
      },
    ];
  },
};
