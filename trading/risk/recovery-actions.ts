import type { ControlHandlers } from '../control/control-server.ts';
import { type ActDetail, recoveryAction } from '../control/recovery-action.ts';
import type { RiskReign } from './risk-reign.ts';

/** The steps of a risk engine's recovery, in their order. `reign` throws `not-ready` where it is not primary. */
export const recoveryActions = (reign: () => RiskReign): NonNullable<ControlHandlers['actions']> => {
  const action = (act: (reign: RiskReign) => Promise<ActDetail> | ActDetail) => recoveryAction(reign, act);
  return {
    'fail-safe': action((each) => each.recovery.begin()),
    'restore-limits': action((each) => each.recovery.restoreLimits()),
    'recompute-positions': action((each) => each.recovery.recomputePositions()),
    'recompute-exposures': action((each) => each.recovery.recomputeExposures()),
    verify: action((each) => each.recovery.verify()),
    'leave-fail-safe': action((each) => each.recovery.leave()),
  };
};
