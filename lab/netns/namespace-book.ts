import type { Topology } from '../../src/core/topology/topology.ts';
import {
  type Address,
  type Endpoint,
  instanceEndpoint,
  type LabAddresses,
  type LabLayout,
  loadEndpoint,
  type View,
} from '../layout.ts';
import { outsideLan, siteLan } from './address-plan.ts';
import { controllerHost } from './controller-host.ts';
import type { NetworkPlan } from './network-plan.ts';
import { patroniMembers } from './servers/patroni-members.ts';
import { isDelegated, lanAddress } from './servers/placement.ts';

/** Ports are those of the loopback lab: unique within a site, so that no two listeners of a machine clash. A server keeps its own. */
export class NamespaceBook implements LabAddresses {
  readonly layout: LabLayout;
  readonly #topology: Topology;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  readonly #hosts = new Map<string, string>();
  /** By endpoint. */
  readonly #serverPorts: ReadonlyMap<string, number>;

  /** @param layout of the block of loopback addresses that the lab has taken */
  constructor(topology: Topology, plan: NetworkPlan, layout: LabLayout) {
    this.layout = layout;
    this.#topology = topology;
    this.#endpoints = new Map(layout.endpoints.map((endpoint) => [endpoint.id, endpoint]));
    const members = topology.components
      .filter(isDelegated)
      .flatMap((component) => patroniMembers({ topology, plan }, component));
    this.#serverPorts = new Map(
      members.map(({ instance, postgresPort }) => [instanceEndpoint(instance.id, 'sql'), postgresPort]),
    );
    for (const node of plan.nodes) if (node.host !== null) this.#hosts.set(node.host, lanAddress(plan, node));
    for (const { id } of topology.sites) {
      const controller = controllerHost({ topology, plan }, id);
      if (controller !== null) this.#hosts.set(id, this.#hosts.get(controller)!);
    }
  }

  /** An exchange has an interface in the network of each site that trades there, and listens on all of them. */
  listenAddress(endpointId: string): Address {
    const { place, address } = this.#endpoint(endpointId);
    if (this.#venueNumber(place) === null) return this.realAddress(endpointId);
    return { host: '0.0.0.0', port: address.port };
  }

  realAddress(endpointId: string): Address {
    const { place, host, address } = this.#endpoint(endpointId);
    const port = this.#serverPorts.get(endpointId) ?? address.port;
    const venue = this.#venueNumber(place);
    if (venue !== null) return { host: outsideLan.venue(venue), port };
    if (endpointId === loadEndpoint) return { host: outsideLan.client, port };
    const machine = this.#hosts.get(host ?? place);
    if (machine === undefined) throw new TypeError(`nothing of ${endpointId} runs on a machine of this lab`);
    return { host: machine, port };
  }

  addressFrom(view: View, endpointId: string): Address {
    const { place, address } = this.#endpoint(endpointId);
    const venue = this.#venueNumber(place);
    if (venue === null || view === 'outside') return this.realAddress(endpointId);
    const site = 'site' in view ? view.site : this.#topology.hosts.find(({ id }) => id === view.host)?.site;
    const siteIndex = this.#topology.sites.findIndex(({ id }) => id === site);
    if (site === undefined || this.#topology.venues[venue]!.rttMsBySite[site] === undefined)
      throw new TypeError(`there is no path from ${site ?? 'nowhere'} to ${endpointId}`);
    return { host: siteLan(siteIndex).venue(venue), port: address.port };
  }

  /** A door of the lab's on this machine, which leads to the clients' (`operator-doors.ts`). */
  operatorAddress(endpointId: string): Address {
    const door = doorsOf(this.layout).find(({ endpoint }) => endpoint === endpointId);
    if (door === undefined) throw new TypeError(`people have no way to ${endpointId}`);
    return door.listen;
  }

  allAddresses(endpointId: string): readonly Address[] {
    const doors = doorsOf(this.layout).filter(({ endpoint }) => endpoint === endpointId);
    return [this.realAddress(endpointId), ...doors.map(({ listen }) => listen)];
  }

  #endpoint(id: string): Endpoint {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) throw new TypeError(`no endpoint ${id}`);
    return endpoint;
  }

  #venueNumber(place: string): number | null {
    const index = this.#topology.venues.findIndex(({ id }) => id === place);
    return index === -1 ? null : index;
  }
}

/** A loopback address at which programs of people reach something inside the lab. */
export interface Door {
  readonly endpoint: string;
  readonly listen: Address;
}

/** What people talk to: every controller, and the order flow. */
export const doorsOf = ({ endpoints, relays }: LabLayout): readonly Door[] => [
  ...relays
    .filter(({ from, endpoint }) => from.place === 'outside' && endpoint.endsWith('/controller-api'))
    .map(({ endpoint, listen }) => ({ endpoint, listen })),
  ...endpoints.filter(({ id }) => id === loadEndpoint).map(({ id, address }) => ({ endpoint: id, listen: address })),
];
