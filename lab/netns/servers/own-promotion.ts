import type { Component } from '../../../src/core/topology/topology.ts';
import { LabError } from '../../lab-error.ts';
import { machineContext, type NamespaceWish } from '../machine-context.ts';
import { commandOnMachine } from '../router-health.ts';
import { etcdctlV2, etcdVoters } from './etcd.ts';
import { patroniMembers, scopeOf } from './patroni-members.ts';
import { isDelegated } from './placement.ts';

const askWithinMs = 5_000;

/** What an operator of Patroni's own asks for in its store, by which the primary hands over to that member: key and value. */
const failoverRequest = (component: Pick<Component, 'id'>, member: string): readonly [string, string] => [
  `/service/${scopeOf(component)}/failover`,
  JSON.stringify({ member }),
];

/**
 * Asks Patroni for another primary behind the back of the agents. Resolves when it is asked: the primary looks within its `loop_wait`.
 * @throws LabError HF-7007 when no member of Patroni is called that, or no voter of the lab's etcd takes it
 */
export async function askForOwnPromotion(wish: NamespaceWish, member: string): Promise<void> {
  const context = machineContext(wish);
  const { topology } = wish;
  const placement = { topology, plan: context.plan };
  const refuse = (found: string): never => {
    throw new LabError({
      code: 'HF-7007',
      attempted: `have Patroni promote ${member}`,
      found,
      next: '"holdfast lab status" lists what runs',
    });
  };
  const component = topology.components
    .filter(isDelegated)
    .find((each) => patroniMembers(placement, each).some(({ name }) => name === member));
  if (component === undefined) return refuse('no database under Patroni has a member of that name');
  const command = etcdctlV2('set', ...failoverRequest(component, member));
  for (const { node } of etcdVoters(placement))
    if ((await commandOnMachine(context, node.id, command, askWithinMs)).code === 0) return;
  refuse('no voter of etcd took it');
}
