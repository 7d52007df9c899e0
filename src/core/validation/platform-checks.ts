import { confirmedPrimary } from '../authority/delegated-primary.ts';
import type { InstanceId } from '../base/ids.ts';
import type { Facts } from '../decision/facts.ts';
import type { StateDifference } from '../health/instance-observation.ts';
import type { Component } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';
import { type Check, type CheckAnswer, fails, inconclusive, passes, worstOf } from './check.ts';
import { addressAnswers, serverAnswers } from './server-checks.ts';

/** What would say that books differ: tails of their own, reports that fit no entry, two journals that are not one. */
export const integrityCheck: Check = (facts) => {
  const answers: CheckAnswer[] = [];
  for (const [id, { observation, fresh, group }] of facts.instances) {
    if (observation === null || group !== facts.group.id) continue;
    if (observation.divergence)
      answers.push(fails(`${id} keeps a tail of ${observation.divergence.count} that its primary lacks`));
    if (!fresh || observation.process !== 'running') continue;
    if (observation.difference) answers.push(fails(differs(id, observation.difference)));
    const { breaks, crossChecked } = observation.figures;
    if (breaks !== undefined && breaks > 0) answers.push(fails(`${id}: ${breaks} unexplained`));
    else if (observation.role === 'primary' && breaks !== undefined) answers.push(passes(`${id}: nothing unexplained`));
    if (crossChecked === 0) answers.push(inconclusive(`${id} has not compared its state`));
  }
  return worstOf([...answers, ...journals(facts)], 'nobody in the group reports what could be compared');
};

const differs = (id: InstanceId, { sequence, upstream, wrong }: StateDifference): string => {
  const verdict = { here: `${id} is wrong`, upstream: `${upstream} is wrong`, unknown: 'which is wrong is not known' }[
    wrong
  ];
  return `${id} and ${upstream} had different states at ${sequence}: ${verdict}`;
};

/** Two engines with equal positions must have equal journals. */
const journals = (facts: Parameters<Check>[0]): readonly CheckAnswer[] =>
  facts.topology.components
    .filter(({ kind, id }) => kind === 'trading-engine' && facts.group.components.includes(id))
    .flatMap(({ instances }) => {
      const seen = instances.flatMap(({ id }) => {
        const known = facts.instances.get(id);
        const crc = known?.observation?.figures['chainCrc'];
        const position = known?.observation?.position;
        return known?.fresh && crc !== undefined && position
          ? [{ id, crc, at: `${position.generation}/${position.sequence}` }]
          : [];
      });
      return seen.flatMap((one, index) =>
        seen
          .slice(index + 1)
          .filter((other) => other.at === one.at)
          .map((other) =>
            other.crc === one.crc
              ? passes(`${one.id} and ${other.id} agree at ${one.at}`)
              : fails(`${one.id} and ${other.id} differ at ${one.at}`),
          ),
      );
    });

/** Whom a delegate's primary waits for is set there; somebody is, and is in step. */
function delegatedCopies(facts: Facts, component: Component): CheckAnswer {
  const primary = confirmedPrimary(facts, component);
  if (primary === null) return inconclusive(`nobody is confirmed to be primary of ${component.id}`);
  const { ackSet, replicas } = facts.instances.get(primary.holder)!.observation!;
  const inStep = ackSet.filter((id) => replicas.some(({ instance, state }) => instance === id && state === 'in-sync'));
  if (inStep.length === 0) return fails(`${component.id}: no synchronous standby is in step`);
  return passes(`${component.id}: ${inStep.join(', ')} in step`);
}

/** Against the policy of each durable component, by the record: what a survivor lacks is a failure until it is back. */
export const replicationCheck: Check = (facts) =>
  worstOf(
    facts.topology.components
      .filter(({ id, durability }) => durability !== null && facts.group.components.includes(id))
      .map((component): CheckAnswer => {
        const { id } = component;
        if (component.kind === 'patroni') return delegatedCopies(facts, component);
        const grant = facts.record?.grants[id];
        if (grant?.holder == null) return fails(`nobody holds ${id}`);
        const { mode } = grant;
        if (mode.kind !== 'strict') return fails(`${id} is ${mode.kind} without ${mode.lost.join(', ') || 'anybody'}`);
        const holder = facts.instances.get(grant.holder);
        if (!holder?.fresh) return inconclusive(`nothing fresh is known about ${grant.holder}`);
        const behind = (holder.observation?.replicas ?? []).filter(
          (replica) => grant.ackSet.includes(replica.instance) && replica.state !== 'in-sync',
        );
        if (behind.length > 0)
          return fails(`${id}: ${behind.map((each) => `${each.instance} ${each.state}`).join(', ')}`);
        return passes(`${id}: ${grant.promotable.join(', ') || 'nobody else asked for'} in step`);
      }),
    'no component of the group asks for a copy',
  );

/** Hosts of the active site are heard, and the record leads clients there. */
export const networkCheck: Check = (facts) => {
  const { record } = facts;
  if (record?.activeSite == null) return fails('no site is active');
  const answers: CheckAnswer[] = [];
  if (record.traffic !== record.activeSite)
    answers.push(fails(`clients are led to ${record.traffic ?? 'nowhere'}, and ${record.activeSite} is active`));
  for (const { host, connected, verdict } of facts.hosts.values()) {
    if (host.site !== record.activeSite) continue;
    if (verdict.state === 'failed') answers.push(fails(`${host.id} is not heard`));
    else if (!connected) answers.push(inconclusive(`${host.id} is not connected`));
  }
  const fronts = facts.topology.components.filter(
    ({ kind, id }) => kind === 'front' && facts.group.components.includes(id),
  );
  const { siteOfInstance } = indexOf(facts.topology);
  for (const { id } of fronts.flatMap(({ instances }) => instances)) {
    const observation = facts.instances.get(id)?.observation;
    const open = observation?.process === 'running' && observation.role === 'standby';
    const here = siteOfInstance.get(id) === record.activeSite;
    if (facts.instances.get(id)?.fresh !== true) {
      if (here) answers.push(inconclusive(`nothing fresh is known about ${id}`));
    } else if (here !== open) answers.push(fails(here ? `${id} leads nowhere` : `${id} is open`));
  }
  answers.push(...serverAnswers(facts), ...addressAnswers(facts));
  return answers.length > 0 ? worstOf(answers, '') : passes(`${record.activeSite} is reached, clients are led there`);
};
