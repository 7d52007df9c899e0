import { type HostId, hostId } from '../../src/core/base/ids.ts';
import type { Lead } from '../../src/core/topology/served.ts';
import type { Component, ComponentKind, Host, Instance, Topology, Venue } from '../../src/core/topology/topology.ts';
import { canServe } from '../../src/core/topology/topology-index.ts';
import { vrrpInstance } from '../netns/servers/shared-address.ts';
import type { PlayGround } from './ground-switches.ts';
import { pacedTopology } from './pace.ts';

/** A scenario's firm as a lab brings it up: at this pace, with an exchange to trade at, its servers where that ground has them. Pure. */
export function labFirm(
  firm: Topology,
  { title, pace, ground }: { readonly title: string; readonly pace: number; readonly ground: PlayGround },
): Topology {
  const exchange: Venue = {
    id: 'exchange',
    title: 'Exchange',
    rttMsBySite: Object.fromEntries(firm.sites.filter(canServe).map(({ id }) => [id, 1])),
    symbols: [],
    sessions: 'epochs',
    protocol: 'binary',
    onTakeover: 'keep',
    calendar: null,
  };
  const paced = { ...pacedTopology(firm, pace), name: `firm of "${title}"`, venues: [exchange] };
  return ground === 'netns' ? onMachines(paced) : paced;
}

/** Routers are machines of their own, and servers lead what those of a lab can lead, all of it; the rest of the firm is as it was. */
function onMachines(firm: Topology): Topology {
  const siteOf = new Map(firm.hosts.map(({ id, site }) => [id, site]));
  const routerHost = ({ host }: Instance): HostId => hostId(`${siteOf.get(host)}-r`);
  const routers = firm.components.filter(({ kind }) => kind === 'frr').flatMap(({ instances }) => instances);
  const machines = routers.map(
    (router): Host => ({ id: routerHost(router), site: siteOf.get(router.host)!, rack: null, scheduling: null }),
  );
  const leadTo = (kind: ComponentKind): Lead | null => {
    const target = firm.components.find((component) => component.kind === kind);
    if (target === undefined) return null;
    const as = kind === 'haproxy' ? {} : Object.fromEntries(target.instances.map(({ id }) => [id, id]));
    return { to: target.id, as, ttlSeconds: null };
  };
  const leads = (component: Component, wanted: Readonly<Record<string, Lead | null>>): Component => ({
    ...component,
    served: {
      ...component.served!,
      leads: Object.fromEntries(Object.entries(wanted).flatMap(([name, lead]) => (lead ? [[name, lead]] : []))),
    },
  });
  const placed = firm.components.map((component): Component => {
    switch (component.kind) {
      case 'frr':
        return {
          ...component,
          instances: component.instances.map((each) => ({ ...each, host: routerHost(each) })),
        };
      case 'haproxy':
        return leads(component, { orders: leadTo('front'), database: leadTo('pgbouncer') });
      case 'discovery':
        return leads(component, { orders: leadTo('front') });
      case 'keepalived':
        return leads(component, { [vrrpInstance]: leadTo('haproxy') });
      default:
        return component;
    }
  });
  return { ...firm, hosts: [...firm.hosts, ...machines], components: placed };
}
