import { durationText } from '../duration-text.ts';
import type { Objective } from '../topology.ts';
import type { RuleHit, TopologyRule } from '../topology-finding.ts';

export const stageTargetsExceedRto: TopologyRule = {
  id: 'stage-targets-exceed-rto',
  title: 'Detection, decision, execution and validation together fit into the RTO',
  severity: 'error',
  check({ topology, planning }) {
    const components = topology.components.map((each) => hit(`components.${each.id}`, each.objective));
    const groups = Object.entries(planning.groupObjectives).map(([id, objective]) => hit(`groups.${id}`, objective));
    return [...components, ...groups].filter((each) => each !== null);
  },
};

function hit(subject: string, { rtoMs, stages }: Objective): RuleHit | null {
  if (stages === null) return null;
  const targets = [stages.detectMs, stages.decideMs, stages.executeMs, stages.validateMs];
  const sumMs = targets.reduce((sum, each) => sum + each, 0);
  if (sumMs <= rtoMs) return null;
  return {
    path: `${subject}.objective.stages`,
    message: `the stage targets ${targets.map(durationText).join(' + ')} add up to ${durationText(sumMs)}, more than the RTO of ${durationText(rtoMs)}: a recovery that meets every stage still misses`,
    remedy: `shorten the stages by ${durationText(sumMs - rtoMs)} in all, or state an RTO of ${durationText(sumMs)}`,
  };
}
