import type { TopologyRule } from '../topology-finding.ts';

export const alertBelowTolerance: TopologyRule = {
  id: 'alert-below-tolerance',
  title: 'Nobody is called for a difference between books that is tolerated',
  severity: 'error',
  check({ topology: { reconciliation } }) {
    const { toleranceLots, alertAboveLots } = reconciliation;
    if (alertAboveLots >= toleranceLots) return [];
    return [
      {
        path: 'reconciliation.alertAbove',
        message: `a difference above ${alertAboveLots} lots calls somebody, and up to ${toleranceLots} lots it is no difference`,
        remedy: 'lower "tolerance", or raise "alertAbove" to at least as much',
      },
    ];
  },
};
