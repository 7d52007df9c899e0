import type { Epoch, InstanceId } from '../base/ids.ts';
import type { Durability } from '../topology/topology.ts';
import type { TopologyIndex } from '../topology/topology-index.ts';
import type { DurabilityMode } from './group-record.ts';

/**
 * The mode that a holder is in with this acknowledgement set. `remote-site` durability needs a member at another site,
 * `replica` any member. What it does without one was decided beforehand, in `afterPeerLoss` (I4, I9).
 */
export function durabilityModeOf(question: {
  readonly durability: Durability | null;
  readonly holder: InstanceId;
  readonly ackSet: readonly InstanceId[];
  readonly lost: readonly InstanceId[];
  readonly epoch: Epoch;
  readonly index: TopologyIndex;
  readonly previous: DurabilityMode;
}): DurabilityMode {
  const { durability, holder, ackSet, lost, epoch, index, previous } = question;
  if (durability === null || durability.acknowledge === 'local') return { kind: 'strict' };
  const home = index.siteOfInstance.get(holder);
  const enough =
    durability.acknowledge === 'replica'
      ? ackSet.length > 0
      : ackSet.some((member) => index.siteOfInstance.get(member) !== home);
  if (enough) return { kind: 'strict' };
  if (durability.afterPeerLoss === 'halt') return { kind: 'halted', lost };
  return { kind: 'degraded', sinceEpoch: previous.kind === 'degraded' ? previous.sinceEpoch : epoch, lost };
}
