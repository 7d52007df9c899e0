import type { ActionOutcome, InstanceAction } from '../../engine/driver-port.ts';
import type { DriverStateFile } from './driver-state.ts';

/** The refusal of an action of an older epoch than the one that is stored (I2); null when there is none. */
export function refuseStale(action: InstanceAction, state: DriverStateFile): ActionOutcome | null {
  const known = state.current.epoch;
  if (!('epoch' in action) || action.epoch >= known) return null;
  return {
    kind: 'failed',
    code: 'stale-epoch',
    reason: `epoch ${action.epoch} is older than ${known}, which this instance has stored`,
  };
}

/**
 * Null when the action may go on. Its epoch is then stored durably, before it waits for its turn: what is under way under an older
 * one gives up by that before its next step.
 */
export function admit(action: InstanceAction, state: DriverStateFile): ActionOutcome | null {
  const refused = refuseStale(action, state);
  if (refused !== null || !('epoch' in action)) return refused;
  // Neither ever waits; a fence asks whether it raises the epoch, and a lease is refused first where there is nothing to renew.
  if (action.kind === 'fence' || action.kind === 'lease') return null;
  try {
    state.raiseEpoch(action.epoch);
    return null;
  } catch (error) {
    return { kind: 'unknown', reason: `epoch ${action.epoch} could not be stored: ${String(error)}` };
  }
}
