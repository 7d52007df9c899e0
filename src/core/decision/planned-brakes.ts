import type { RunId, WallMs } from '../base/ids.ts';
import type { RecoveryPlan } from '../plan/recovery-plan.ts';
import type { RunResult, RunState } from '../run/run.ts';
import { type Brakes, brakeHolds } from './brakes.ts';

const isPlanned = (plan: RecoveryPlan): boolean => plan.runbook === 'switchover-site';

/** While a planned move runs its group is in maintenance, unless it is already: what is quiet then is quiet on purpose. */
export function duringMove(
  brakes: Brakes,
  { run, plan, by, at }: { readonly run: RunId; readonly plan: RecoveryPlan; readonly by: string; readonly at: WallMs },
): Brakes {
  if (!isPlanned(plan) || brakeHolds(brakes.maintenance, at)) return brakes;
  // Bounded: whatever becomes of the run's end, automation is not held up for ever.
  const until = (at + plan.steps.reduce((sum, step) => sum + step.deadlineMs, 0)) as WallMs;
  return { ...brakes, maintenance: { run, by, reason: `planned move ${run} to ${plan.toSite}`, at, until } };
}

/** Its own maintenance ends with it, however it ended: automation must see what is left. A completed one is watched from then on. */
export function afterMove(
  brakes: Brakes,
  { run, plan, by }: RunState,
  { result, at, watchMs }: { readonly result: RunResult; readonly at: WallMs; readonly watchMs: number },
): Brakes {
  const { watch: _, ...rest } = brakes;
  const base = isPlanned(plan) ? rest : brakes;
  return {
    ...base,
    maintenance: brakes.maintenance?.run === run ? null : brakes.maintenance,
    ...(isPlanned(plan) && result === 'completed' && watchMs > 0
      ? { watch: { run, by, since: at, until: (at + watchMs) as WallMs } }
      : {}),
  };
}
