import type { Scenario } from '../core/drill/scenario.ts';
import type { Shape } from './build-topology.ts';

/** What a scenario asks for; where it says nothing, quick, and like the shipped example. */
export function shapeOf({ firm, policy }: Pick<Scenario, 'firm' | 'policy'>): Shape {
  return {
    ...firm,
    sitePolicy: policy.site,
    instancePolicy: policy.instance,
    afterPeerLoss: policy.afterPeerLoss,
    coolDownMs: 5000,
    maxRunsPerCoolDown: 3,
    rttMs: 8,
    plannedMove: { approval: false, ticket: false, noticeMs: 0, watchMs: 60_000, outsideMarketHours: false },
    loneDatabase: false,
    mixedVersions: false,
    timing: {
      leaseRenewEveryMs: 400,
      selfFenceAfterMs: 1600,
      stopWithinMs: 300,
      clockRatePpm: 500,
      leaseMarginMs: 100,
      reportEveryMs: 400,
      silenceFloorMs: 1000,
      silenceCeilingMs: 2000,
      leaderRenewEveryMs: 500,
      leaderTimeoutMs: 1600,
      stepDeadlineMs: 3000,
    },
  };
}
