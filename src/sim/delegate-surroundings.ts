import type { GroupRecord } from '../core/authority/group-record.ts';
import { notRead, type PromotionPermit, promotionPermit } from '../core/authority/promotion-permit.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { Brakes } from '../core/decision/brakes.ts';
import type { Component } from '../core/topology/topology.ts';
import { keys } from '../engine/authority-keys.ts';
import { GROUP } from './build-topology.ts';
import type { DelegateSurroundings } from './delegate-model.ts';
import type { InstanceModel } from './instance-model.ts';
import type { World } from './world.ts';

/** What a delegate finds in a world. `promoted`: told of each promotion, when it happens. */
export function delegateSurroundings(
  world: World,
  component: Component,
  promoted: (holder: InstanceId) => void,
): DelegateSurroundings {
  const { network } = world;
  const agentOf = ({ place }: InstanceModel) => world.hosts.find(({ id }) => id === place.host)?.agent;
  return {
    queue: world.queue,
    member: (id) => world.instances.get(id)!,
    reachesStore: (member) => world.authority.reachable(member.place),
    powered: (member) => agentOf(member)?.alive() === true,
    connected: (left, right) => network.open(left.place, right.place) && network.open(right.place, left.place),
    locked: (holder, why) => {
      promoted(holder);
      world.watch?.promoted(holder);
      if (world.tracing) world.tell(`${holder} has the lock of ${component.id}: ${why}`);
    },
    permit: (member) => {
      const isAnswered = agentOf(member)?.running === true && world.authority.reachable(member.place);
      const permit = isAnswered ? permitIn(world, component, member.id) : notRead('no answer');
      if (permit.kind === 'refused') world.coverage.count(`I3: a promotion was refused: ${permit.code}`);
      if (world.tracing) world.tell(`${member.id} asks before its promotion: ${permit.kind}, ${permit.reason}`);
      return permit;
    },
    contested: () => world.random.chance(0.5),
  };
}

function permitIn({ authority }: World, component: Component, member: InstanceId): PromotionPermit {
  const facts = {
    record: authority.value<GroupRecord>(keys.group(GROUP)),
    brakes: authority.value<Brakes>(keys.brakes(GROUP)),
    incarnation: authority.incarnation,
  };
  return promotionPermit(facts, component, member);
}
