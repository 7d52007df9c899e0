import { durationText } from '../duration-text.ts';
import type { Category, Component } from '../topology.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const categoryContradictsObjective: TopologyRule = {
  id: 'category-contradicts-objective',
  title: 'Category, automation and objectives tell one story',
  severity: 'warning',
  check: ({ topology, planning }) =>
    topology.components.flatMap((component) => {
      const keepsNothing = component.authority === 'none' || (planning.derivedFrom[component.id] ?? []).length > 0;
      const reasons = contradictions(component, keepsNothing);
      if (reasons.length === 0) return [];
      const means = meaning[component.category];
      return [
        {
          path: `components.${component.id}.category`,
          message: `${component.id} is ${component.category} (${means}), but ${reasons.join(' and ')}`,
          remedy:
            'change the category to what really stands behind it, or the objective to what that category can keep',
        },
      ];
    }),
};

const meaning: Readonly<Record<Category, string>> = {
  hot: 'a running standby takes over by itself, nothing is lost',
  warm: 'a standby is promoted within minutes, seconds may be lost',
  cold: 'restarted by people from a stored copy, the last interval is lost',
};
const minuteMs = 60_000;

function contradictions({ category, automation, objective }: Component, keepsNothing: boolean): readonly string[] {
  const { rtoMs, rpoMs } = objective;
  const reasons: string[] = [];
  if (category === 'hot' && automation !== 'full') reasons.push(`its automation is ${automation}`);
  if (category === 'hot' && rtoMs > minuteMs) reasons.push(`its RTO is ${durationText(rtoMs)}`);
  if (category === 'cold' && automation === 'full') reasons.push('its automation is full');
  if (category !== 'hot' && rtoMs < minuteMs) reasons.push(`its RTO is ${durationText(rtoMs)}`);
  if (category !== 'hot' && rpoMs === 0 && !keepsNothing) reasons.push('its RPO is 0');
  return reasons;
}
