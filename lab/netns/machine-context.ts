import { join } from 'node:path';
import type { Topology } from '../../src/core/topology/topology.ts';
import { LabDirectory } from '../lab-directory.ts';
import { delayerName } from './delayer-client.ts';
import { HostControlGroups } from './host-control-groups.ts';
import type { KernelFacts } from './kernel-facts.ts';
import type { MachineContext } from './machine-processes.ts';
import { namespacePrefix, planNetwork } from './network-plan.ts';

export interface NamespaceWish {
  readonly topology: Topology;
  readonly labId: string;
  readonly directory: string;
  readonly facts: KernelFacts;
}

/** Everything about one lab's machines that follows from its name, its topology and the kernel. Touches nothing. */
export function machineContext({ topology, labId, directory, facts }: NamespaceWish): MachineContext {
  const prefix = namespacePrefix(labId);
  const stateOf = (node: string) => join(directory, 'machines', node.replaceAll('/', '-'));
  const plan = planNetwork(topology, { prefix });
  const groups = facts.controlGroups === null ? null : new HostControlGroups(facts.controlGroups, prefix, plan);
  return {
    plan,
    directory,
    stateOf,
    groupOf: (node) => groups?.directory(node) ?? null,
    logOf: (key) => LabDirectory.logIn(directory, key),
    wireguard: facts.wireguard,
    delayer: facts.delayBy === 'netem' ? null : { name: delayerName(labId), file: join(directory, 'delays.json') },
  };
}
