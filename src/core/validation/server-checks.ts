import { seatOf } from '../authority/writer-seat.ts';
import type { Facts, InstanceFacts } from '../decision/facts.ts';
import { type SharedAddress, sharedAddresses } from '../network/shared-address.ts';
import { isServedKind } from '../topology/served.ts';
import type { Component } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';
import { type Check, type CheckAnswer, fails, inconclusive, passes, worstOf } from './check.ts';

const served = (facts: Facts): readonly Component[] =>
  facts.topology.components.filter(({ id, kind }) => isServedKind(kind) && facts.group.components.includes(id));

/** Writers are let in at one server of each set: where the record says, under its epoch. */
export const redisCheck: Check = (facts) =>
  worstOf(
    served(facts)
      .filter(({ kind }) => kind === 'redis')
      .map((component) => redisSet(facts, component)),
    'the group runs no redis that Holdfast drives',
  );

function redisSet(facts: Facts, component: Component): CheckAnswer {
  const [set, lead] = Object.entries(component.served?.leads ?? {})[0] ?? [];
  const { record, topology } = facts;
  if (set === undefined || lead === undefined || record?.grants[lead.to]?.holder == null)
    return fails(`nobody holds what writes to ${component.id}`);
  const seat = seatOf(record, component, topology);
  if (seat.instance === null)
    return fails(`${component.id} is closed: ${record.writers?.[component.id]?.why ?? 'it has no server there'}`);
  const open: InstanceFacts[] = [];
  const answers: CheckAnswer[] = [];
  for (const { id } of component.instances) {
    const known = facts.instances.get(id);
    const epoch = known?.observation?.figures['openEpoch'];
    if (!isHeard(known) || epoch === undefined) {
      if (id === seat.instance) answers.push(inconclusive(`nothing fresh is known about ${id}`));
    } else if (epoch > 0) open.push(known!);
  }
  for (const { instance, observation } of open) {
    const epoch = observation?.figures['openEpoch'];
    if (instance.id !== seat.instance)
      answers.push(fails(`${instance.id} lets writers in, and the record names ${seat.instance}`));
    else if (epoch !== seat.epoch) answers.push(fails(`${instance.id} is open for epoch ${epoch}, not ${seat.epoch}`));
    else answers.push(passes(`${instance.id} takes writes of epoch ${epoch}`));
  }
  if (open.length === 0 && answers.length === 0) answers.push(fails(`no server of ${set} lets writers in`));
  return worstOf(answers, `${component.id} was not looked at`);
}

/** Every shared address is at one machine, whose keepalived runs; at the active site it has to be at one. */
export const addressAnswers = (facts: Facts): readonly CheckAnswer[] =>
  served(facts)
    .filter(({ kind }) => kind === 'keepalived')
    .flatMap((component) => sharedAddresses(component, facts.instances))
    .flatMap((shared) => addressAnswer(shared, facts) ?? []);

/** Null: nothing is to be said of it. */
function addressAnswer({ address, owners, site }: SharedAddress, facts: Facts): CheckAnswer | null {
  const isActive = site === facts.record?.activeSite;
  switch (owners.kind) {
    case 'one':
      return null;
    case 'two':
      return fails(`${address} is at ${owners.owners.join(' and ')}`);
    case 'orphaned':
      return fails(`${address} is at ${owners.owner}, where nothing moves it`);
    case 'none':
      return isActive ? fails(`${address} is at no machine of ${site}`) : null;
    case 'unknown':
      return isActive ? inconclusive(`who has ${address} is not known: ${owners.unheard.join(', ')} may`) : null;
  }
}

/** At the active site one of each kind leads; whatever is heard, anywhere, does what it was told. */
export const serverAnswers = (facts: Facts): readonly CheckAnswer[] =>
  served(facts)
    .filter(({ kind }) => kind !== 'redis' && kind !== 'keepalived')
    .filter((component) => Object.keys(component.served?.leads ?? {}).length > 0)
    .flatMap((component) => {
      const { siteOfInstance } = indexOf(facts.topology);
      const heard = component.instances.flatMap(({ id }) => {
        const known = facts.instances.get(id);
        return known !== undefined && isHeard(known) ? [known] : [];
      });
      const wrong = heard
        .filter(({ observation }) => observation?.health === 'bad')
        .map(({ instance, observation }) => fails(observation?.reason ?? `${instance.id} is bad`));
      const isHere = (id: string) => siteOfInstance.get(id as never) === facts.record?.activeSite;
      const here = component.instances.filter(({ id }) => isHere(id));
      const leading = heard.some(({ instance, observation }) => isHere(instance.id) && observation?.role === 'standby');
      if (here.length === 0 || leading) return wrong;
      const unheard = here.filter(({ id }) => !heard.some(({ instance }) => instance.id === id));
      return [
        ...wrong,
        unheard.length > 0
          ? inconclusive(`nothing fresh is known about ${unheard.map(({ id }) => id).join(', ')}`)
          : fails(`${component.id} leads nowhere at ${facts.record?.activeSite}`),
      ];
    });

function isHeard(known: InstanceFacts | undefined): boolean {
  const observation = known?.fresh === true ? known.observation : null;
  return observation?.process === 'running' && observation.health !== 'unknown';
}
