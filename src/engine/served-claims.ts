import type { GroupRecord } from '../core/authority/group-record.ts';
import { seatOf, type WriterSeat } from '../core/authority/writer-seat.ts';
import type { ComponentId, InstanceId } from '../core/base/ids.ts';
import type { Facts, InstanceFacts } from '../core/decision/facts.ts';
import type { Claim } from '../core/network/agreement.ts';
import { sharedAddresses } from '../core/network/shared-address.ts';
import { isServedKind, type Lead } from '../core/topology/served.ts';
import type { Component } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { targetOf } from './served-routes.ts';

export type Told = Claim & { readonly ageMs: number | null };
type Says = Claim['says'];

export const routeSubject = 'clients\u2019 route';

/** Whom proxies, poolers, names, routes, services and shared addresses are found to lead to, a front by its site, a writer by its id; of Redis, which server lets writers in. */
export function servedClaims(component: Component, facts: Facts): readonly Told[] {
  if (component.kind === 'keepalived') return addressClaims(component, facts);
  return component.instances.flatMap(({ id }) =>
    Object.entries(component.served?.leads ?? {}).flatMap(([name, lead]) =>
      claimsOf({ vantage: `${id} (${name})`, component, id, name, lead }, facts),
    ),
  );
}

/** Of every Redis of the group: where this record lets writers in. */
export const redisSeats = (
  record: GroupRecord,
  { topology, group }: Facts,
): readonly (WriterSeat & { readonly component: ComponentId })[] =>
  topology.components
    .filter(({ id, kind }) => kind === 'redis' && group.components.includes(id))
    .map((component) => ({ component: component.id, ...seatOf(record, component, topology) }));

/** Of what servers lead to and nobody holds, such as poolers behind proxies: the one that the traffic of this record goes to. */
export function ledByTraffic(
  record: GroupRecord,
  { topology, group }: Facts,
): Readonly<Record<ComponentId, InstanceId | null>> {
  const { component } = indexOf(topology);
  const leads = group.components.flatMap((id) => {
    const known = component.get(id);
    return known === undefined || known.kind === 'keepalived' ? [] : Object.values(known.served?.leads ?? {});
  });
  const unheld = leads.filter(({ to }) => {
    const known = component.get(to);
    return known !== undefined && known.kind !== 'front' && known.authority === 'none';
  });
  return Object.fromEntries(unheld.map((lead) => [lead.to, targetOf(record, lead, topology)]));
}

interface Seat {
  readonly vantage: string;
  readonly component: Component;
  readonly id: InstanceId;
  readonly name: string;
  readonly lead: Lead;
}

function claimsOf({ vantage, component, id, name, lead }: Seat, facts: Facts): readonly Told[] {
  const known = facts.instances.get(id);
  // Of a Redis it is asked where writers are let in, not who they are.
  const subject = component.kind === 'redis' ? component.id : subjectOf(lead, facts);
  const about = { vantage, subject, source: 'seen' as const, ageMs: known?.ageMs ?? null };
  // Its agent saw it end: nobody is let in there.
  if (component.kind === 'redis' && known?.fresh && known.observation?.process === 'exited')
    return [{ ...about, says: { kind: 'not', name: id }, epoch: null }];
  const why = whyUnknown(known);
  const leads = known?.observation?.leads?.[name];
  if (why !== null || leads === undefined)
    return [{ ...about, says: { kind: 'unknown', why: why ?? 'it does not say where it leads' }, epoch: null }];
  const epoch = epochOf(component, known!);
  return saysOf({ leads, component, lead, known: known! }, facts).map((says) => ({ ...about, says, epoch }));
}

/** Null: it says something of now. */
export function whyUnknown(known: InstanceFacts | undefined): string | null {
  const observation = known?.observation;
  if (observation == null) return 'it was never seen';
  if (!known!.fresh) return 'nothing fresh is known of it';
  if (observation.health === 'unknown') return observation.reason ?? 'it does not answer';
  return observation.process === 'running' ? null : 'it does not run';
}

const isFront = ({ to }: Lead, facts: Facts): boolean => indexOf(facts.topology).component.get(to)?.kind === 'front';
const subjectOf = (lead: Lead, facts: Facts): string => (isFront(lead, facts) ? routeSubject : lead.to);

/** Under which it was said. Name servers are not told of an epoch in which nobody is to be led to. */
function epochOf({ kind }: Component, { observation }: InstanceFacts): number | null {
  if (kind === 'dns') return null;
  if (kind === 'discovery') return observation?.figures['epoch'] ?? null;
  if (kind === 'redis') return observation?.figures['openEpoch'] || null;
  return observation?.epoch ?? null;
}

function saysOf(
  seen: {
    readonly leads: InstanceId | null | 'elsewhere';
    readonly component: Component;
    readonly lead: Lead;
    readonly known: InstanceFacts;
  },
  facts: Facts,
): readonly Says[] {
  const { leads, component, lead, known } = seen;
  const { siteOfInstance } = indexOf(facts.topology);
  const nameOf = (instance: InstanceId) =>
    isFront(lead, facts) ? (siteOfInstance.get(instance) ?? instance) : instance;
  if (leads === 'elsewhere')
    return [{ kind: 'writer', name: 'somebody whom the topology does not name there, or several' }];
  if (leads !== null) return [{ kind: 'writer', name: nameOf(leads) }];
  // The same answer is given out everywhere; all others lead beside themselves or nowhere.
  if (component.kind === 'dns' || component.kind === 'discovery') return [{ kind: 'writer', name: null }];
  if (component.kind === 'redis') return [{ kind: 'not', name: known.instance.id }];
  return [...new Set(targetsAt(lead, known, facts).map(nameOf))].map((name) => ({ kind: 'not', name }));
}

function targetsAt({ to }: Lead, { site }: InstanceFacts, facts: Facts): readonly InstanceId[] {
  const { component, siteOfInstance } = indexOf(facts.topology);
  return (component.get(to)?.instances ?? []).flatMap(({ id }) => (siteOfInstance.get(id) === site ? [id] : []));
}

/** Whoever has a shared address leads where the proxy beside it does. */
function addressClaims(component: Component, facts: Facts): readonly Told[] {
  const { component: components } = indexOf(facts.topology);
  return sharedAddresses(component, facts.instances).flatMap(
    ({ address, name, lead, owners, site, members }): Told[] => {
      const proxies = components.get(lead.to);
      const behind = Object.entries(proxies?.served?.leads ?? {});
      if (proxies === undefined || !isServedKind(proxies.kind)) return [];
      return behind.flatMap(([backend, further]): readonly Told[] => {
        const about = { subject: subjectOf(further, facts), source: 'seen' as const, epoch: null };
        const oldest = Math.max(...members.map(({ id }) => facts.instances.get(id)?.ageMs ?? 0));
        const say = (who: string, says: Says): Told => ({
          ...about,
          vantage: `${address} (${who})`,
          says,
          ageMs: oldest,
        });
        switch (owners.kind) {
          case 'two':
            return [say(name, { kind: 'writer', name: `two owners, ${owners.owners.join(' and ')}` })];
          case 'unknown':
            return owners.unheard.map((id) =>
              say(name, { kind: 'unknown', why: `${id} may have it and is not heard` }),
            );
          case 'none':
            return [say(name, { kind: 'not', name: site })];
          default: {
            const led = facts.instances.get(owners.owner as InstanceId)?.observation?.leads?.[name];
            if (led == null || led === 'elsewhere')
              return [say(owners.owner, { kind: 'unknown', why: 'no proxy is beside it' })];
            const vantage = `${address} (${owners.owner}, ${led})`;
            return claimsOf({ vantage, component: proxies, id: led, name: backend, lead: further }, facts);
          }
        }
      });
    },
  );
}
