import type { Json } from '../core/base/canonical-json.ts';
import type { WallMs } from '../core/base/ids.ts';
import type { Facts, InstanceFacts } from '../core/decision/facts.ts';
import type { Claim } from '../core/network/agreement.ts';
import { isServedKind } from '../core/topology/served.ts';
import type { Component } from '../core/topology/topology.ts';
import type { ControllerCore } from './controller-core.ts';
import { ledByTraffic, redisSeats, routeSubject, servedClaims, type Told } from './served-claims.ts';

/** What this controller knows of the network: measured paths, and who writes according to whom. Every controller answers for itself. */
export function projectNetwork(controller: ControllerCore, now: number, wall: WallMs): Json {
  return {
    controller: { id: controller.config.id, leading: controller.leading },
    ...(controller.network.project(now, wall) as object),
    tests: [...controller.network.tests(now)],
    groups: [...controller.groups.values()].map((group) => {
      const facts = group.facts(now, wall);
      return {
        group: group.group.id,
        claims: [...recordClaims(facts, controller), ...facts.group.components.flatMap((id) => seenOf(id, facts))].map(
          (claim) => ({ ...claim }) as unknown as Json,
        ),
      };
    }),
  };
}

/** As this controller last heard the authority; a copy that may be old speaks for nothing. */
function recordClaims(facts: Facts, { config }: ControllerCore): readonly Told[] {
  const { record, authority, group, topology } = facts;
  const vantage = `controller ${config.id}`;
  const { silentMs, staleAfterMs } = authority;
  const why =
    silentMs === null
      ? 'it never heard the authority'
      : silentMs > staleAfterMs
        ? `it has not heard the authority for ${(silentMs / 1000).toFixed(1)} s`
        : null;
  const claim = (subject: string, name: string | null, epoch: number): Told => ({
    vantage,
    subject,
    source: 'record',
    says: why === null ? { kind: 'writer', name } : { kind: 'unknown', why },
    epoch: why === null ? epoch : null,
    ageMs: silentMs === null ? null : Math.round(silentMs),
  });
  const owned = topology.components.filter(
    ({ id, authority: kind }) => kind === 'owned' && group.components.includes(id),
  );
  return [
    claim('active site', record?.activeSite ?? null, record?.epoch ?? 0),
    claim(routeSubject, record?.traffic ?? null, record?.epoch ?? 0),
    ...owned.map(({ id }) => claim(id, record?.grants[id]?.holder ?? null, record?.grants[id]?.epoch ?? 0)),
    ...Object.entries(record === null ? {} : ledByTraffic(record, facts)).map(([id, writer]) =>
      claim(id, writer, record?.epoch ?? 0),
    ),
    ...(record === null ? [] : redisSeats(record, facts)).map((seat) =>
      claim(seat.component, seat.instance, seat.epoch),
    ),
    ...Object.values(record?.delegates ?? {}).map((each) => claim(each.component, each.holder, each.epoch)),
  ];
}

function seenOf(id: string, facts: Facts): readonly Told[] {
  const component = facts.topology.components.find((each) => each.id === id);
  if (component === undefined || component.kind === 'inventory') return [];
  const isDatabase = component.kind === 'patroni';
  if (isServedKind(component.kind) && !isDatabase) return servedClaims(component, facts);
  const isFront = component.kind === 'front';
  if (!isFront && component.authority !== 'owned' && !isDatabase) return [];
  return component.instances.flatMap((instance) => {
    const known = facts.instances.get(instance.id);
    const subject = isFront ? routeSubject : component.id;
    const about = { vantage: instance.id, subject, source: 'seen' as const, ageMs: known?.ageMs ?? null };
    if (known === undefined || !known.fresh || known.observation === null) {
      const why = known?.observation ? 'nothing fresh is known of it' : 'it was never seen';
      return known?.provedDead ? [] : [{ ...about, says: { kind: 'unknown' as const, why }, epoch: null }];
    }
    const says = isFront ? routeOf(known) : writerSeenBy(known, component, facts);
    return says === null ? [] : [{ ...about, says, epoch: isFront ? null : known.observation.epoch }];
  });
}

function routeOf({ observation, site }: InstanceFacts): Claim['says'] | null {
  if (observation?.process !== 'running') return null;
  return observation.role === 'standby' ? { kind: 'writer', name: site } : { kind: 'not', name: site };
}

/** A primary names itself, a copy whom it follows; a copy of a copy, and what is closed, say nothing of who writes. */
function writerSeenBy(
  { instance, observation }: InstanceFacts,
  { instances }: Component,
  facts: Facts,
): Claim['says'] | null {
  if (observation?.process !== 'running') return null;
  if (observation.role === 'primary') return { kind: 'writer', name: instance.id };
  const { upstream } = observation;
  if (observation.role !== 'standby' || upstream === null || !upstream.connected) return null;
  const followed = instances.find(({ id }) => id === upstream.instance);
  const isCopy = followed !== undefined && facts.instances.get(followed.id)?.observation?.role === 'standby';
  return isCopy ? null : { kind: 'writer', name: upstream.instance };
}
