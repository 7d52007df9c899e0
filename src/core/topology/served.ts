import type { ComponentId, InstanceId } from '../base/ids.ts';

/**
 * Servers that are run by others. Proxies, poolers, name servers, routers, records of services, and the caches of a writer lead somebody
 * to it: an agent looks at them and tells them where to lead. Patroni says itself who is primary, and is asked. None of them is a fence. A
 * repository of backups is looked at only.
 */
export const servedKinds = [
  'haproxy',
  'pgbouncer',
  'dns',
  'redis',
  'pgbackrest',
  'patroni',
  'frr',
  'discovery',
  'keepalived',
] as const;
export type ServedKind = (typeof servedKinds)[number];

export const isServedKind = (kind: string): kind is ServedKind => servedKinds.some((each) => each === kind);

/** Looked at, or asked by a run; told of no route. */
export const leadsNobody = (kind: ServedKind): boolean => kind === 'pgbackrest' || kind === 'patroni';

/** Leads to what leads on, whatever the record says: the address that a pair of machines shares, to the proxies beside it. */
export const leadsToServers = (kind: ServedKind): boolean => kind === 'keepalived';

/** What a component of served kind leads to, and how each of its servers is reached. */
export interface Served {
  /** By name of the backend, pooled database, DNS name, Sentinel set, prefix, service or VRRP instance. */
  readonly leads: Readonly<Record<string, Lead>>;
  readonly servers: Readonly<Record<InstanceId, ServerOptions>>;
}

export interface Lead {
  /** Its holder, of a front the instance of the site that has the traffic, of proxies the one beside it. */
  readonly to: ComponentId;
  /** What each instance of `to` is called there: a server's name, `HOST:PORT`, or an address. Empty for Redis. */
  readonly as: Readonly<Record<InstanceId, string>>;
  /** Of a DNS name: how long an answer may be kept. */
  readonly ttlSeconds: number | null;
}

export type ServerOptions = Readonly<Partial<Record<ServerOption, string>>>;

export const serverOptions = [
  'socket',
  'address',
  'user',
  'passwordFile',
  'databasesFile',
  'zone',
  'keyFile',
  'writerPasswordFile',
  'sentinel',
  'sentinelPasswordFile',
  'sentinelUser',
  'configFile',
  'stanza',
  'repository',
  'api',
  'member',
  'scope',
  'namespace',
  'store',
  'endpoints',
  'caFile',
  'certFile',
  'autonomousSystem',
  'keyPrefix',
  'sharedAddress',
  'interface',
  'pidFile',
  'weightFile',
  'preferences',
  'barFile',
  'gatePort',
  'upstreamFile',
  'grantSocket',
  'service',
  'fencing',
] as const;
export type ServerOption = (typeof serverOptions)[number];

/** May be said of every kind: who keeps it running, and whether to fence it is to bar it there. */
export const optionsOfAll = ['service', 'fencing'] as const satisfies readonly ServerOption[];
export const fencingByService = 'bar-service';

/** The service that an instance is, as its manager is asked for it; null: the topology names none. */
export const serviceOf = (served: Served | undefined, instance: InstanceId): string | null =>
  served?.servers[instance]?.service ?? null;

/** Whether to fence this instance is to stop its service and to bar it from starting. */
export const isBarredByFence = (served: Served | undefined, instance: InstanceId): boolean =>
  serviceOf(served, instance) !== null && served?.servers[instance]?.fencing === fencingByService;

/** What each kind has to be told of a server, and what it may be told, besides {@link optionsOfAll}. Everything else is refused. */
export const optionsOfKind: Readonly<
  Record<ServedKind, { readonly needed: readonly ServerOption[]; readonly optional: readonly ServerOption[] }>
> = {
  haproxy: { needed: ['socket'], optional: [] },
  pgbouncer: { needed: ['address', 'passwordFile', 'databasesFile'], optional: ['user'] },
  dns: { needed: ['address', 'zone', 'keyFile'], optional: [] },
  redis: {
    needed: ['address', 'passwordFile', 'writerPasswordFile', 'sentinel'],
    optional: ['user', 'sentinelPasswordFile', 'sentinelUser'],
  },
  pgbackrest: { needed: ['configFile', 'stanza', 'repository'], optional: [] },
  patroni: {
    needed: ['api', 'scope', 'store', 'endpoints', 'passwordFile'],
    optional: [
      'user',
      'member',
      'namespace',
      'caFile',
      'certFile',
      'keyFile',
      'barFile',
      'gatePort',
      'upstreamFile',
      'grantSocket',
    ],
  },
  frr: { needed: ['autonomousSystem', 'configFile'], optional: ['preferences'] },
  keepalived: { needed: ['sharedAddress', 'interface', 'configFile', 'pidFile', 'weightFile'], optional: [] },
  discovery: { needed: ['address', 'keyPrefix'], optional: ['caFile', 'certFile', 'keyFile'] },
};

/** Files with something that nobody else may read: 0600. */
export const secretOptions: readonly ServerOption[] = [
  'passwordFile',
  'keyFile',
  'writerPasswordFile',
  'sentinelPasswordFile',
];
export const addressOptions: readonly ServerOption[] = ['address', 'sentinel'];
/** Names a file or a socket on the host of the server. */
export const isPathOption = (option: string): boolean => option === 'socket' || /(File|Socket)$/.test(option);

/** The sections of Patroni's configuration: etcd's v2 and v3 API. */
export const storeApis = ['etcd', 'etcd3'] as const;
export const usualNamespace = '/service/';

/** `http(s)://HOST:PORT`, several with commas between them; null where one is not that. */
export function urlsIn(text: string): readonly string[] | null {
  const urls = text.split(',').map((each) => each.trim());
  const fits = (url: string) => /^https?:\/\//.test(url) && addressIn(url.replace(/^https?:\/\//, '')) !== null;
  return urls.every(fits) ? urls : null;
}

/** As Patroni calls the member that an instance is. */
export const memberOf = ({ servers }: Served, instance: InstanceId): string => servers[instance]?.member ?? instance;

const hostAndPort = /^([A-Za-z0-9.-]{1,253}):(\d{1,5})$/;

/** `HOST:PORT`; null where it is not that. */
export function addressIn(text: string): { readonly host: string; readonly port: number } | null {
  const found = hostAndPort.exec(text);
  const port = Number(found?.[2]);
  return found && port > 0 && port < 65_536 ? { host: found[1]!, port } : null;
}

/**
 * Where clients of each member of a Patroni come in, and what tells its members apart from them: the host of its API, and its `gatePort`. Null
 * where one of them is not an IPv4 address with a port.
 */
export function gateAddresses(
  { servers }: Served,
  instances: readonly InstanceId[],
): ReadonlyMap<InstanceId, { readonly host: string; readonly port: number }> | null {
  const found = instances.flatMap((id) => {
    const { api, gatePort } = servers[id] ?? {};
    const host = addressIn((api ?? '').replace(/^https?:\/\//, ''))?.host ?? '';
    const address = addressIn(`${host}:${gatePort ?? ''}`);
    return isIpv4(host) && address !== null ? [[id, address] as const] : [];
  });
  return found.length === instances.length ? new Map(found) : null;
}

/** The table of nftables that is the gate of a cluster's members on each of their hosts. */
export const gateTable = (scope: string): string => `holdfast_${scope.replaceAll(/[^A-Za-z0-9]/g, '_')}`.slice(0, 31);

const serverName = /^[A-Za-z0-9_.:-]{1,120}$/;
const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const isIpv4 = (text: string): boolean =>
  ipv4
    .exec(text)
    ?.slice(1)
    .every((part) => Number(part) < 256) === true;

/** What a lead calls an instance, by kind; Redis finds its servers by itself. */
export const leadsAs: Readonly<
  Record<ServedKind, { readonly what: string; readonly fits: (text: string) => boolean } | null>
> = {
  haproxy: { what: 'the name of a server of the backend', fits: (text) => serverName.test(text) },
  pgbouncer: { what: 'HOST:PORT', fits: (text) => addressIn(text) !== null },
  dns: { what: 'an IPv4 address', fits: isIpv4 },
  redis: null,
  pgbackrest: null,
  patroni: null,
  keepalived: null,
  frr: { what: 'the IPv4 address that packets go on to', fits: isIpv4 },
  discovery: { what: 'HOST:PORT', fits: (text) => addressIn(text) !== null },
};

const octet = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4Prefix = new RegExp(`^${octet}(\\.${octet}){3}/(3[0-2]|[12]?\\d)$`);

/** How a name is written that a server of this kind leads from. */
export const leadNames: Readonly<Record<ServedKind, { readonly what: string; readonly shape: RegExp }>> = {
  haproxy: { what: 'a backend', shape: serverName },
  pgbouncer: { what: 'a database', shape: /^[A-Za-z_][A-Za-z0-9_]{0,62}$/ },
  dns: { what: 'a name inside the zone, without it', shape: /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/ },
  redis: { what: 'a set as the sentinels call it', shape: /^[A-Za-z0-9._-]{1,64}$/ },
  pgbackrest: { what: 'nothing', shape: /^(?!)/ },
  patroni: { what: 'nothing', shape: /^(?!)/ },
  frr: { what: 'an IPv4 prefix', shape: ipv4Prefix },
  keepalived: { what: 'a vrrp_instance', shape: /^[A-Za-z0-9._-]{1,64}$/ },
  discovery: { what: 'a service', shape: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/ },
};

/** How much a router is to prefer what one rule of a route map lets in. */
export interface Preference {
  readonly routeMap: string;
  readonly sequence: number;
  readonly localPreference: number;
}

const preference = /^([A-Za-z0-9_.-]{1,63})\/(\d{1,5})=(\d{1,9})$/;

/** `ROUTE-MAP/SEQUENCE=VALUE`, several with a space between them; null where it is not that. */
export function preferencesIn(text: string): readonly Preference[] | null {
  const found = text.split(' ').map((each) => preference.exec(each));
  return found.every((each) => each !== null)
    ? found.map(([, routeMap = '', sequence, value]) => ({
        routeMap,
        sequence: Number(sequence),
        localPreference: Number(value),
      }))
    : null;
}

/** With its prefix length, as in 10.1.0.9/24. */
export const isInterfaceAddress = (text: string): boolean => ipv4Prefix.test(text);

/** Ends like a folder, so that nothing else begins like it. */
export const isKeyPrefix = (text: string): boolean => /^[A-Za-z0-9_.-][A-Za-z0-9_./-]{0,120}\/$/.test(text);
