import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import type { Postcondition } from '../../engine/driver-port.ts';
import { CLOSED_NAME } from './acknowledgement-names.ts';
import type { DriverState } from './driver-state.ts';

export type Confirmation = 'holds' | 'does-not-hold' | 'unknown';

/** What the postcondition is judged by; `treeMembers` are processes that could still act. */
export interface ConfirmationFacts {
  readonly state: DriverState;
  readonly tradingEnabled: boolean;
  readonly seen: InstanceObservation;
  readonly treeMembers: number;
}

const holds = (value: boolean): Confirmation => (value ? 'holds' : 'does-not-hold');

/** A server that is silent confirms nothing about its role, however recently it spoke. */
export function confirmPostcondition(condition: Postcondition, facts: ConfirmationFacts): Confirmation {
  const { state, seen } = facts;
  const gone = (seen.process === 'exited' || seen.process === 'stopped') && facts.treeMembers === 0;
  switch (condition.kind) {
    case 'process-gone':
      return holds(gone);
    case 'epoch-at-least':
      return holds(state.epoch >= condition.epoch);
    case 'primary-at':
      if (seen.role === 'unknown') return 'unknown';
      return holds(
        seen.role === 'primary' &&
          state.duty === 'primary' &&
          state.primaryEpoch === condition.epoch &&
          !seen.ackSet.some((name) => name === CLOSED_NAME),
      );
    case 'not-primary':
      if (gone) return holds(state.epoch >= condition.epoch);
      if (seen.role === 'unknown') return 'unknown';
      return holds(seen.role !== 'primary' && facts.treeMembers > 0 && state.epoch >= condition.epoch);
    case 'following':
      if (seen.role === 'unknown') return 'unknown';
      return holds(
        seen.role === 'standby' &&
          state.epoch >= condition.epoch &&
          seen.upstream?.connected === true &&
          (state.upstream?.commanded === condition.upstream || state.upstream?.actual === condition.upstream),
      );
    case 'trading':
      return holds(facts.tradingEnabled === condition.enabled);
    case 'routed':
      return 'does-not-hold';
  }
}
