import type { GroupId, HostId, LinkId, SiteId } from '../../src/core/base/ids.ts';
import type { ComponentKind, Link, Site, Topology } from '../../src/core/topology/topology.ts';
import { LabError } from '../lab-error.ts';
import { firstAs, outsideAs, outsideLan, pairNetwork, serviceNetwork, siteLan } from './address-plan.ts';

/** A machine of the lab: a network namespace with processes of its own. */
export interface PlannedNode {
  /** e.g. `router/SITE/1`, `host/HOST`, `observer/SITE`, `venue/VENUE`, `client`. */
  readonly id: string;
  readonly namespace: string;
  readonly kind: 'router' | 'host' | 'observer' | 'venue' | 'client';
  /** Loses power with this site; null stands outside. */
  readonly site: SiteId | null;
  /** Of the topology; a router's where an agent leads it. */
  readonly host: HostId | null;
  readonly gateway: string | null;
  /** On the loopback interface, so that they answer whatever link is up. */
  readonly ownAddresses: readonly string[];
}

/** The local network of a site, or of the clients: a bridge in a namespace of its own. */
export interface PlannedSwitch {
  readonly id: string;
  readonly namespace: string;
}

export interface WireEnd {
  /** A node's or a switch's id. */
  readonly at: string;
  readonly namespace: string;
  readonly interface: string;
  /** With its prefix length; null on a switch. */
  readonly address: string | null;
  /** What packets that arrive here have been delayed by. */
  readonly delayMs: number;
}

/** A pair of interfaces in two namespaces. */
export interface PlannedWire {
  readonly id: string;
  readonly ends: readonly [WireEnd, WireEnd];
  /** The topology's link that it is, or that its tunnel is. */
  readonly link: LinkId | null;
  readonly mbps: number | null;
}

/** An encrypted tunnel over a wire. */
export interface PlannedTunnel {
  readonly link: LinkId;
  readonly wire: string;
  readonly interface: string;
  readonly ends: readonly [TunnelEnd, TunnelEnd];
}

export interface TunnelEnd {
  readonly router: string;
  /** Inside the tunnel, with its prefix length. */
  readonly address: string;
  /** Under it. */
  readonly endpoint: string;
}

export interface PlannedNeighbour {
  readonly address: string;
  readonly as: number;
  readonly kind: 'inside' | 'link' | 'outside';
  readonly link: LinkId | null;
  /** Of what this neighbour's own site announces; null = the usual one. */
  readonly localPreference: number | null;
}

export interface PlannedRouter {
  readonly id: string;
  /** Null: the network between the clients and the sites. */
  readonly site: SiteId | null;
  readonly as: number;
  readonly routerId: string;
  readonly neighbours: readonly PlannedNeighbour[];
  /** Announced from the start; a service's prefix never is. */
  readonly prefixes: readonly string[];
  /** Null where nothing is shared. The first of a site's routers is preferred. */
  readonly gateway: { readonly address: string; readonly interface: string; readonly priority: number } | null;
}

/** What clients of one failover group use, wherever it is active. */
export interface PlannedService {
  readonly group: GroupId;
  readonly prefix: string;
  readonly address: string;
  readonly at: readonly { readonly site: SiteId; readonly host: HostId; readonly nextHop: string }[];
}

export interface NetworkPlan {
  readonly prefix: string;
  readonly nodes: readonly PlannedNode[];
  readonly switches: readonly PlannedSwitch[];
  readonly wires: readonly PlannedWire[];
  readonly tunnels: readonly PlannedTunnel[];
  readonly routers: readonly PlannedRouter[];
  readonly services: readonly PlannedService[];
}

const limits = { sites: 90, hostsPerSite: 180, venues: 40, links: 4_000, groups: 250 } as const;
const routersPerSite = 2;
/** Diverse paths of one pair of sites; further links of the pair are backups through a tunnel. */
const diversePaths = 2;
const preferenceOfFirst = 300;

/** Every namespace of a lab begins with this, so that all of them are found without a list. */
export const namespacePrefix = (labId: string): string => `hf-${labId.slice(-10).slice(0, 8)}-`;

/** What a topology is as namespaces, wires, addresses and routers. Pure. @throws LabError HF-7010 when it does not fit. */
export function planNetwork(topology: Topology, options: { readonly prefix: string }): NetworkPlan {
  checkFits(topology);
  return new Planner(topology, options.prefix).plan();
}

class Planner {
  readonly #topology: Topology;
  readonly #prefix: string;
  readonly #wires: PlannedWire[] = [];
  readonly #tunnels: PlannedTunnel[] = [];
  readonly #neighbours = new Map<string, PlannedNeighbour[]>();

  constructor(topology: Topology, prefix: string) {
    this.#topology = topology;
    this.#prefix = prefix;
  }

  plan(): NetworkPlan {
    const { sites, links, venues } = this.#topology;
    const nodes = sites.flatMap((site, index) => this.#site(site, index));
    for (const [index, link] of links.entries()) this.#link(link, index);
    for (const [index, venue] of venues.entries()) {
      nodes.push(this.#node({ id: `venue/${venue.id}`, kind: 'venue', site: null }));
      for (const [siteIndex, site] of sites.entries()) {
        const rttMs = venue.rttMsBySite[site.id];
        if (rttMs === undefined) continue;
        // A cross-connect into the site's network. The whole round trip is paid on the way to the exchange.
        this.#attach(site.id, {
          node: `venue/${venue.id}`,
          interface: `lan${siteIndex}`,
          address: `${siteLan(siteIndex).venue(index)}/24`,
          delayMs: rttMs,
        });
      }
      // Ledgers are compared from outside every site.
      this.#plug('lan-outside', {
        node: `venue/${venue.id}`,
        interface: 'outside',
        address: `${outsideLan.venue(index)}/24`,
        delayMs: 0,
      });
    }
    nodes.push(...this.#outside());
    return {
      prefix: this.#prefix,
      nodes,
      switches: [...sites.map(({ id }) => `lan/${id}`), 'lan-outside'].map((id) => ({
        id,
        namespace: this.#namespace(id),
      })),
      wires: this.#wires,
      tunnels: this.#tunnels,
      routers: this.#routers(),
      services: this.#services(),
    };
  }

  #site(site: Site, index: number): PlannedNode[] {
    const lan = siteLan(index);
    const nodes: PlannedNode[] = [];
    for (const number of routerNumbers) {
      const id = routerId(site.id, number);
      const host = routerHosts(this.#topology, site.id)[number - 1] ?? null;
      nodes.push({ ...this.#node({ id, kind: 'router', site: site.id }), host });
      this.#attach(site.id, { node: id, interface: 'lan', address: `${lan.router(number)}/24`, delayMs: 0 });
      for (const other of routerNumbers.filter((each) => each !== number))
        this.#peer(id, { address: lan.router(other), as: firstAs + index, kind: 'inside' });
    }
    for (const [number, host] of this.#hostsOf(site.id).entries()) {
      const id = `host/${host.id}`;
      const ownAddresses = this.#services().flatMap(({ at, address }) =>
        at.some((place) => place.host === host.id) || this.#takesAnnounced(host.id) ? [`${address}/32`] : [],
      );
      nodes.push({
        ...this.#node({ id, kind: 'host', site: site.id }),
        host: host.id,
        gateway: lan.gateway,
        ownAddresses,
      });
      this.#attach(site.id, { node: id, interface: 'lan', address: `${lan.host(number)}/24`, delayMs: 0 });
    }
    const observer = `observer/${site.id}`;
    nodes.push({ ...this.#node({ id: observer, kind: 'observer', site: null }), gateway: lan.gateway });
    this.#attach(site.id, { node: observer, interface: 'lan', address: `${lan.observer}/24`, delayMs: 0 });
    return nodes;
  }

  #link(link: Link, index: number): void {
    const ofPair = this.#topology.links
      .filter((other) => isPair(other, link))
      .sort((left, right) => left.priority - right.priority);
    const rank = ofPair.indexOf(link);
    // Diverse paths end at different routers.
    const [from, to] = link.between.map((site) => routerId(site, (rank % routersPerSite) + 1)) as [string, string];
    const network = pairNetwork('wire', index);
    const isTunnel = rank >= diversePaths;
    const name = `${isTunnel ? 'u' : 'w'}${index}`;
    const end = (at: string, address: string): WireEnd => ({
      at,
      namespace: this.#namespace(at),
      interface: name,
      address,
      delayMs: link.rttMs / 2,
    });
    this.#wires.push({
      id: `link/${link.id}`,
      ends: [end(from, `${network.first}/30`), end(to, `${network.second}/30`)],
      link: link.id,
      mbps: link.bandwidthMbps,
    });
    const inner = isTunnel ? pairNetwork('tunnel', index) : network;
    if (isTunnel)
      this.#tunnels.push({
        link: link.id,
        wire: `link/${link.id}`,
        interface: `vpn${index}`,
        ends: [
          { router: from, address: `${inner.first}/30`, endpoint: network.first },
          { router: to, address: `${inner.second}/30`, endpoint: network.second },
        ],
      });
    const localPreference = preferenceOfFirst - 10 * rank;
    const [fromAs, toAs] = link.between.map((site) => this.#asOf(site)) as [number, number];
    this.#peer(from, { address: inner.second, as: toAs, kind: 'link', link: link.id, localPreference });
    this.#peer(to, { address: inner.first, as: fromAs, kind: 'link', link: link.id, localPreference });
  }

  /** Clients and people, and the network that leads from them to every site. */
  #outside(): PlannedNode[] {
    let index = 0;
    for (const site of this.#topology.sites)
      for (const number of routerNumbers) {
        const network = pairNetwork('outside', index);
        const [inside, outside] = [routerId(site.id, number), outsideRouter];
        const end = (at: string, name: string, address: string): WireEnd => ({
          at,
          namespace: this.#namespace(at),
          interface: name,
          address: `${address}/30`,
          delayMs: 0,
        });
        this.#wires.push({
          id: `outside/${site.id}/${number}`,
          ends: [end(inside, 'out', network.first), end(outside, `s${index}`, network.second)],
          link: null,
          mbps: null,
        });
        this.#peer(inside, { address: network.second, as: outsideAs, kind: 'outside' });
        this.#peer(outside, { address: network.first, as: this.#asOf(site.id), kind: 'outside' });
        index += 1;
      }
    const toLan = (id: string, address: string) =>
      this.#plug('lan-outside', { node: id, interface: 'lan', address: `${address}/24`, delayMs: 0 });
    toLan(outsideRouter, outsideLan.gateway);
    toLan('client', outsideLan.client);
    return [
      this.#node({ id: outsideRouter, kind: 'router', site: null }),
      { ...this.#node({ id: 'client', kind: 'client', site: null }), gateway: outsideLan.gateway },
    ];
  }

  #routers(): readonly PlannedRouter[] {
    const inside = this.#topology.sites.flatMap((site, index) =>
      routerNumbers.map((number): PlannedRouter => {
        const lan = siteLan(index);
        const id = routerId(site.id, number);
        const priority = number === 1 ? 254 : 250;
        return {
          id,
          site: site.id,
          as: firstAs + index,
          routerId: lan.router(number),
          neighbours: this.#neighbours.get(id) ?? [],
          prefixes: [lan.network],
          gateway: { address: `${lan.gateway}/24`, interface: 'lan', priority },
        };
      }),
    );
    const outside: PlannedRouter = {
      id: outsideRouter,
      site: null,
      as: outsideAs,
      routerId: outsideLan.gateway,
      neighbours: this.#neighbours.get(outsideRouter) ?? [],
      prefixes: [outsideLan.network],
      gateway: null,
    };
    return [...inside, outside];
  }

  #services(): readonly PlannedService[] {
    const { groups, sites, components } = this.#topology;
    return groups.map((group, index) => {
      const members = components.filter(({ id }) => group.components.includes(id));
      const instances = [...members.filter(({ kind }) => kind === 'front'), ...members].flatMap((c) => c.instances);
      const at = sites.filter(mayServe).flatMap((site) => {
        const hosts = this.#hostsOf(site.id);
        const host = instances.find((instance) => hosts.some(({ id }) => id === instance.host))?.host;
        if (host === undefined) return [];
        const number = hosts.findIndex(({ id }) => id === host);
        return [{ site: site.id, host, nextHop: siteLan(sites.indexOf(site)).host(number) }];
      });
      return { group: group.id, ...serviceNetwork(index), at };
    });
  }

  /** Routers that agents lead announce a service with the way to a site's proxies. */
  #takesAnnounced(host: HostId): boolean {
    const { components } = this.#topology;
    const hasRouters = components.some(({ kind }) => kind === 'frr');
    return hasRouters && hostsOfKind(components, 'haproxy').includes(host);
  }

  #attach(site: SiteId, plug: Plug): void {
    this.#plug(`lan/${site}`, plug);
  }

  #plug(switchId: string, { node, interface: name, address, delayMs }: Plug): void {
    const port = `p${this.#wires.filter(({ ends }) => ends[1].at === switchId).length}`;
    this.#wires.push({
      id: `${switchId}/${node}`,
      ends: [
        { at: node, namespace: this.#namespace(node), interface: name, address, delayMs },
        { at: switchId, namespace: this.#namespace(switchId), interface: port, address: null, delayMs: 0 },
      ],
      link: null,
      mbps: null,
    });
  }

  #peer(router: string, peer: Pick<PlannedNeighbour, 'address' | 'as' | 'kind'> & Partial<PlannedNeighbour>): void {
    const neighbours = this.#neighbours.get(router) ?? [];
    neighbours.push({ link: null, localPreference: null, ...peer });
    this.#neighbours.set(router, neighbours);
  }

  #node(node: Pick<PlannedNode, 'id' | 'kind' | 'site'>): PlannedNode {
    return { ...node, namespace: this.#namespace(node.id), host: null, gateway: null, ownAddresses: [] };
  }

  #namespace(id: string): string {
    return this.#prefix + id.replaceAll('/', '-');
  }

  #hostsOf(site: SiteId): Topology['hosts'] {
    const routers = routerHosts(this.#topology, site);
    return this.#topology.hosts.filter((host) => host.site === site && !routers.includes(host.id));
  }

  #asOf(site: SiteId): number {
    return firstAs + this.#topology.sites.findIndex(({ id }) => id === site);
  }
}

interface Plug {
  readonly node: string;
  readonly interface: string;
  readonly address: string;
  readonly delayMs: number;
}

/** Machines by the name that people and faults use: a host's own, a router's id where it is no host. */
export const machineNamed = ({ nodes }: Pick<NetworkPlan, 'nodes'>, name: string): PlannedNode | undefined =>
  nodes.find(({ host }) => host === name) ?? nodes.find(({ id, host }) => host === null && id === name);

/** The network of a site's own machines, with its prefix length. */
export const networkOf = ({ routers }: Pick<NetworkPlan, 'routers'>, site: SiteId): string =>
  routers.find((router) => router.site === site)!.prefixes[0]!;

const hostsOfKind = (components: Topology['components'], kind: ComponentKind): readonly HostId[] =>
  components.filter((each) => each.kind === kind).flatMap(({ instances }) => instances.map(({ host }) => host));

/** Hosts that are routers of a site, in the topology's order: those on which its FRR runs. */
function routerHosts({ components, hosts }: Topology, site: SiteId): readonly HostId[] {
  const routers = hostsOfKind(components, 'frr');
  return hosts.filter((host) => host.site === site && routers.includes(host.id)).map(({ id }) => id);
}

export const outsideRouter = 'router/outside';
const routerNumbers = Array.from({ length: routersPerSite }, (_, index) => index + 1);
export const routerId = (site: SiteId, number: number): string => `router/${site}/${number}`;

const mayServe = ({ capabilities }: Site): boolean =>
  capabilities.includes('serve') || capabilities.includes('standby');

const isPair = (left: Link, right: Link): boolean => left.between.every((site) => right.between.includes(site));

function checkFits(topology: Topology): void {
  const { name, sites, hosts, venues, links, groups, components } = topology;
  const refuse = (found: string): never => {
    throw new LabError({
      code: 'HF-7010',
      attempted: `plan the network of ${name}`,
      found,
      next: 'bring up fewer of them',
    });
  };
  if (sites.length > limits.sites) refuse(`${sites.length} sites, at most ${limits.sites} fit`);
  if (venues.length > limits.venues) refuse(`${venues.length} venues, at most ${limits.venues} fit`);
  if (links.length > limits.links) refuse(`${links.length} links, at most ${limits.links} fit`);
  if (groups.length > limits.groups) refuse(`${groups.length} failover groups, at most ${limits.groups} fit`);
  for (const { id } of sites) {
    const count = hosts.filter(({ site }) => site === id).length;
    if (count > limits.hostsPerSite) refuse(`${count} hosts in ${id}, at most ${limits.hostsPerSite} fit`);
    const routers = routerHosts(topology, id);
    if (routers.length > routersPerSite)
      refuse(`${routers.length} routers in ${id}, and a site of a lab has ${routersPerSite}`);
    const beside = components.find(
      ({ kind, instances }) => kind !== 'frr' && instances.some(({ host }) => routers.includes(host)),
    );
    if (beside !== undefined)
      refuse(`${beside.id} is on a router of ${id}, and routers of a lab are machines of their own`);
  }
}
