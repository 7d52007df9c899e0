import { confirmedPrimary, delegatedComponents, delegateView, endedHolder } from '../authority/delegated-primary.ts';
import type { DurabilityMode } from '../authority/group-record.ts';
import type { InstanceId } from '../base/ids.ts';
import type { Facts, InstanceFacts } from '../decision/facts.ts';
import { isUnfinished, splitOff } from '../decision/propose.ts';
import type { InstanceObservation, StateDifference } from '../health/instance-observation.ts';
import { isOpen } from '../run/run.ts';
import type { Component } from '../topology/topology.ts';
import { indexOf, ownedComponents } from '../topology/topology-index.ts';
import type { Diagnosis, DiagnosisKind } from './diagnosis.ts';

const WIDTH: readonly DiagnosisKind[] = [
  'ControlPlaneWithoutQuorum',
  'AuthorityRestored',
  'SiteDown',
  'SiteIsolated',
  'DualPrimarySuspected',
  'PrimaryDown',
  'NoPrimary',
  'DataCorrupt',
  'TakeoverUnfinished',
  'GroupSplit',
  'PrimaryUnreachableButServing',
  'HostSilent',
  'LinkDown',
  'WitnessLost',
  'DurabilityDegraded',
  'ReplicationStalled',
  'DataDiverged',
  'InstanceDown',
  'Overloaded',
];

/** Everything that is wrong now, widest first. Says what is; what to do about it is `decide`'s. */
export function diagnose(facts: Facts): readonly Diagnosis[] {
  const found: Diagnosis[] = [...authority(facts), ...sites(facts), ...links(facts), ...hosts(facts)];
  for (const component of ownedComponents(facts.topology, facts.group)) found.push(...ofComponent(facts, component));
  for (const component of delegatedComponents(facts.topology, facts.group)) found.push(...ofDelegate(facts, component));
  for (const known of facts.instances.values()) found.push(...ofInstance(facts, known));
  if (facts.record && !isOpen(facts.run))
    for (const component of splitOff(facts, facts.record, ownedComponents(facts.topology, facts.group)))
      found.push(
        one('GroupSplit', {
          component: component.id,
          summary: `${component.id} is held outside ${facts.record.activeSite}`,
        }),
      );
  if (facts.record && !isOpen(facts.run) && isUnfinished(facts.record))
    found.push(
      one('TakeoverUnfinished', {
        site: facts.record.activeSite,
        basis: 'fact',
        summary: `traffic at ${facts.record.traffic ?? 'no site'}, new risk ${facts.record.tradingEnabled ? 'accepted' : 'not accepted'}`,
      }),
    );
  return found.toSorted((a, b) => WIDTH.indexOf(a.kind) - WIDTH.indexOf(b.kind));
}

function one(kind: DiagnosisKind, about: Partial<Diagnosis> & { readonly summary: string }): Diagnosis {
  return { kind, site: null, host: null, component: null, instance: null, basis: 'observation', ...about };
}

function authority(facts: Facts): Diagnosis[] {
  const { silentMs, staleAfterMs, incarnationMatches } = facts.authority;
  const found: Diagnosis[] = [];
  if (silentMs !== null && silentMs > staleAfterMs)
    found.push(
      one('ControlPlaneWithoutQuorum', { summary: `the authority is silent for more than ${staleAfterMs} ms` }),
    );
  if (!incarnationMatches)
    found.push(one('AuthorityRestored', { summary: 'the authority is not the one that wrote this record' }));
  return found;
}

function sites(facts: Facts): Diagnosis[] {
  const found: Diagnosis[] = [];
  for (const { site, verdict } of facts.sites.values()) {
    if (verdict.state === 'failed') {
      found.push(
        one('SiteDown', { site: site.id, basis: 'quorum', summary: `${site.id}: ${verdict.evidence.join('; ')}` }),
      );
      if (site.voter)
        found.push(one('WitnessLost', { site: site.id, basis: 'quorum', summary: `voter ${site.id} is lost` }));
    } else if (verdict.state === 'suspect' || verdict.state === 'degraded') {
      const silentTo = observersOf(facts, site.id, 'silent');
      if (
        silentTo.length > 0 &&
        observersOf(facts, site.id, 'alive').filter((observer) => observer !== site.id).length === 0
      )
        found.push(
          one('SiteIsolated', {
            site: site.id,
            summary: `${site.id} is not heard by ${silentTo.join(', ')}; no quorum yet`,
          }),
        );
    }
  }
  return found;
}

/** Observer sites for whom every host of `site` has this opinion. */
function observersOf(facts: Facts, site: string, wanted: 'silent' | 'alive'): string[] {
  const hosts = [...facts.hosts.values()].filter(({ host }) => host.site === site);
  const names = new Set(hosts.flatMap(({ observers }) => observers.map((observer) => observer.site as string)));
  return [...names].filter((name) =>
    hosts.every(({ observers }) => observers.some((observer) => observer.site === name && observer.opinion === wanted)),
  );
}

function links(facts: Facts): Diagnosis[] {
  const found: Diagnosis[] = [];
  for (const site of facts.topology.sites) {
    for (const observer of observersOf(facts, site.id, 'silent')) {
      if (observer === site.id) continue;
      const heardElsewhere = observersOf(facts, site.id, 'alive').filter((other) => other !== site.id);
      if (heardElsewhere.length > 0)
        found.push(
          one('LinkDown', {
            site: site.id,
            summary: `${observer} does not hear ${site.id}; ${heardElsewhere.join(', ')} does`,
          }),
        );
    }
  }
  return found;
}

const hosts = (facts: Facts): Diagnosis[] =>
  [...facts.hosts.values()]
    .filter(({ verdict }) => verdict.state === 'failed')
    .map(({ host, verdict }) =>
      one('HostSilent', {
        host: host.id,
        site: host.site,
        basis: 'quorum',
        summary: `${host.id}: ${verdict.evidence.join('; ')}`,
      }),
    );

function ofComponent(facts: Facts, component: Component): Diagnosis[] {
  const grant = facts.record?.grants[component.id];
  if (!grant) return [];
  const found: Diagnosis[] = [];
  if (grant.holder === null)
    return [one('NoPrimary', { component: component.id, basis: 'fact', summary: `nobody holds ${component.id}` })];
  const holder = facts.instances.get(grant.holder);
  const about = { component: component.id, instance: grant.holder };
  if (holder?.verdict.state === 'failed')
    found.push(
      one('PrimaryDown', {
        ...about,
        basis: holder.verdict.basis ?? 'observation',
        summary: `${grant.holder}: ${holder.verdict.evidence.join('; ')}`,
      }),
    );
  else if (holder && (holder.verdict.state === 'suspect' || holder.verdict.state === 'unknown'))
    if (leaseAlive(facts, component) || holder.heldBy.length > 0)
      found.push(
        one('PrimaryUnreachableButServing', {
          ...about,
          summary: `${grant.holder} is ${holder.verdict.state}, yet its lease or dependants say that it serves`,
        }),
      );
  if (grant.mode.kind !== 'strict')
    found.push(
      one('DurabilityDegraded', {
        ...about,
        summary: exposureSummary(component, grant.mode),
      }),
    );
  for (const replica of holder?.fresh ? (holder.observation?.replicas ?? []) : [])
    if (grant.ackSet.includes(replica.instance)) {
      const laggingMs = facts.laggingMs.get(replica.instance) ?? 0;
      if (replica.state === 'lost')
        found.push(one('ReplicationStalled', { ...about, summary: `${replica.instance} is lost to ${grant.holder}` }));
      else if (replica.state !== 'in-sync' && laggingMs >= STALLED_AFTER_MS)
        found.push(
          one('ReplicationStalled', {
            ...about,
            summary: `${replica.instance} is waited for and has been ${replica.state} for ${Math.floor(laggingMs / 1000)} s`,
          }),
        );
    }
  return found;
}

/** What somebody else decides: nobody has the lock, two say that they are primary, or the primary is where the group is not. */
function ofDelegate(facts: Facts, component: Component): Diagnosis[] {
  const found: Diagnosis[] = [];
  const { siteOfInstance } = indexOf(facts.topology);
  const view = delegateView(facts, component);
  const about = { component: component.id, basis: 'fact' } as const;
  if (view !== null && view.lock === null)
    found.push(one('NoPrimary', { ...about, summary: `nobody has the lock of ${component.id}: its delegate decides` }));
  const ended = endedHolder(facts, component);
  if (ended !== null)
    found.push(
      one('PrimaryDown', {
        ...about,
        instance: ended,
        summary: `${ended} has the lock of ${component.id}, and ${facts.instances.get(ended)?.observation?.reason ?? 'has ended'}`,
      }),
    );
  if (view?.lock?.holder === 'elsewhere')
    found.push(
      one('GroupSplit', {
        ...about,
        summary: `the lock of ${component.id} is a member's that the topology does not name`,
      }),
    );
  for (const { id, host } of component.instances) {
    const known = facts.instances.get(id);
    const lock = known?.fresh ? known.observation?.delegate?.lock : undefined;
    if (lock !== undefined && known?.observation?.role === 'primary' && lock?.holder !== id)
      found.push(
        one('DualPrimarySuspected', {
          ...about,
          instance: id,
          host,
          summary: `${id} says primary; the lock names ${lock?.holder ?? 'nobody'}`,
        }),
      );
  }
  const holder = confirmedPrimary(facts, component)?.holder;
  const active = facts.record?.activeSite ?? null;
  const site = holder === undefined ? active : siteOfInstance.get(holder)!;
  if (holder !== undefined && active !== null && !isOpen(facts.run) && site !== active)
    found.push(
      one('GroupSplit', {
        ...about,
        instance: holder,
        summary: `${component.id} at ${site}, the rest at ${active}: holdfast switchover ${site}`,
      }),
    );
  return found;
}

/** Whoever is waited for and catches up for so long keeps clients waiting for as long. */
const STALLED_AFTER_MS = 3000;

function exposureSummary({ id, durability }: Component, mode: Exclude<DurabilityMode, { kind: 'strict' }>): string {
  const where = durability?.acknowledge === 'remote-site' ? 'nobody at another site confirms' : 'nobody else confirms';
  const without = mode.lost.length === 0 ? '' : `; without: ${mode.lost.join(', ')}`;
  const by = mode.kind === 'degraded' && mode.accepted ? `; accepted by ${mode.accepted.by}` : '';
  return `${id} is ${mode.kind}: ${where}${without}${by}`;
}

const leaseAlive = (facts: Facts, component: Component): boolean => {
  const lease = facts.leases.get(component.id);
  return lease !== undefined && lease.seenMsAgo < facts.successorWaitMs / 2;
};

function ofInstance(facts: Facts, known: InstanceFacts): Diagnosis[] {
  const { instance, observation, verdict } = known;
  const about = { instance: instance.id, component: instance.component, host: instance.host };
  const holder = facts.record?.grants[instance.component]?.holder ?? null;
  const found: Diagnosis[] = [];
  if (!known.fresh || observation === null) return found;
  if (
    observation.role === 'primary' &&
    holder !== instance.id &&
    facts.record?.grants[instance.component]?.revoked?.instance !== instance.id &&
    holder !== null
  )
    found.push(
      one('DualPrimarySuspected', {
        ...about,
        basis: 'fact',
        summary: `${instance.id} says primary; the grant names ${holder}`,
      }),
    );
  if (verdict.state === 'failed' && holder !== instance.id)
    found.push(
      one('InstanceDown', { ...about, basis: 'fact', summary: `${instance.id}: ${verdict.evidence.join('; ')}` }),
    );
  if (observation.divergence && !isInStep(facts, known) && !isKnown(facts, instance.id, observation.divergence))
    found.push(
      one('DataDiverged', {
        ...about,
        basis: 'fact',
        summary: `${instance.id}: ${observation.divergence.count} entries kept in ${observation.divergence.file}`,
      }),
    );
  if (observation.difference) found.push(dataCorrupt(facts, known, observation.difference));
  else if (verdict.state === 'degraded')
    found.push(one('Overloaded', { ...about, summary: `${instance.id}: ${observation.reason ?? 'unfit'}` }));
  return found;
}

/** About the one that is wrong, where that is known: a primary's own word would be that all is well. */
function dataCorrupt(
  facts: Facts,
  { instance }: InstanceFacts,
  { sequence, upstream, epoch, wrong }: StateDifference,
): Diagnosis {
  const about = { component: instance.component, basis: wrong === 'unknown' ? 'observation' : 'fact' } as const;
  const at = `at ${sequence} of epoch ${epoch}`;
  if (wrong === 'unknown')
    return one('DataCorrupt', {
      ...about,
      instance: instance.id,
      host: instance.host,
      summary: `${instance.id} and ${upstream} had different states ${at}: which is wrong is not known`,
    });
  const [bad, judge] = wrong === 'here' ? [instance.id, upstream] : [upstream, instance.id];
  return one('DataCorrupt', {
    ...about,
    instance: bad,
    host: facts.instances.get(bad)?.instance.host ?? null,
    summary: `the state of ${bad} ${at} is not what its log amounts to: a replay agrees with ${judge}`,
  });
}

/** It follows, and whom it follows says, freshly, that it has everything: what it had of its own is kept aside and in nobody's way. */
function isInStep(facts: Facts, { instance, observation }: InstanceFacts): boolean {
  const upstream = observation?.upstream;
  if (observation?.role !== 'standby' || !upstream?.connected) return false;
  const known = facts.instances.get(upstream.instance);
  const seen = known?.fresh ? (known.observation?.replicas ?? []) : [];
  return seen.some((replica) => replica.instance === instance.id && replica.state === 'in-sync');
}

/** A person has looked at exactly this tail. */
const isKnown = (
  { brakes }: Facts,
  instance: InstanceId,
  { file, from, count }: NonNullable<InstanceObservation['divergence']>,
): boolean =>
  (brakes.tails ?? []).some(
    (tail) => tail.instance === instance && tail.file === file && tail.from === from && tail.count === count,
  );
