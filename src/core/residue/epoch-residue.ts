import { seatOf } from '../authority/writer-seat.ts';
import type { Facts, InstanceFacts } from '../decision/facts.ts';
import { isServedKind, leadsNobody, leadsToServers } from '../topology/served.ts';
import type { Component } from '../topology/topology.ts';
import { leftBehind, notSeen, type ResidueFinding, type ResidueLook } from './finding.ts';
import { isSeen, unseen } from './holders.ts';

/** What every engine, database, front and server has stored, against the record. */
export const epochLook: ResidueLook = (facts) => {
  const { record, topology, group } = facts;
  if (record === null) return [];
  const grants = [...Object.values(record.grants), ...Object.values(record.delegates ?? {})];
  const ahead = grants
    .filter(({ epoch }) => epoch > record.epoch)
    .map(({ component, epoch }) =>
      leftBehind(
        `group/${group.id}`,
        `${component} has epoch ${epoch}, and the group ${record.epoch}`,
        'holdfast status',
      ),
    );
  const members = topology.components.filter(({ id }) => group.components.includes(id));
  return [
    ...ahead,
    ...members.flatMap((component) => {
      const expected = expectedEpoch(facts, component);
      if (expected === null) return [];
      return component.instances.flatMap(({ id }) => {
        const known = facts.instances.get(id);
        return known === undefined ? [] : storedBy(known, expected, record.epoch);
      });
    }),
  ];
};

/** The oldest epoch that may still be stored; null: such a component stores none that says anything. */
function expectedEpoch({ record, topology }: Facts, component: Component): number | null {
  if (record === null || component.kind === 'inventory') return null;
  if (component.kind === 'front') return record.epoch;
  if (isServedKind(component.kind)) {
    if (leadsNobody(component.kind) || leadsToServers(component.kind)) return null;
    if (component.kind === 'redis') return seatOf(record, component, topology).epoch;
    const led = Object.values(component.served?.leads ?? {}).flatMap(({ to }) => record.grants[to]?.epoch ?? []);
    return led.length === 0 ? null : Math.max(...led);
  }
  return record.grants[component.id]?.epoch ?? null;
}

/** What is closed and copies nobody accepts nothing before it is told a newer epoch: an old one there is no harm. */
function storedBy(known: InstanceFacts, expected: number, highest: number): readonly ResidueFinding[] {
  const { observation, instance } = known;
  if (!isSeen(known)) return [unseen(known)];
  if (observation?.process !== 'running') return [];
  const { epoch, role } = observation;
  if (epoch > highest)
    return [
      leftBehind(instance.id, `it has stored epoch ${epoch}, and the record is of ${highest}`, 'holdfast status'),
    ];
  const closed = instance.replication === 'none' && (role === 'closed' || role === 'fenced');
  if (epoch >= expected || closed) return [];
  return [
    leftBehind(
      instance.id,
      `it has stored epoch ${epoch}, and ${expected} is in force`,
      `holdfast health; ${instance.host}: its agent tells it, and has not`,
    ),
  ];
}

/** Sessions at exchanges: of engines that do not hold, and as the present holder has settled with each exchange. */
export const exchangeLook: ResidueLook = (facts) => {
  const { topology, group, record, instances } = facts;
  if (topology.venues.length === 0) return [];
  return topology.components
    .filter(({ id, kind }) => kind === 'trading-engine' && group.components.includes(id))
    .flatMap((component) =>
      component.instances.flatMap(({ id }): readonly ResidueFinding[] => {
        const known = instances.get(id);
        if (known === undefined || !tradesFrom(facts, known)) return [];
        if (!isSeen(known)) return [unseen(known)];
        const ready = known.observation?.process === 'running' ? known.observation.figures['venueReady'] : 0;
        if (record?.grants[component.id]?.holder === id) return settled(id, ready);
        if (ready === 1)
          return [leftBehind(id, 'it has a session at an exchange, and does not hold', `holdfast fence ${id}`)];
        if (known.provedDead) return [];
        return [notSeen(id, 'whether it is connected to an exchange is not known', `holdfast fence ${id}`)];
      }),
    );
};

const tradesFrom = ({ topology }: Facts, { site }: InstanceFacts): boolean =>
  topology.venues.some(({ rttMsBySite }) => rttMsBySite[site] !== undefined);

/** An exchange that has let the holder in has ended the session before, or was asked to. */
const settled = (id: string, ready: number | undefined): readonly ResidueFinding[] =>
  ready === 1
    ? []
    : [
        notSeen(
          id,
          'not every session of it at an exchange is ready: the one before may still be there',
          `holdfast fates ${id}`,
        ),
      ];
