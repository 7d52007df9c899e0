import { join } from 'node:path';
import type { HostId } from '../src/core/base/ids.ts';
import { probingHosts } from '../src/core/network/network-report.ts';
import type { Component, Host, Instance } from '../src/core/topology/topology.ts';
import type { LabContext } from './configs.ts';
import {
  authorityEndpoint,
  type InstanceService,
  instanceEndpoint,
  probeEndpoint,
  servicesByKind,
  siteEndpoint,
  throughputEndpoint,
  venueEndpoint,
  wardenEndpoint,
} from './layout.ts';
import { isService, riskOfEngine, serviceFile, serviceScripts } from './service-files.ts';
import { labNodeArgs } from './warm-compile-cache.ts';

/** The firm under whose name every engine of a lab trades. */
export const labFirm = 'HOLDFAST';
/** What that firm says to exchanges whose sessions have no epochs. */
export const labVenuePassword = 'lab-only';
/** Who a lab's engines, and those who look on, are at an exchange. */
export const firmAt = (sessions: 'epochs' | 'credentials'): { readonly firm: string; readonly password?: string } =>
  sessions === 'credentials' ? { firm: labFirm, password: labVenuePassword } : { firm: labFirm };
/** Application role and database of the reference stack. */
export const labDatabase = 'trading';

/** An agent's configuration file, as `src/wire/agent-config.ts` reads it, for one host of the loopback lab. */
export function agentConfig(context: LabContext, host: Host): object {
  const { topology, book, directory, pki, secrets } = context;
  const warden = book.realAddress(wardenEndpoint(host.id));
  return {
    host: host.id,
    topology,
    stateDir: join(directory.host(host.id), 'agent'),
    tls: pki.identity(`agent/${host.id}`),
    controllers: topology.sites
      .filter((site) => site.voter)
      .map((site) => ({
        site: site.id,
        ...book.addressFrom({ host: host.id }, siteEndpoint(site.id, 'controller-peer')),
      })),
    authority: authorityOf(context, { host: host.id }, { site: host.site, identity: `agent/${host.id}` }),
    gate: {
      kind: 'warden',
      address: `tcp:${warden.host}:${warden.port}`,
      tokenFile: secrets.wardenToken(host.id),
      boundMs: gateBoundMs(context),
    },
    addresses: Object.fromEntries(
      allInstances(context).map(({ component, instance }) => [
        instance.id,
        Object.fromEntries(
          servicesByKind[component.kind]
            .filter((service) => service !== 'control')
            .map((service) => [
              service === 'sql' ? 'database' : service,
              text(book.addressFrom({ host: host.id }, instanceEndpoint(instance.id, service))),
            ]),
        ),
      ]),
    ),
    instances: allInstances(context)
      .filter(({ instance }) => instance.host === host.id)
      .map(({ component, instance }) => instanceConfig(context, component, instance)),
    clockErrorMs: 0,
    ...probeOf(context, host),
  };
}

/** Where the topology asks for measurement: the first host of each site measures the paths to the others. */
function probeOf({ topology, book }: LabContext, host: Host): object {
  const probing = [...probingHosts(topology)];
  if (topology.network === undefined || !probing.some(([, { id }]) => id === host.id)) return {};
  const reach = (endpoint: (host: HostId) => string) => ({
    listen: book.listenAddress(endpoint(host.id)),
    peers: probing
      .filter(([site]) => site !== host.site)
      .map(([site, { id }]) => ({ site, ...book.addressFrom({ host: host.id }, endpoint(id)) })),
  });
  return { probe: { ...reach(probeEndpoint), throughput: reach(throughputEndpoint) } };
}

/** Below `stopWithinMs`: the lease arithmetic counts with that. */
const gateBoundMs = ({ topology }: LabContext): number => Math.max(50, topology.timing.stopWithinMs - 50);

const text = (address: { readonly host: string; readonly port: number }) => `${address.host}:${address.port}`;

const allInstances = ({ topology }: LabContext) =>
  topology.components
    .filter((component) => component.kind !== 'inventory')
    .flatMap((component) => component.instances.map((instance) => ({ component, instance })));

/** @param who a process of this site, by its certificate */
export function authorityOf(
  { book, machines, pki, secrets }: LabContext,
  view: { readonly host: Host['id'] } | { readonly site: Host['site'] },
  who: { readonly site: Host['site']; readonly identity: string },
): object {
  if (machines !== undefined)
    return { kind: 'etcd', endpoints: machines.votersFrom(who.site), tls: pki.identity(who.identity), namespace: null };
  return {
    kind: 'lab-only',
    ...book.addressFrom(view, authorityEndpoint),
    client: who.site,
    tokenFile: secrets.authorityToken,
  };
}

function instanceConfig(context: LabContext, component: Component, instance: Instance): object {
  if (component.served !== undefined) return { kind: 'served', instance: instance.id };
  return component.kind === 'postgres'
    ? postgresConfig(context, component, instance)
    : applicationConfig(context, component, instance);
}

const scripts: Partial<Record<Component['kind'], string>> = {
  'trading-engine': 'trading/engine/main.ts',
  'order-management': 'trading/oms/main.ts',
  front: 'trading/front/main.ts',
  ...serviceScripts,
};

function applicationConfig(context: LabContext, component: Component, instance: Instance): object {
  const { book, directory, secrets } = context;
  const home = directory.instance(instance.host, instance.id);
  return {
    kind: 'managed-app',
    instance: instance.id,
    command: process.execPath,
    args: [
      ...labNodeArgs(scripts[component.kind]!),
      join(directory.root, scripts[component.kind]!),
      join(home, 'config.json'),
    ],
    env: {},
    directory: home,
    logFile: directory.logOf(`instance/${instance.id}`),
    control: book.realAddress(instanceEndpoint(instance.id, 'control')),
    tokenFile: secrets.instanceToken(instance.id),
    // It asks its lease before every burst of releases, which are never longer than a few milliseconds.
    selfGateBoundMs: 20,
    gated: false,
  };
}

/** Files that the instances themselves read; written before any agent starts. */
export function instanceFiles(context: LabContext): readonly { readonly file: string; readonly content: object }[] {
  return allInstances(context)
    .filter(({ component }) => component.kind !== 'postgres' && component.served === undefined)
    .map(({ component, instance }) => ({
      file: join(context.directory.instance(instance.host, instance.id), 'config.json'),
      content: instanceFile(context, component, instance),
    }));
}

function instanceFile(context: LabContext, component: Component, instance: Instance): object {
  const { topology, book, directory, secrets } = context;
  const site = topology.hosts.find((host) => host.id === instance.host)!.site;
  const own = (service: InstanceService) => book.realAddress(instanceEndpoint(instance.id, service));
  const common = {
    instance: instance.id,
    site,
    dataDir: join(directory.instance(instance.host, instance.id), 'data'),
    control: { ...own('control'), tokenFile: secrets.instanceToken(instance.id) },
  };
  const beside = (kind: Component['kind']) =>
    allInstances(context).filter(
      (each) =>
        each.component.kind === kind && topology.hosts.find((host) => host.id === each.instance.host)?.site === site,
    );
  const engines = beside('trading-engine').map((each) =>
    book.addressFrom({ host: instance.host }, instanceEndpoint(each.instance.id, 'orders')),
  );
  /** Whoever says which one is primary may say another one than the site's. */
  const elsewhere = ({ component: { instances }, instance: own }: { component: Component; instance: Instance }) =>
    instances
      .filter(({ id, eligible }) => eligible && id !== own.id)
      .map(({ id }) => book.addressFrom({ host: instance.host }, instanceEndpoint(id, 'sql')));
  const databaseHere = [...beside('postgres'), ...beside('patroni')][0];
  const database =
    databaseHere === undefined
      ? null
      : {
          ...book.addressFrom({ host: instance.host }, instanceEndpoint(databaseHere.instance.id, 'sql')),
          ...(databaseHere.component.authority === 'delegated' ? { others: elsewhere(databaseHere) } : {}),
          user: 'persister',
          passwordFile: secrets.databasePassword('persister'),
          database: labDatabase,
        };
  // Only hosts of those who ask have a path there.
  const venueLines = () =>
    tradedAt(topology, site).map(({ id, sessions }) => ({
      name: id,
      ...book.addressFrom({ host: instance.host }, venueEndpoint(id, 'session')),
      ...firmAt(sessions),
    }));
  if (isService(component.kind))
    return serviceFile(component.kind, { context, component, instance, common, own, engines, database, venueLines });
  switch (component.kind) {
    case 'trading-engine': {
      const venues = tradedAt(topology, site);
      const symbols = venues.flatMap((venue) => venue.symbols);
      return {
        ...common,
        orders: own('orders'),
        replication: { ...own('replication'), tokenFile: secrets.replicationToken },
        venues: venues.map((venue) => ({
          name: venue.id,
          ...venueAddress(context, instance.host, venue),
          ...firmAt(venue.sessions),
          symbols: venue.symbols,
          onTakeover: venue.onTakeover,
        })),
        // What the exchanges would refuse is refused before it is acknowledged.
        ...(venues.every((venue) => venue.symbols.length > 0) ? { limits: { symbols } } : {}),
        ...riskOfEngine(context),
      };
    }
    case 'order-management':
      return {
        ...common,
        engines,
        database,
        queries: own('queries'),
        venues: venueLines(),
      };
    default:
      return { ...common, services: { orders: own('orders'), database: own('database') } };
  }
}

/** Over FIX a firm's epoch is raised beside the session, on the binary port. */
const venueAddress = ({ book }: LabContext, host: HostId, venue: LabContext['topology']['venues'][number]): object => {
  const binary = book.addressFrom({ host }, venueEndpoint(venue.id, 'orders'));
  if (venue.protocol === 'binary') return binary;
  return { ...book.addressFrom({ host }, venueEndpoint(venue.id, 'fix')), fix: {}, fencePort: binary.port };
};

/** The exchanges of a site's engines. Of those that list no symbols only the first: an engine could not tell whose a symbol is. */
const tradedAt = ({ venues }: LabContext['topology'], site: string): LabContext['topology']['venues'] => {
  const near = venues.filter((venue) => venue.rttMsBySite[site] !== undefined);
  const open = near.find((venue) => venue.symbols.length === 0);
  return near.filter((venue) => venue.symbols.length > 0 || venue === open);
};

function postgresConfig(context: LabContext, component: Component, instance: Instance): object {
  const { topology, book, directory, secrets, machines } = context;
  const home = directory.instance(instance.host, instance.id);
  const rejoinPolicy =
    topology.groups.find((group) => group.components.includes(component.id))?.rejoinPolicy ?? 'approval';
  const credential = (user: 'holdfast' | 'replicator' | 'persister') => ({
    user,
    passwordFile: secrets.databasePassword(user),
  });
  return {
    kind: 'postgres',
    instance: instance.id,
    binDir: null,
    options: {
      workDir: join(directory.root, '.holdfast', 'postgres'),
      dataDir: join(home, 'data'),
      stateDir: join(home, 'state'),
      listen: book.realAddress(instanceEndpoint(instance.id, 'sql')),
      roles: {
        superuser: credential('holdfast'),
        replication: credential('replicator'),
        application: credential('persister'),
      },
      peers: Object.fromEntries(
        component.instances
          .filter((peer) => peer.id !== instance.id)
          .map((peer) => [peer.id, book.addressFrom({ host: instance.host }, instanceEndpoint(peer.id, 'sql'))]),
      ),
      initial: instance.id === firstDatabase(context, component),
      upstreamOverride: instance.upstream,
      database: labDatabase,
      ...(machines === undefined ? {} : { networks: machines.networks }),
      rebuildDiverged: rejoinPolicy !== 'approval',
      ...(rejoinPolicy === 'listed' ? { listDiverged: true } : {}),
    },
  };
}

/** The one that makes the cluster which all others clone: in the site that is activated first. */
function firstDatabase({ topology }: LabContext, component: Component): string | undefined {
  const site = firstSite(topology.sites).id;
  return component.instances.find((each) => topology.hosts.find((host) => host.id === each.host)?.site === site)?.id;
}

/** The preferred one of the sites that may be active. */
export const firstSite = <S extends { readonly capabilities: readonly string[]; readonly preference: number }>(
  sites: readonly S[],
): S =>
  sites
    .filter((site) => site.capabilities.includes('serve'))
    .reduce((best, site) => (site.preference < best.preference ? site : best));
