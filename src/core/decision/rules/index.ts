import type { SafetyRule } from '../safety-rule.ts';
import { activationRule } from './activation.ts';
import { candidateRule } from './candidate.ts';
import { coolDownRule } from './cool-down.ts';
import { dataRule } from './data.ts';
import { dependencyRule } from './dependency.ts';
import { dualRule } from './dual.ts';
import { fenceRule } from './fence.ts';
import { flappingRule } from './flapping.ts';
import { freezeRule } from './freeze.ts';
import { incarnationRule } from './incarnation.ts';
import { leaderRule } from './leader.ts';
import { leaseRule } from './lease.ts';
import { maintenanceRule } from './maintenance.ts';
import { quorumRule } from './quorum.ts';
import { runRule } from './run.ts';
import { syncRule } from './sync.ts';
import { targetRule } from './target.ts';
import { verdictRule } from './verdict.ts';

/** Every safety rule, in the order in which people read them. All are asked, every time. */
export const SAFETY_RULES: readonly SafetyRule[] = [
  leaderRule,
  quorumRule,
  incarnationRule,
  runRule,
  verdictRule,
  leaseRule,
  fenceRule,
  candidateRule,
  dataRule,
  targetRule,
  activationRule,
  dependencyRule,
  dualRule,
  syncRule,
  freezeRule,
  maintenanceRule,
  coolDownRule,
  flappingRule,
];
