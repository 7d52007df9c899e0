import { durationText } from '../duration-text.ts';
import type { Objective } from '../topology.ts';
import type { RuleHit, TopologyRule } from '../topology-finding.ts';

export const stageTargetsExceedRto: TopologyRule = {
  id: 'stage-targets-exceed-rto',
  title: 'Detection, decision, execution and validation together fit into the RTO',
  severity: 'error',
  check({ topology, planning }) {
    const objectives: readonly (readonly [string, Objective])[] = [
      ...topology.components.map((each) => [`components.${each.id}`, each.objective] as const),
      ...Object.entries(planning.groupObjectives).map(([id, objective]) => [`groups.${id}`, objective] as const),
    ];
    return objectives.flatMap(([subject, { rtoMs, stages }]) => {
      const path = `${subject}.objective`;
      /** The RTO beside the stages, also where another document states a shorter one: that is a finding of its own. */
      const besideMs = planning.statements.find((each) => each.path === path)?.rtoMs ?? rtoMs;
      return stages === null ? [] : tooLong(path, besideMs, stages);
    });
  },
};

function tooLong(path: string, rtoMs: number, stages: NonNullable<Objective['stages']>): readonly RuleHit[] {
  const targets = [stages.detectMs, stages.decideMs, stages.executeMs, stages.validateMs];
  const sumMs = targets.reduce((sum, each) => sum + each, 0);
  if (sumMs <= rtoMs) return [];
  return [
    {
      path: `${path}.stages`,
      message: `the stage targets ${targets.map(durationText).join(' + ')} add up to ${durationText(sumMs)}, more than the RTO of ${durationText(rtoMs)}: a recovery that meets every stage still misses`,
      remedy: `shorten the stages by ${durationText(sumMs - rtoMs)} in all, or state an RTO of ${durationText(sumMs)}`,
    },
  ];
}
