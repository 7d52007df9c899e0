import type { Topology } from '../../../src/core/topology/topology.ts';
import type { NetworkPlan } from '../network-plan.ts';
import type { LabServer } from './server.ts';

/** What the planning of every server knows. */
export interface ServerGround {
  readonly topology: Topology;
  readonly plan: NetworkPlan;
}

/** Every server of a lab of network namespaces. Each kind has a file of its own in this room. */
export function planServers(_ground: ServerGround): readonly LabServer[] {
  return [];
}
