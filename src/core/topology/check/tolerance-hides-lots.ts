import type { TopologyRule } from '../topology-finding.ts';

export const toleranceHidesLots: TopologyRule = {
  id: 'tolerance-hides-lots',
  title: 'No whole lot may be missing from a position without being a break',
  severity: 'warning',
  check({ topology: { reconciliation } }) {
    const { toleranceLots } = reconciliation;
    if (toleranceLots < 1) return [];
    return [
      {
        path: 'reconciliation.tolerance',
        message: `positions are whole lots, and a difference of up to ${toleranceLots} of them would not be a break`,
        remedy: 'state less than one lot, and accept by name the differences that are known',
      },
    ];
  },
};
