import type { SiteId } from '../../base/ids.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const siteScoreNotFromWeights: TopologyRule = {
  id: 'site-score-not-from-weights',
  title: 'Printed totals of the site selection follow from weights and scores',
  severity: 'warning',
  check({ planning }) {
    const selection = planning.siteSelection;
    if (selection === null) return [];
    return Object.entries(selection.printedTotals).flatMap(([site, printed]) => {
      const scores = selection.scores[site as SiteId] ?? {};
      const total = Object.entries(selection.weights).reduce(
        (sum, [criterion, percent]) => sum + (percent * (scores[criterion] ?? 0)) / 100,
        0,
      );
      if (Math.abs(total - printed) < 0.005) return [];
      return [
        {
          path: `siteSelection.printedTotals.${site}`,
          message: `the total of ${site} is printed as ${printed.toFixed(2)}; weights and scores give ${total.toFixed(2)}`,
          remedy: 'remove the printed total, it is computed; or correct the scores',
        },
      ];
    });
  },
};
