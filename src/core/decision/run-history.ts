import type { WallMs } from '../base/ids.ts';
import type { RunResult, RunState } from '../run/run.ts';
import { type Brakes, HISTORY_KEPT } from './brakes.ts';

/** The history with this run at its end: what cool-down and predictions rest on. */
export function finished(brakes: Brakes, run: RunState, result: RunResult, at: WallMs): Brakes['history'] {
  const demoted = run.plan.moves.flatMap((move) => (move.from === null || move.from === move.to ? [] : [move.from]));
  return [
    ...brakes.history,
    {
      run: run.run,
      automatic: run.automatic,
      scope: run.plan.scope,
      runbook: run.plan.runbook,
      // The clocks of two leaders may differ by more than a run takes; then nothing is known.
      ...(at > run.decidedAt ? { durationMs: at - run.decidedAt } : {}),
      endedAt: at,
      demoted,
      result,
      acknowledged: false,
    },
  ].slice(-HISTORY_KEPT);
}
