import type { HostId, InstanceId, SiteId } from '../core/base/ids.ts';
import { isPathOption, type ServerOptions, serverOptions } from '../core/topology/served.ts';
import type { Topology } from '../core/topology/topology.ts';
import { Fields, textItem } from './fields.ts';
import type { TlsFiles } from './peer-identity.ts';
import {
  type AuthorityConfig,
  addressItem,
  ConfigSource,
  type LinkTimingConfig,
  linkTiming,
  type SocketAddress,
} from './process-config.ts';

/**
 * One agent's configuration file (JSON). Paths are relative to it.
 *
 * ```json
 * {
 *   "host": "HOST", "topologyJson": "topology.json", "stateDir": "agent",
 *   "tls": { "ca": "ca.pem", "cert": "agent.pem", "key": "agent.key" },
 *   "controllers": [{ "site": "SITE", "host": "127.0.0.1", "port": 1 }],
 *   "authority": { "kind": "lab-only", "host": "127.0.0.1", "port": 1, "client": "SITE", "tokenFile": "token" },
 *   "gate": { "kind": "warden", "address": "tcp:127.0.0.1:1", "tokenFile": "warden.token", "boundMs": 300 },
 *   "addresses": { "INSTANCE": { "replication": "127.0.0.1:1", "orders": "127.0.0.1:2" } },
 *   "instances": [
 *     { "kind": "managed-app", "instance": "INSTANCE", "command": "node", "args": ["main.ts", "engine.json"], "directory": ".",
 *       "control": { "host": "127.0.0.1", "port": 3 }, "tokenFile": "instance.token", "selfGateBoundMs": 20, "gated": false },
 *     { "kind": "postgres", "instance": "INSTANCE", "binDir": null, "options": { } },
 *     { "kind": "served", "instance": "INSTANCE", "server": { "passwordFile": "pooler.password" } }
 *   ]
 * }
 * ```
 */
export interface AgentConfigFile {
  readonly host: HostId;
  readonly topology: Topology;
  /** Memory, evidence chain, pid files; 0700. */
  readonly stateDir: string;
  /** `CN` = the host, `OU` = agent. */
  readonly tls: TlsFiles;
  readonly controllers: readonly (SocketAddress & { readonly site: SiteId })[];
  readonly authority: AuthorityConfig;
  readonly gate: GateConfig;
  /** How this host reaches each instance: instance → service → `host:port`. */
  readonly addresses: Readonly<Record<InstanceId, Readonly<Record<string, string>>>>;
  readonly instances: readonly InstanceConfig[];
  /** Where this host measures its site's paths; null = it does not. Used where the topology has a `network:` section. */
  readonly probe: ProbeConfig | null;
  readonly linkTiming: LinkTimingConfig | null;
  /** Bound of this host's clock error, for evidence; null = not known. */
  readonly clockErrorMs: number | null;
  /** From the first signal to the end. */
  readonly closeWithinMs: number;
}

/** By datagrams. */
export interface ProbeConfig {
  readonly listen: SocketAddress;
  /** The probers of the other sites, as this host reaches them. */
  readonly peers: readonly (SocketAddress & { readonly site: SiteId })[];
  /** The same over TCP, for measurements that people ask for; null = there are none. */
  readonly throughput: Omit<ProbeConfig, 'throughput'> | null;
}

/** What closes writers outside the agent. `boundMs`: from the armed moment to nothing being acknowledged any more. */
export type GateConfig =
  | { readonly kind: 'warden'; readonly address: string; readonly tokenFile: string; readonly boundMs: number }
  | { readonly kind: 'nftables'; readonly table: string; readonly boundMs: number }
  | { readonly kind: 'none' };

export type InstanceConfig = ManagedAppInstance | PostgresInstance | ServedInstance;

/** A proxy, pooler, name server or Redis: what the topology says of it, and how this host reaches it where that differs. */
export interface ServedInstance {
  readonly kind: 'served';
  readonly instance: InstanceId;
  /** Goes before what the topology says. Paths are relative to this file. */
  readonly server: ServerOptions;
  readonly lookEveryMs: number | null;
  readonly lookWithinMs: number | null;
}

export interface ManagedAppInstance {
  readonly kind: 'managed-app';
  readonly instance: InstanceId;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the agent's own environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly logFile: string | null;
  readonly control: SocketAddress;
  readonly tokenFile: string;
  /** Null: it does not check its lease before each release. */
  readonly selfGateBoundMs: number | null;
  /** Put the process behind the agent's gate as well. */
  readonly gated: boolean;
  readonly startWithinMs: number;
}

export interface PostgresInstance {
  readonly kind: 'postgres';
  readonly instance: InstanceId;
  /** Directory of the server's programs; null = those that npm brought. */
  readonly binDir: string | null;
  /** `PostgresDriverConfig` (src/adapters/postgres/driver-context.ts) without `instance`; checked there. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** @throws HoldfastError HF-3301, HF-3302 */
export const readAgentConfig = (path: string): AgentConfigFile =>
  new ConfigSource(path, 'agent').read(parseAgentConfig);

function parseAgentConfig(fields: Fields, source: ConfigSource): AgentConfigFile {
  return {
    host: fields.text<HostId>('host'),
    topology: source.topology(fields),
    stateDir: source.file(fields.text('stateDir')),
    tls: source.tls(fields),
    controllers: fields.list('controllers', (value, at) => ({
      site: Fields.of(value, at).text<SiteId>('site'),
      ...addressItem(value, at),
    })),
    authority: source.authority(fields),
    gate: gateOf(fields, source),
    addresses: fields.map('addresses', (value, at) => Fields.of({ services: value }, at).map('services', textItem), {}),
    instances: fields.list('instances', (value, at) => instanceOf(Fields.of(value, at), source)),
    probe: probeOf(fields),
    linkTiming: linkTiming(fields),
    clockErrorMs: fields.numberOrNull('clockErrorMs'),
    closeWithinMs: fields.count('closeWithinMs', 3000),
  };
}

function probeOf(fields: Fields): ProbeConfig | null {
  const probe = fields.fieldsOrNull('probe');
  if (probe === null) return null;
  const throughput = probe.fieldsOrNull('throughput');
  return { ...reachOf(probe), throughput: throughput === null ? null : reachOf(throughput) };
}

const reachOf = (fields: Fields): Omit<ProbeConfig, 'throughput'> => ({
  listen: addressItem(fields.json('listen'), `${fields.at}.listen`),
  peers: fields.list('peers', (value, at) => ({
    site: Fields.of(value, at).text<SiteId>('site'),
    ...addressItem(value, at),
  })),
});

function gateOf(fields: Fields, source: ConfigSource): GateConfig {
  const gate = fields.fieldsOrNull('gate');
  const kind = gate === null ? 'none' : gate.oneOf('kind', ['warden', 'nftables', 'none']);
  if (gate === null || kind === 'none') return { kind: 'none' };
  const boundMs = gate.count('boundMs');
  if (kind === 'nftables') return { kind, table: gate.text('table'), boundMs };
  return { kind, address: gate.text('address'), tokenFile: source.file(gate.text('tokenFile')), boundMs };
}

function instanceOf(fields: Fields, source: ConfigSource): InstanceConfig {
  const instance = fields.text<InstanceId>('instance');
  const kind = fields.oneOf('kind', ['managed-app', 'postgres', 'served']);
  if (kind === 'served') return servedOf(fields, source);
  if (kind === 'postgres') {
    const binDir = fields.textOrNull('binDir');
    return {
      kind: 'postgres',
      instance,
      binDir: binDir === null ? null : source.file(binDir),
      options: fields.fields('options').raw(),
    };
  }
  const logFile = fields.textOrNull('logFile');
  return {
    kind: 'managed-app',
    instance,
    command: fields.text('command'),
    args: fields.texts('args', []),
    env: fields.map('env', textItem, {}),
    directory: source.file(fields.text('directory', '.')),
    logFile: logFile === null ? null : source.file(logFile),
    control: addressItem(fields.json('control'), `${fields.at}.control`),
    tokenFile: source.file(fields.text('tokenFile')),
    selfGateBoundMs: fields.numberOrNull('selfGateBoundMs'),
    gated: fields.flag('gated', false),
    startWithinMs: fields.count('startWithinMs', 10_000),
  };
}

function servedOf(fields: Fields, source: ConfigSource): ServedInstance {
  const instance = fields.text<InstanceId>('instance');
  const server = fields.map('server', textItem, {});
  const unknown = Object.keys(server).find((name) => !serverOptions.some((option) => option === name));
  if (unknown !== undefined)
    throw source.problem(`"${fields.at}.server" has "${unknown}"; known are ${serverOptions.join(', ')}`);
  return {
    kind: 'served',
    instance,
    server: Object.fromEntries(Object.entries(server).map(([name, value]) => [name, located(name, value, source)])),
    lookEveryMs: fields.numberOrNull('lookEveryMs'),
    lookWithinMs: fields.numberOrNull('lookWithinMs'),
  };
}

/** As an agent's configuration names files: relative to itself. */
const located = (option: string, value: string, source: ConfigSource): string =>
  isPathOption(option) ? source.file(value) : value;
