import type { TopologyRule } from '../topology-finding.ts';

export const siteFailoverAutomatic: TopologyRule = {
  id: 'site-failover-automatic',
  title: 'A lost site is replaced only after a person agreed',
  severity: 'note',
  check: ({ topology }) =>
    topology.groups
      .filter((group) => group.sitePolicy === 'automatic')
      .map((group) => ({
        path: `groups.${group.id}.sitePolicy`,
        message: `${group.id} is moved to another site without asking anybody; what Holdfast ships with is "approval"`,
        remedy: 'keep it only where this was decided, for example in a demonstration',
      })),
};
