import type { InstanceId } from '../../src/core/base/ids.ts';
import type { ComponentKind, Topology } from '../../src/core/topology/topology.ts';
import type { AnyWay } from '../fault.ts';
import { planNetwork } from '../netns/network-plan.ts';
import { etcdVoters } from '../netns/servers/etcd.ts';
import { patroniMembers } from '../netns/servers/patroni-members.ts';
import { homeOf } from '../netns/servers/placement.ts';
import { redisName } from '../netns/servers/redis.ts';
import { serverKey } from '../netns/servers/server.ts';
import { authorityKey } from '../process-spec.ts';

/** On what a scenario is played. */
export type PlayGround = 'loopback' | 'netns';

/** How the faults of a scenario are brought about on one ground. */
export interface GroundSwitches {
  readonly authority: {
    readonly what: string;
    /** Processes without which it has no quorum. */
    readonly keys: readonly string[];
  };
  /** How two sites are cut from each other; null = they have no way but their links. */
  readonly cutOver: AnyWay | null;
  /** The process of an instance that is a server which no agent starts; null = an agent's own. */
  serverOf(instance: InstanceId): string | null;
}

export const loopbackSwitches: GroundSwitches = {
  authority: { what: 'the process of the authority', keys: [authorityKey] },
  cutOver: null,
  serverOf: () => null,
};

/** Pure. @throws LabError HF-7010 when the firm does not fit on that ground */
export function namespaceSwitches(topology: Topology): GroundSwitches {
  const ground = { topology, plan: planNetwork(topology, { prefix: '' }) };
  const voters = etcdVoters(ground).map(({ node }) => serverKey({ name: 'etcd', node }));
  const server: Partial<Record<ComponentKind, (instance: InstanceId) => string>> = {
    redis: (instance) => serverKey({ name: redisName, node: homeOf(ground, instance).node }),
    patroni: (instance) => {
      const component = topology.components.find(({ instances }) => instances.some(({ id }) => id === instance))!;
      const member = patroniMembers(ground, component).find(({ name }) => name === instance)!;
      return serverKey({ name: member.server, node: member.node });
    },
  };
  return {
    authority: { what: `every voter of the authority (${voters.join(', ')})`, keys: voters },
    cutOver: 'any-way',
    serverOf: (instance) => server[homeOf(ground, instance).kind]?.(instance) ?? null,
  };
}
