import type { Component } from '../../../src/core/topology/topology.ts';
import type { PlannedNode } from '../network-plan.ts';
import { etcdVoters, pemFiles } from './etcd.ts';
import { alertRules } from './monitoring-rules.ts';
import { patroniMembers } from './patroni-members.ts';
import type { MachineIdentity } from './pgbackrest.ts';
import { edgeNodes, lanAddress, type Placement, type ServerGround, tradingSites } from './placement.ts';
import { type LabServer, listens, serverDirectory } from './server.ts';

export const prometheusName = 'prometheus';
export const alertmanagerName = 'alertmanager';
export const nodeExporterName = 'node-exporter';
export const nodeExporterPort = 9100;
export const prometheusAddress = '127.0.0.1:9090';
export const alertmanagerAddress = '127.0.0.1:9093';
/** Made by each of the three Debian packages. */
const user = 'prometheus';
const scrapeEveryMs = 5_000;
const platformJob = 'holdfast';
/** In Prometheus' own words. */
const shownFiles = {
  cert: { cert_file: 'cert.pem', key_file: 'key.pem' },
  reader: { cert_file: 'reader.pem', key_file: 'reader.key' },
} as const;

/** By which a machine's certificate for measurements is made and found. */
export const monitorIdentityOf = ({ host }: PlannedNode): string => `monitor/${host}`;

/** As whom Prometheus reads the figures of controllers: somebody who may look, and nothing else. */
export const figuresReader = { name: 'prometheus', role: 'observer' } as const;

/** Hosts whose state matters most: those with a database or an engine. */
export function measuredNodes({ topology, plan }: Placement): readonly PlannedNode[] {
  const kinds: readonly Component['kind'][] = ['postgres', 'trading-engine'];
  const hosts = new Set<string>(
    topology.components
      .filter(({ kind }) => kinds.includes(kind))
      .flatMap(({ instances }) => instances.map(({ host }) => host)),
  );
  return plan.nodes.filter(({ kind, host }) => kind === 'host' && host !== null && hosts.has(host));
}

/** One for all sites, where an archive is, else at the site that is preferred least: what is lost with the others is not what was seen of them. */
export function monitoringNode(placement: Placement): PlannedNode | null {
  const { topology } = placement;
  const trading = tradingSites(topology);
  const archives = topology.sites.filter((site) => site.capabilities.includes('archive') && !trading.includes(site));
  const last = trading.toSorted((left, right) => right.preference - left.preference);
  return [...archives, ...last].flatMap((site) => edgeNodes(placement, site))[0] ?? null;
}

/** Every machine that shows a certificate for measurements. */
export function monitoringMachines(placement: Placement): readonly PlannedNode[] {
  const node = monitoringNode(placement);
  return [...new Set([...measuredNodes(placement), ...(node === null ? [] : [node])])];
}

/**
 * A node exporter on every host that matters, and one Prometheus with its Alertmanager. Exporters hear who shows a certificate of the lab;
 * Prometheus and Alertmanager listen on their machine alone, and tell nobody outside.
 */
export function monitoringServers(
  ground: ServerGround,
  identityOf: (name: string) => MachineIdentity,
): readonly LabServer[] {
  const node = monitoringNode(ground);
  if (node === null) return [];
  const pem = (at: PlannedNode) => pemFiles(identityOf(monitorIdentityOf(at)));
  const figures = ground.platform?.figures ?? [];
  const reader = figures.length === 0 ? null : identityOf(`operator/${figuresReader.name}`);
  return [
    ...measuredNodes(ground).map((at) => nodeExporter(ground, at, pem(at))),
    prometheus(ground, node, {
      ...pem(node),
      ...(reader === null ? {} : { 'reader.pem': reader.cert, 'reader.key': reader.key }),
    }),
    alertmanager(node),
  ];
}

/** A program of Go that keeps to one processor, collects early, and cannot have more memory than its bound. */
const bounded = (heapMiB: number, ...command: readonly [string, ...string[]]): readonly [string, ...string[]] => [
  'env',
  ...[`GOMEMLIMIT=${heapMiB}MiB`, 'GOMAXPROCS=1'],
  ...['prlimit', `--data=${heapMiB * 4 * 1024 * 1024}`, '--', ...command],
];

function nodeExporter(ground: ServerGround, node: PlannedNode, pem: Readonly<Record<string, string>>): LabServer {
  const address = `${lanAddress(ground.plan, node)}:${nodeExporterPort}`;
  const collectors = ['cpu', 'diskstats', 'filesystem', 'loadavg', 'meminfo', 'netdev', 'pressure', 'stat', 'time'];
  return {
    name: nodeExporterName,
    node,
    user,
    files: {
      ...pem,
      'web.yml': [
        'tls_server_config:',
        ...['cert_file: cert.pem', 'key_file: key.pem', 'client_ca_file: ca.pem'].map((line) => `  ${line}`),
        '  client_auth_type: RequireAndVerifyClientCert',
        '',
      ].join('\n'),
    },
    command: bounded(
      32,
      'prometheus-node-exporter',
      `--web.listen-address=${address}`,
      '--web.config.file=web.yml',
      '--collector.disable-defaults',
      ...collectors.map((each) => `--collector.${each}`),
    ),
    lacks: listens(nodeExporterPort),
  };
}

/** What Prometheus asks, by its own name for it. */
interface ScrapedPlaces {
  readonly job: string;
  readonly targets: readonly string[];
  /** Over TLS, by the files of this certificate; null: in the clear. */
  readonly shown: 'cert' | 'reader' | null;
}

function scrapedPlaces(ground: ServerGround): readonly ScrapedPlaces[] {
  const { topology, plan, platform } = ground;
  const databases = topology.components.filter(({ kind }) => kind === 'postgres');
  const members = databases.flatMap((component) => patroniMembers(ground, component));
  return [
    {
      job: 'node',
      shown: 'cert' as const,
      targets: measuredNodes(ground).map((node) => `${lanAddress(plan, node)}:${nodeExporterPort}`),
    },
    { job: 'etcd', shown: 'cert' as const, targets: etcdVoters(ground).map(({ client }) => client) },
    {
      job: 'patroni',
      shown: null,
      targets: members.map(({ address, restPort }) => `${address}:${restPort}`),
    },
    { job: 'alertmanager', shown: null, targets: [alertmanagerAddress] },
    {
      job: platformJob,
      shown: 'reader' as const,
      targets: (platform?.figures ?? []).map(({ host, port }) => `${host}:${port}`),
    },
  ].filter(({ targets }) => targets.length > 0);
}

function prometheus(ground: ServerGround, node: PlannedNode, pem: Readonly<Record<string, string>>): LabServer {
  const places = scrapedPlaces(ground);
  // Controllers start when every server is there.
  const targets = places.filter(({ job }) => job !== platformJob).flatMap((place) => place.targets);
  return {
    name: prometheusName,
    node,
    user,
    files: {
      ...pem,
      // JSON is YAML.
      'prometheus.yml': `${JSON.stringify(prometheusConfig(places), null, 1)}\n`,
      'rules.yml': `${JSON.stringify(alertRules, null, 1)}\n`,
    },
    command: bounded(
      96,
      'prometheus',
      '--config.file=prometheus.yml',
      `--web.listen-address=${prometheusAddress}`,
      `--storage.tsdb.path=${serverDirectory(prometheusName)}/data`,
      ...['--storage.tsdb.retention.time=6h', '--storage.tsdb.retention.size=128MB', '--log.level=warn'],
      ...['--query.max-concurrency=2', '--query.max-samples=1000000'],
    ),
    lacks: async (ask) => {
      const said = await ask(['promtool', 'query', 'instant', `http://${prometheusAddress}`, 'up']);
      if (said === null) return 'it answers no query';
      const silent = targets.filter((target) => !isUp(said, target));
      return silent.length === 0 ? null : `it hears nothing of ${silent.join(', ')}`;
    },
  };
}

/** In what `promtool query instant … up` prints: `up{instance="10.1.0.10:9100", job="node"} => 1 @[…]`. */
const isUp = (said: string, target: string): boolean =>
  said.split('\n').some((line) => line.includes(`instance="${target}"`) && line.includes('=> 1 '));

function prometheusConfig(places: readonly ScrapedPlaces[]): object {
  const interval = `${scrapeEveryMs}ms`;
  return {
    global: { scrape_interval: interval, scrape_timeout: '2s', evaluation_interval: interval },
    rule_files: ['rules.yml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanagerAddress] }] }] },
    scrape_configs: places.map(({ job, targets, shown }) => ({
      job_name: job,
      scheme: shown === null ? 'http' : 'https',
      ...(shown === null ? {} : { tls_config: { ca_file: 'ca.pem', ...shownFiles[shown] } }),
      static_configs: [{ targets }],
    })),
  };
}

/** It keeps what Prometheus tells it, for whoever asks; there is nobody to notify in a lab. */
function alertmanager(node: PlannedNode): LabServer {
  return {
    name: alertmanagerName,
    node,
    user,
    files: {
      'alertmanager.yml': `${JSON.stringify({
        route: { receiver: 'nobody', group_wait: '1s', group_interval: '5s' },
        receivers: [{ name: 'nobody' }],
      })}\n`,
    },
    command: bounded(
      32,
      'prometheus-alertmanager',
      '--config.file=alertmanager.yml',
      `--storage.path=${serverDirectory(alertmanagerName)}/data`,
      `--web.listen-address=${alertmanagerAddress}`,
      ...['--cluster.listen-address=', '--log.level=warn'],
    ),
    lacks: async (ask) => {
      const said = await ask(['amtool', `--alertmanager.url=http://${alertmanagerAddress}`, 'alert', 'query']);
      return said === null ? 'it answers no query' : null;
    },
  };
}
