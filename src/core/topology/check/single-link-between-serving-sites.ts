import { servingSites } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';
import { linksBetween } from '../topology-index.ts';

export const singleLinkBetweenServingSites: TopologyRule = {
  id: 'single-link-between-serving-sites',
  title: 'The two most preferred sites are joined by at least two links',
  severity: 'warning',
  check({ topology }) {
    const [first, second] = servingSites(topology);
    if (!first || !second) return [];
    const count = linksBetween(topology, first.id, second.id).length;
    if (count >= 2) return [];
    return [
      {
        path: 'links',
        message: `${count === 0 ? 'no link joins' : 'one link alone joins'} ${first.id} and ${second.id}: its loss ends synchronous replication and looks like the loss of a site`,
        remedy: 'add a second link on another path; an encrypted tunnel over the internet is enough as a backup',
      },
    ];
  },
};
