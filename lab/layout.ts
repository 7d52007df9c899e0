import type { HostId, InstanceId, LinkId, SiteId } from '../src/core/base/ids.ts';
import { probingHosts } from '../src/core/network/network-report.ts';
import type { ComponentKind, Topology } from '../src/core/topology/topology.ts';
import { LabError } from './lab-error.ts';

/**
 * The address plan of one loopback lab. Pure: the same topology and block give the same plan.
 *
 * ```
 * 127.B.0.x          outside every site: .1 the ground's control, .2 authority, .3 load, .20+v venue v
 * 127.B.S.h          site S (1…): host h (1…240), .250 its controller, .251 its echo
 * 127.B.100+V.T      what viewer V sees of place T in another place: a relay with that path's latency and faults
 * ```
 * B is the lab's block, so labs side by side never share an address. Ports are unique within a place; a relay listens on the
 * port of what it leads to.
 */
export interface LabLayout {
  readonly block: number;
  readonly control: Address;
  readonly viewers: readonly Viewer[];
  readonly endpoints: readonly Endpoint[];
  readonly relays: readonly Relay[];
  /** One per site, answered by the ground: what the measurement of a link leads to. */
  readonly echoes: readonly { readonly site: SiteId; readonly address: Address }[];
  readonly linkProbes: readonly LinkProbe[];
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Who looks: a process on a host, a site's controller, or anybody outside the firm's sites. */
export type View = 'outside' | { readonly site: SiteId } | { readonly host: HostId };

/** A site's or a venue's name, `authority` or `outside`. */
export type PlaceId = string;

/** Where something stands, as far as the network knows. */
export interface Where {
  readonly place: PlaceId;
  readonly host: HostId | null;
}

export interface Viewer extends Where {
  readonly index: number;
}

export interface Endpoint extends Where {
  readonly id: string;
  readonly address: Address;
}

export interface Relay {
  readonly from: Where;
  readonly endpoint: string;
  readonly to: Where;
  readonly listen: Address;
  readonly target: Address;
  /** It carries datagrams, not connections. */
  readonly datagrams: boolean;
}

/** A relay pinned to one link, so that this link's round trip is measured and not the best one's. */
export interface LinkProbe {
  readonly link: LinkId;
  readonly from: SiteId;
  readonly to: SiteId;
  readonly listen: Address;
  readonly target: Address;
}

export type InstanceService =
  | 'control'
  | 'orders'
  | 'replication'
  | 'sql'
  | 'database'
  | 'risk'
  | 'positions'
  | 'prices'
  | 'queries';
export type SiteService = 'controller-api' | 'controller-peer' | 'etcd-client' | 'etcd-peer';
/** `session`: lines, for people and checks; `orders`: the binary port; `fix`: FIX 4.4, where engines trade over it; then its market data. */
export type VenueService = 'session' | 'orders' | 'fix' | 'feed-a' | 'feed-b' | 'recovery';

export const servicesByKind: Readonly<Record<ComponentKind, readonly InstanceService[]>> = {
  'trading-engine': ['control', 'orders', 'replication'],
  postgres: ['sql'],
  'order-management': ['control', 'queries'],
  front: ['control', 'orders', 'database'],
  'risk-engine': ['control', 'risk'],
  'position-keeper': ['control', 'positions'],
  'market-data': ['control', 'prices'],
  haproxy: [],
  pgbouncer: [],
  dns: [],
  redis: [],
  pgbackrest: [],
  patroni: ['sql'],
  frr: [],
  discovery: [],
  keepalived: [],
  inventory: [],
};

/** Datagrams; there only where a topology asks for measurement, and reached only by the probers of other sites. */
export const probeEndpoint = (host: HostId): string => `host/${host}/probe`;
/** Beside it, over TCP: what the throughput of a path is measured against. */
export const throughputEndpoint = (host: HostId): string => `host/${host}/throughput`;
export const agentEndpoint = (host: HostId): string => `host/${host}/agent`;
/** Reached from its own host only. */
export const wardenEndpoint = (host: HostId): string => `host/${host}/warden`;
export const instanceEndpoint = (instance: InstanceId, service: InstanceService): string =>
  `instance/${instance}/${service}`;
export const siteEndpoint = (site: SiteId, service: SiteService): string => `site/${site}/${service}`;
export const venueEndpoint = (venue: string, service: VenueService): string => `venue/${venue}/${service}`;
export const authorityEndpoint = 'authority/api';
export const loadEndpoint = 'load/control';

const firstPort = 21_000;
const echoPort = 20_999;
const controlPort = 20_900;
const firstProbePort = 28_000;
const limits = { sites: 90, hostsPerSite: 240, venues: 40, viewers: 150, portsPerPlace: 6_000 } as const;

export interface LayoutOptions {
  /** Second octet, 1 … 254. */
  readonly block: number;
  /**
   * `direct`: processes of one site talk without a relay, so a silenced host still reaches its neighbours.
   * `relayed`: also hosts of one site see each other through the ground (no latency); costs a hop on every message.
   */
  readonly insideSite?: 'direct' | 'relayed';
}

/** @throws LabError HF-7010 when the topology does not fit. */
export function layOut(topology: Topology, options: LayoutOptions): LabLayout {
  const { block } = options;
  checkFits(topology, block);
  const siteIndex = new Map(topology.sites.map((site, index) => [site.id, index + 1]));
  const endpoints = allEndpoints(topology, block, siteIndex);
  const viewers = allViewers(topology);
  const echoes = topology.sites.map((site) => ({
    site: site.id,
    address: { host: `127.${block}.${siteIndex.get(site.id)}.251`, port: echoPort },
  }));
  const linkProbes = topology.links.map((link, index): LinkProbe => {
    const [from, to] = link.between;
    return {
      link: link.id,
      from,
      to,
      listen: { host: `127.${block}.100.${siteIndex.get(to)}`, port: firstProbePort + index },
      target: { host: `127.${block}.${siteIndex.get(to)}.251`, port: echoPort },
    };
  });
  return {
    block,
    control: { host: `127.${block}.0.1`, port: controlPort },
    viewers,
    endpoints,
    relays: allRelays({ topology, block, siteIndex, endpoints, viewers, insideSite: options.insideSite ?? 'direct' }),
    echoes,
    linkProbes,
  };
}

/** Where everything of a lab listens and is reached, whatever ground it stands on. */
export interface LabAddresses {
  /** Of the loopback addresses that the lab has taken; on another ground only people and the ground's control use some of them. */
  readonly layout: LabLayout;
  /** What the endpoint's own process listens on. */
  listenAddress(endpointId: string): Address;
  /** Where the endpoint itself is reached from beside it. */
  realAddress(endpointId: string): Address;
  /** What a viewer must dial to reach an endpoint. Throws when there is no way at all, which is a mistake of the caller. */
  addressFrom(view: View, endpointId: string): Address;
  /** What a person's programs on this machine dial. */
  operatorAddress(endpointId: string): Address;
  /** Every address at which anybody may reach the endpoint: for the names in its certificate. */
  allAddresses(endpointId: string): readonly Address[];
}

/** Looks up what every party must dial. Built once per process; answers in constant time. */
export class AddressBook implements LabAddresses {
  readonly layout: LabLayout;
  readonly #topology: Topology;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  readonly #relays: ReadonlyMap<string, Address>;

  constructor(topology: Topology, layout: LabLayout) {
    this.layout = layout;
    this.#topology = topology;
    this.#endpoints = new Map(layout.endpoints.map((endpoint) => [endpoint.id, endpoint]));
    this.#relays = new Map(layout.relays.map((relay) => [relayKey(relay.from, relay.endpoint), relay.listen]));
  }

  /** Where the endpoint itself listens. */
  realAddress(endpointId: string): Address {
    return this.#endpoint(endpointId).address;
  }

  listenAddress(endpointId: string): Address {
    return this.realAddress(endpointId);
  }

  /** People stand where the clients do. */
  operatorAddress(endpointId: string): Address {
    return this.addressFrom('outside', endpointId);
  }

  /**
   * What a viewer must dial to reach an endpoint: the real address from beside it, a relay from anywhere else.
   * Throws when there is no way at all, which is a mistake of the caller (a warden from another host, a venue
   * that the site does not trade on).
   */
  addressFrom(view: View, endpointId: string): Address {
    const endpoint = this.#endpoint(endpointId);
    const from = this.#where(view);
    const relay = this.#relays.get(relayKey(from, endpointId));
    if (relay !== undefined) return relay;
    if (from.place === endpoint.place || (from.place === 'outside' && isOutside(this.#topology, endpoint.place)))
      return endpoint.address;
    throw new TypeError(`there is no path from ${from.host ?? from.place} to ${endpointId}`);
  }

  /** Every address at which anybody may reach the endpoint: for the names in its certificate. */
  allAddresses(endpointId: string): readonly Address[] {
    const relays = this.layout.relays.filter((relay) => relay.endpoint === endpointId).map((relay) => relay.listen);
    return [this.#endpoint(endpointId).address, ...relays];
  }

  #endpoint(id: string): Endpoint {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) throw new TypeError(`no endpoint ${id}`);
    return endpoint;
  }

  #where(view: View): Where {
    if (view === 'outside') return { place: 'outside', host: null };
    if ('site' in view) return { place: view.site, host: null };
    const host = this.#topology.hosts.find((candidate) => candidate.id === view.host);
    if (host === undefined) throw new TypeError(`no host ${view.host}`);
    return { place: host.site, host: host.id };
  }
}

/** Every address at which some process of the lab listens, with what it is for. */
export function listeningAddresses(layout: LabLayout): readonly { readonly address: Address; readonly use: string }[] {
  return [
    { address: layout.control, use: 'control of the ground' },
    ...layout.endpoints.map(({ id, address }) => ({ address, use: id })),
    ...layout.relays.map(({ from, endpoint, listen }) => ({
      address: listen,
      use: `relay ${from.host ?? from.place} to ${endpoint}`,
    })),
    ...layout.echoes.map(({ site, address }) => ({ address, use: `echo in ${site}` })),
    ...layout.linkProbes.map(({ link, listen }) => ({ address: listen, use: `measurement of ${link}` })),
  ];
}

/** Authority, venues and load stand outside every site; neither of them passes a site's links to reach another. */
const isOutside = (topology: Topology, place: PlaceId): boolean => !topology.sites.some((site) => site.id === place);

const relayKey = (from: Where, endpoint: string): string => `${from.place}|${from.host ?? ''}|${endpoint}`;

function allEndpoints(topology: Topology, block: number, siteIndex: ReadonlyMap<SiteId, number>): readonly Endpoint[] {
  const ports = new Map<PlaceId, number>();
  const endpoints: Endpoint[] = [];
  const add = (endpoint: { id: string; place: PlaceId; host: HostId | null; ip: string }) => {
    const port = ports.get(endpoint.place) ?? firstPort;
    ports.set(endpoint.place, port + 1);
    const { id, place, host, ip } = endpoint;
    endpoints.push({ id, place, host, address: { host: ip, port } });
  };
  for (const site of topology.sites) {
    const ofSite = (host: number) => `127.${block}.${siteIndex.get(site.id)}.${host}`;
    for (const service of ['controller-api', 'controller-peer', 'etcd-client', 'etcd-peer'] as const)
      add({ id: siteEndpoint(site.id, service), place: site.id, host: null, ip: ofSite(250) });
    const hosts = topology.hosts.filter((host) => host.site === site.id);
    for (const [index, host] of hosts.entries()) {
      const at = { place: site.id, host: host.id, ip: ofSite(index + 1) };
      add({ id: agentEndpoint(host.id), ...at });
      add({ id: wardenEndpoint(host.id), ...at });
      for (const component of topology.components)
        for (const instance of component.instances.filter((candidate) => candidate.host === host.id))
          for (const service of servicesByKind[component.kind])
            add({ id: instanceEndpoint(instance.id, service), ...at });
    }
  }
  add({ id: authorityEndpoint, place: 'authority', host: null, ip: `127.${block}.0.2` });
  add({ id: loadEndpoint, place: 'outside', host: null, ip: `127.${block}.0.3` });
  if (topology.network !== undefined)
    for (const [site, host] of probingHosts(topology)) {
      const index = topology.hosts.filter((each) => each.site === site).findIndex(({ id }) => id === host.id);
      const ip = `127.${block}.${siteIndex.get(site)}.${index + 1}`;
      for (const id of [probeEndpoint(host.id), throughputEndpoint(host.id)])
        add({ id, place: site, host: host.id, ip });
    }
  const offersFeeds = hasMarketData(topology);
  for (const [index, venue] of topology.venues.entries())
    for (const service of venueServices(venue, offersFeeds))
      add({ id: venueEndpoint(venue.id, service), place: venue.id, host: null, ip: `127.${block}.0.${20 + index}` });
  return endpoints;
}

function allViewers(topology: Topology): readonly Viewer[] {
  const viewers: Viewer[] = [{ index: 0, place: 'outside', host: null }];
  for (const site of topology.sites) viewers.push({ index: viewers.length, place: site.id, host: null });
  for (const host of topology.hosts) viewers.push({ index: viewers.length, place: host.site, host: host.id });
  return viewers;
}

function allRelays(plan: {
  readonly topology: Topology;
  readonly block: number;
  readonly siteIndex: ReadonlyMap<SiteId, number>;
  readonly endpoints: readonly Endpoint[];
  readonly viewers: readonly Viewer[];
  readonly insideSite: 'direct' | 'relayed';
}): readonly Relay[] {
  const placeOctet = new Map<PlaceId, number>([['authority', 250]]);
  for (const [site, index] of plan.siteIndex) placeOctet.set(site, index);
  for (const [index, venue] of plan.topology.venues.entries()) placeOctet.set(venue.id, 200 + index);
  const relays: Relay[] = [];
  for (const viewer of plan.viewers)
    for (const endpoint of plan.endpoints) {
      if (!isSeen(plan.topology, viewer, endpoint, plan.insideSite)) continue;
      relays.push({
        from: { place: viewer.place, host: viewer.host },
        endpoint: endpoint.id,
        to: { place: endpoint.place, host: endpoint.host },
        listen: {
          host: `127.${plan.block}.${100 + viewer.index}.${placeOctet.get(endpoint.place)}`,
          port: endpoint.address.port,
        },
        target: endpoint.address,
        datagrams: /\/(feed-[ab]|probe)$/.test(endpoint.id),
      });
    }
  return relays;
}

function isSeen(topology: Topology, viewer: Viewer, endpoint: Endpoint, insideSite: 'direct' | 'relayed'): boolean {
  if (endpoint.id.endsWith('/warden') || endpoint.place === 'outside') return false;
  if (endpoint.host !== null && isMeasured(endpoint.id, endpoint.host))
    return viewer.place !== endpoint.place && isProbing(topology, viewer.host);
  if (isMarketDataOfVenue(endpoint) && !hasOnHost(topology, viewer.host, 'market-data')) return false;
  const toSite = !isOutside(topology, endpoint.place);
  if (viewer.place === 'outside') return toSite;
  if (viewer.place === endpoint.place)
    return insideSite === 'relayed' && viewer.host !== null && endpoint.host !== null && viewer.host !== endpoint.host;
  const venue = topology.venues.find((candidate) => candidate.id === endpoint.place);
  // Engines trade on the other ports; the lines are what order management and position keepers ask when they compare their books.
  const isLines = venue !== undefined && endpoint.id === venueEndpoint(venue.id, 'session');
  if (isLines && !asksLines.some((kind) => hasOnHost(topology, viewer.host, kind))) return false;
  return venue === undefined || venue.rttMsBySite[viewer.place] !== undefined;
}

const isMeasured = (endpoint: string, host: HostId): boolean =>
  endpoint === probeEndpoint(host) || endpoint === throughputEndpoint(host);

const isProbing = (topology: Topology, host: HostId | null): boolean =>
  [...probingHosts(topology).values()].some(({ id }) => id === host);

const asksLines = ['order-management', 'position-keeper'] as const;

const marketDataServices = ['feed-a', 'feed-b', 'recovery'] as const satisfies readonly VenueService[];

const venueServices = ({ protocol }: Topology['venues'][number], offersFeeds: boolean): readonly VenueService[] => [
  'session',
  'orders',
  ...(protocol === 'fix' ? (['fix'] as const) : []),
  ...(offersFeeds ? marketDataServices : []),
];

const isMarketDataOfVenue = ({ id, place }: Endpoint): boolean =>
  marketDataServices.some((service) => id === venueEndpoint(place, service));

/** Exchanges offer their feeds in a lab only where somebody hears them: every packet has its cost. */
export const hasMarketData = (topology: Topology): boolean =>
  topology.components.some(({ kind, instances }) => kind === 'market-data' && instances.length > 0);

const hasOnHost = (topology: Topology, host: HostId | null, kind: ComponentKind): boolean =>
  topology.components.some((each) => each.kind === kind && each.instances.some((instance) => instance.host === host));

function checkFits(topology: Topology, block: number): void {
  const refuse = (found: string, next = 'mark what need not run as inventory, or rename what clashes'): never => {
    throw new LabError({
      code: 'HF-7010',
      attempted: `lay out a loopback lab for ${topology.name}`,
      found,
      next,
    });
  };
  if (!Number.isInteger(block) || block < 1 || block > 254)
    refuse(`block ${block} is not between 1 and 254`, 'give --block N between 1 and 254, or leave it out');
  if (topology.sites.length > limits.sites) refuse(`${topology.sites.length} sites, at most ${limits.sites} fit`);
  if (topology.venues.length > limits.venues) refuse(`${topology.venues.length} venues, at most ${limits.venues} fit`);
  const viewers = 1 + topology.sites.length + topology.hosts.length;
  if (viewers > limits.viewers) refuse(`${viewers - 1} sites and hosts together, at most ${limits.viewers - 1} fit`);
  for (const site of topology.sites) {
    const hosts = topology.hosts.filter((host) => host.site === site.id).length;
    if (hosts > limits.hostsPerSite) refuse(`${hosts} hosts in ${site.id}, at most ${limits.hostsPerSite} fit`);
  }
  const places = [
    'outside',
    'authority',
    ...topology.sites.map((site) => site.id),
    ...topology.venues.map((v) => v.id),
  ];
  const twice = places.find((place, index) => places.indexOf(place) !== index);
  if (twice !== undefined)
    refuse(`"${twice}" names two places (sites, venues, "outside" and "authority" share one name space)`);
}
