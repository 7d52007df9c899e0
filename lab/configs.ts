import { join } from 'node:path';
import type { SiteId } from '../src/core/base/ids.ts';
import type { DataClass } from '../src/core/topology/planning.ts';
import type { Topology } from '../src/core/topology/topology.ts';
import { loadRunbooks } from '../src/wire/load-runbooks.ts';
import { agentConfig, authorityOf, labDatabase, labFirm, labVenuePassword } from './agent-config.ts';
import type { LabDirectory } from './lab-directory.ts';
import {
  authorityEndpoint,
  hasMarketData,
  instanceEndpoint,
  type LabAddresses,
  loadEndpoint,
  siteEndpoint,
  venueEndpoint,
  wardenEndpoint,
} from './layout.ts';
import { calendarOf } from './market-clock.ts';
import { quorumRttMs } from './net/path-model.ts';
import type { ClientsWay } from './netns/servers/led-servers.ts';
import type { LabPki } from './pki.ts';
import {
  agentKey,
  authorityKey,
  controllerKey,
  type LaunchSpec,
  loadKey,
  type ProcessSpec,
  type ReadyCheck,
  venueKey,
  wardenKey,
} from './process-spec.ts';
import type { LabSecrets } from './secrets.ts';

/** All that a configuration may be made of. Everything named here exists before the first process starts. */
export interface LabContext {
  readonly topology: Topology;
  /** For the controllers, where somebody gave them. */
  readonly dataClasses?: readonly DataClass[];
  readonly book: LabAddresses;
  readonly directory: LabDirectory;
  readonly pki: LabPki;
  readonly secrets: LabSecrets;
  /** Absent: the loopback ground. */
  readonly machines?: LabMachines;
}

/** What a lab has whose hosts are machines of their own. */
export interface LabMachines {
  /** From where databases accept connections. */
  readonly networks: readonly string[];
  /** `host:port` of every voter of the lab's etcd, the nearest to a site first. */
  votersFrom(site: SiteId): readonly string[];
  /** The same process on the machine on which it belongs. */
  place(spec: LaunchSpec): LaunchSpec;
  /** Null: clients dial the fronts. */
  readonly clientsWay: ClientsWay | null;
  /** The same command as a process of the clients' machine. */
  amongClients(command: readonly string[]): readonly [string, ...string[]];
}

/** Turns a lab into its processes. */
export type ProcessPlanner = (context: LabContext) => readonly ProcessSpec[];

const startDeadlineMs = 30_000;
const printed = (text: string): ReadyCheck => ({ kind: 'output', text, deadlineMs: startDeadlineMs });

/**
 * The loopback lab's processes in the order in which they start: what stands outside the sites, then wardens, then agents, then
 * controllers. The order flow is separate: it starts when the platform serves.
 */
export const planProcesses: ProcessPlanner = (context) => [
  ...(context.machines === undefined ? [authority(context)] : []),
  ...venues(context),
  ...wardens(context),
  ...agents(context),
  ...controllers(context),
];

function authority({ topology, book, directory, secrets }: LabContext): ProcessSpec {
  const file = join(directory.outside('authority'), 'config.json');
  const { host, port } = book.realAddress(authorityEndpoint);
  return {
    key: authorityKey,
    site: null,
    host: null,
    script: 'src/adapters/lab-authority/main.ts',
    config: {
      file,
      content: {
        host,
        port,
        database: join(directory.outside('authority'), 'authority.db'),
        clients: topology.sites.map((site) => ({
          name: site.id,
          tokenFile: secrets.authorityToken,
          quorumRttMs: quorumRttMs(topology, site.id) ?? 0,
        })),
      },
    },
    args: ['--config', file],
    ready: printed('"ready":true'),
    stage: 1,
  };
}

const venues = ({ topology, book, directory, secrets }: LabContext): readonly ProcessSpec[] =>
  topology.venues.map((venue) => ({
    key: venueKey(venue.id),
    site: null,
    host: null,
    script: 'trading/venue/main.ts',
    config: {
      file: join(directory.outside(`venue-${venue.id}`), 'config.json'),
      content: {
        listen: book.listenAddress(venueEndpoint(venue.id, 'session')),
        binary: book.listenAddress(venueEndpoint(venue.id, 'orders')),
        dataDir: directory.outside(`venue-${venue.id}`),
        tokenFile: secrets.venueToken(venue.id),
        symbols: venue.symbols,
        ...(venue.protocol === 'fix' ? { fix: fixOf(book.listenAddress(venueEndpoint(venue.id, 'fix'))) } : {}),
        ...(venue.sessions === 'credentials'
          ? { sessions: { mode: 'credentials', passwords: { [labFirm]: labVenuePassword } } }
          : {}),
        ...calendarOf(venue),
        ...(hasMarketData(topology) ? { marketData: marketDataOf(book, venue.id) } : {}),
      },
    },
    ready: printed('"t":"listening"'),
    stage: 1,
  }));

/** The firm's sessions at an exchange where it trades over FIX. */
const fixOf = (address: object): object => ({
  ...address,
  sessions: { [labFirm]: {}, [`${labFirm}-COPY`]: { firm: labFirm, purpose: 'drop-copy' } },
});

const marketDataOf = (book: LabAddresses, venue: string): object => {
  const { host, port: feedA } = book.listenAddress(venueEndpoint(venue, 'feed-a'));
  const { port: feedB } = book.listenAddress(venueEndpoint(venue, 'feed-b'));
  const { port: recovery } = book.listenAddress(venueEndpoint(venue, 'recovery'));
  return { host, feedA, feedB, recovery };
};

const wardens = ({ topology, book, secrets }: LabContext): readonly ProcessSpec[] =>
  topology.hosts.map((host) => {
    const address = book.realAddress(wardenEndpoint(host.id));
    return {
      key: wardenKey(host.id),
      site: host.site,
      host: host.id,
      script: 'src/agent/warden/main.ts',
      config: null,
      args: [
        `tcp:${address.host}:${address.port}`,
        secrets.wardenToken(host.id),
        ...(host.scheduling === null ? [] : [host.scheduling]),
      ],
      ready: printed('"event":"ready"'),
      stage: 2,
    };
  });

const agents = (context: LabContext): readonly ProcessSpec[] =>
  context.topology.hosts.map((host) => ({
    key: agentKey(host.id),
    site: host.site,
    host: host.id,
    script: 'src/agent/main.ts',
    config: { file: join(context.directory.host(host.id), 'agent.json'), content: agentConfig(context, host) },
    ready: printed('"event":"ready"'),
    stage: 3,
  }));

const controllers = (context: LabContext): readonly ProcessSpec[] => {
  const { topology, dataClasses = [], book, directory, pki } = context;
  const voters = topology.sites.filter((site) => site.voter);
  const runbooks = [...loadRunbooks().values()];
  return voters.map((site) => ({
    key: controllerKey(site.id),
    site: site.id,
    host: null,
    script: 'src/controller/main.ts',
    config: {
      file: join(directory.site(site.id), 'controller.json'),
      content: {
        site: site.id,
        topology,
        runbooks,
        ...(dataClasses.length > 0 ? { dataClasses } : {}),
        stateDir: join(directory.site(site.id), 'controller'),
        tls: pki.identity(`controller/${site.id}`),
        listen: {
          peers: book.realAddress(siteEndpoint(site.id, 'controller-peer')),
          api: book.realAddress(siteEndpoint(site.id, 'controller-api')),
        },
        controllers: voters
          .filter((other) => other.id !== site.id)
          .map((other) => ({
            site: other.id,
            ...book.addressFrom({ site: site.id }, siteEndpoint(other.id, 'controller-peer')),
          })),
        authority: authorityOf(context, { site: site.id }, { site: site.id, identity: `controller/${site.id}` }),
        clockErrorMs: 0,
        ...schedulingAt(topology, site.id),
      },
    },
    ready: {
      kind: 'tcp',
      address: book.realAddress(siteEndpoint(site.id, 'controller-api')),
      deadlineMs: startDeadlineMs,
    },
    stage: 4,
  }));
};

/** A site's controller runs on none of its hosts in particular: it may have what the first of them may. */
const schedulingAt = ({ hosts }: Topology, site: string): object => {
  const asked = hosts.find((host) => host.site === site)?.scheduling ?? null;
  return asked === null ? {} : { scheduling: asked };
};

/** The order flow: its own failing domain, knows the fronts, or the firm's name, and nothing behind them. */
export function planLoad(context: LabContext, flow: { readonly ratePerSecond: number }): ProcessSpec {
  const { topology, book, directory, secrets, machines } = context;
  const login = { user: 'persister', passwordFile: secrets.databasePassword('persister'), database: labDatabase };
  const fronts = topology.components.filter((component) => component.kind === 'front').flatMap((c) => c.instances);
  return {
    key: loadKey,
    site: null,
    host: null,
    script: 'trading/load/main.ts',
    config: {
      file: join(directory.outside('load'), 'config.json'),
      content: {
        clients: ['client-1', 'client-2', 'client-3', 'client-4'],
        ratePerSecond: flow.ratePerSecond,
        symbols: tradedSymbols(topology),
        ...(machines?.clientsWay == null
          ? {
              fronts: fronts.map((instance) => ({
                site: topology.hosts.find((host) => host.id === instance.host)?.site,
                orders: book.addressFrom('outside', instanceEndpoint(instance.id, 'orders')),
                database: { ...book.addressFrom('outside', instanceEndpoint(instance.id, 'database')), ...login },
              })),
            }
          : { way: wayOf(machines.clientsWay, login) }),
        ledgerDir: join(directory.evidence, 'ledger'),
        control: { ...book.realAddress(loadEndpoint), tokenFile: secrets.loadToken },
      },
    },
    ready: printed('"t":"listening"'),
    stage: 5,
  };
}

const wayOf = ({ databasePort, ...way }: ClientsWay, login: object): object => ({
  ...way,
  database: { port: databasePort, ...login },
});

/** What the order flow trades: what the first exchange lists, which is the one that its ledger is compared with. */
const tradedSymbols = ({ venues: listed }: LabContext['topology']): readonly string[] => {
  const symbols = listed[0]?.symbols ?? [];
  return symbols.length > 0 ? symbols : ['ALPHA', 'BRAVO', 'CHARLIE'];
};
