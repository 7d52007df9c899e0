import { brakeHolds } from '../brakes.ts';
import { block, pass, type SafetyRule, secondsSince } from '../safety-rule.ts';

/** Announced work: what looks like a failure may be somebody's screwdriver. */
export const maintenanceRule: SafetyRule = {
  id: 'R-MAINTENANCE',
  title: 'Not in maintenance',
  overridable: true,
  evaluate: ({ facts, intent }) => {
    const { maintenance } = facts.brakes;
    if (!brakeHolds(maintenance, facts.wallMs)) return pass('not in maintenance');
    if (intent.requestedBy !== null) return pass(`in maintenance by ${maintenance.by}, but ${intent.requestedBy} asks`);
    return block(
      `in maintenance by ${maintenance.by} since ${secondsSince(maintenance.at, facts.wallMs)} s: ${maintenance.reason}`,
      'holdfast maintenance --end',
    );
  },
};
