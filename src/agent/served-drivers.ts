import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { usualNamespace as authorityNamespace } from '../adapters/etcd/key-layout.ts';
import { ServedDriver } from '../adapters/served/driver.ts';
import type { DialAddress } from '../adapters/system/dial.ts';
import { GuardedEpochs } from '../adapters/system/guarded-epochs.ts';
import type { ComponentId, InstanceId } from '../core/base/ids.ts';
import {
  addressIn,
  gateAddresses,
  gateTable,
  isServedKind,
  memberOf,
  preferencesIn,
  type Served,
  type ServedKind,
  type ServerOption,
  type ServerOptions,
  type secretOptions,
  storeApis,
  urlsIn,
  usualNamespace,
} from '../core/topology/served.ts';
import type { Component, Timing } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { InstanceDriver } from '../engine/driver-port.ts';
import type { ServedServer } from '../engine/served-port.ts';
import type { AgentConfigFile, ServedInstance } from '../wire/agent-config.ts';
import { HoldfastError } from '../wire/holdfast-error.ts';

/** Programs are started for each look at a name server, a repository or a router. */
const LOOK_EVERY_MS: Readonly<Record<ServedKind, number>> = {
  haproxy: 1000,
  pgbouncer: 1000,
  dns: 5000,
  redis: 1000,
  pgbackrest: 60_000,
  patroni: 1000,
  frr: 2000,
  discovery: 1000,
  keepalived: 1000,
};
const LOOK_WITHIN_MS: Readonly<Record<ServedKind, number>> = {
  haproxy: 800,
  pgbouncer: 800,
  dns: 2000,
  redis: 800,
  pgbackrest: 15_000,
  // Its store answers over certificates and by a quorum: several round trips to another site.
  patroni: 1500,
  frr: 1500,
  discovery: 800,
  keepalived: 800,
};
const usualUser = 'holdfast';
/** The kernel looks at the time of an element with each packet; the rest is what its clock may be off. */
const gateBoundMs = 50;

/** Everything that a server of this instance is made of; each option read once, with the instance named where it is missing. */
interface Setup {
  readonly instance: InstanceId;
  /** May be primary. */
  readonly eligible: boolean;
  readonly served: Served;
  readonly options: OptionReader;
  readonly epochs: (name: string) => GuardedEpochs;
  readonly authority: AgentConfigFile['authority'];
  readonly timing: Timing;
  /** Instances on the same machine, by component. */
  readonly besideOf: (component: ComponentId) => InstanceId | null;
}

/**
 * The driver of an instance that others run. Only the adapter that is needed is loaded.
 * @throws HoldfastError HF-3305 when something that it needs is not stated, or a secret may be read by others
 */
export async function servedDriver(config: ServedInstance, agent: AgentConfigFile): Promise<InstanceDriver> {
  const { instance } = config;
  const { component, instance: instances } = indexOf(agent.topology);
  const home = component.get(instances.get(instance)?.component ?? ('' as never));
  if (home?.served === undefined || !isServedKind(home.kind))
    throw unusable(instance, 'the topology has no served component with that instance');
  const options = new OptionReader(instance, { ...home.served.servers[instance], ...config.server });
  const setup: Setup = {
    instance,
    eligible: instances.get(instance)?.eligible === true,
    served: home.served,
    options,
    epochs: (name) => new GuardedEpochs(join(agent.stateDir, 'served', `${name}.epochs`)),
    authority: agent.authority,
    timing: agent.topology.timing,
    besideOf: (id) => {
      const host = instances.get(instance)?.host;
      return component.get(id)?.instances.find((each) => each.host === host)?.id ?? null;
    },
  };
  const looks = {
    lookEveryMs: config.lookEveryMs ?? LOOK_EVERY_MS[home.kind],
    lookWithinMs: config.lookWithinMs ?? LOOK_WITHIN_MS[home.kind],
  };
  const driver =
    home.kind === 'patroni'
      ? await member(setup, home, looks)
      : new ServedDriver({
          instance,
          server: await serverOf(setup, home.kind),
          epochs: setup.epochs(`${instance}.routes`),
          ...looks,
        });
  return options.has('service') ? keptByManager(driver, setup, agent.stateDir) : driver;
}

/** Orders go to whoever keeps it running. */
async function keptByManager(
  driver: InstanceDriver,
  { instance, options, epochs }: Setup,
  stateDir: string,
): Promise<InstanceDriver> {
  const [{ ServiceKeptDriver }, { ServiceDriver }, { BarMemory }, { managedService }] = await Promise.all([
    import('./service-kept-driver.ts'),
    import('../adapters/service-manager/driver.ts'),
    import('../adapters/service-manager/bar-memory.ts'),
    import('../adapters/service-manager/managers.ts'),
  ]);
  const managed = managedService(options.text('service'));
  if (managed === null) throw unusable(instance, '"server.service" is not systemd:UNIT or supervisord:PROGRAM');
  const service = new ServiceDriver({
    service: managed,
    epochs: epochs(`${instance}.service`),
    memory: new BarMemory(join(stateDir, 'served', `${instance}.bar`)),
  });
  return new ServiceKeptDriver({ driver, service, holdEveryMs: 5000, holdWithinMs: 4000 });
}

function serverOf(setup: Setup, kind: Exclude<ServedKind, 'patroni'>): Promise<ServedServer> {
  switch (kind) {
    case 'haproxy':
      return proxy(setup);
    case 'pgbouncer':
      return pooler(setup);
    case 'dns':
      return names(setup);
    case 'redis':
      return redis(setup);
    case 'pgbackrest':
      return repository(setup);
    case 'frr':
      return router(setup);
    case 'discovery':
      return discovery(setup);
    case 'keepalived':
      return gateway(setup);
  }
}

async function proxy({ instance, options, served, epochs }: Setup): Promise<ServedServer> {
  const [{ HaproxyDriver }, { runtimeSocket }, { ServedProxy }] = await Promise.all([
    import('../adapters/haproxy/driver.ts'),
    import('../adapters/haproxy/runtime-socket.ts'),
    import('../adapters/haproxy/served-proxy.ts'),
  ]);
  const driver = new HaproxyDriver({ talk: runtimeSocket(options.text('socket')), epochs: epochs(instance) });
  return new ServedProxy(driver, served.leads);
}

async function pooler({ instance, options, served, epochs }: Setup): Promise<ServedServer> {
  const [{ PgbouncerDriver }, { poolerConsole }, { ServedPooler }] = await Promise.all([
    import('../adapters/pgbouncer/driver.ts'),
    import('../adapters/pgbouncer/console.ts'),
    import('../adapters/pgbouncer/served-pooler.ts'),
  ]);
  const login = { address: options.address('address'), user: options.user, password: options.secret('passwordFile') };
  const driver = new PgbouncerDriver({
    console: poolerConsole(login),
    databasesFile: options.text('databasesFile'),
    epochs: epochs(instance),
  });
  return new ServedPooler(driver, served.leads);
}

async function names({ instance, options, served, epochs }: Setup): Promise<ServedServer> {
  const [{ DnsDriver }, { dnsTools }, { ServedNames }] = await Promise.all([
    import('../adapters/dns/driver.ts'),
    import('../adapters/dns/dns-tools.ts'),
    import('../adapters/dns/served-names.ts'),
  ]);
  options.secret('keyFile');
  const tools = dnsTools({ server: options.address('address'), keyFile: options.text('keyFile') });
  const driver = new DnsDriver({ tools, zone: options.text('zone'), epochs: epochs(instance) });
  return new ServedNames(driver, served.leads);
}

/** It drives its own server, and the former primary where it takes over; both with the login that its host has. */
async function redis({ instance, eligible, options, served, epochs }: Setup): Promise<ServedServer> {
  const [{ watchProcess }, { RedisDriver }, { redisTalk }, { SentinelDriver }, { ServedRedis }] = await Promise.all([
    import('../adapters/process/watched-process.ts'),
    import('../adapters/redis-sentinel/driver.ts'),
    import('../adapters/redis-sentinel/redis-talk.ts'),
    import('../adapters/redis-sentinel/sentinel-driver.ts'),
    import('../adapters/redis-sentinel/served-redis.ts'),
  ]);
  const { user } = options;
  const password = options.secret('passwordFile');
  const writerPasswordHash = createHash('sha256').update(options.secret('writerPasswordFile')).digest('hex');
  const sentinelUser = options.has('sentinelUser') ? options.text('sentinelUser') : null;
  const driverOf = (address: DialAddress, guard: string) =>
    new RedisDriver({
      talk: redisTalk({ address, user, password }),
      epochs: epochs(guard),
      writerPasswordHash,
      sentinelUser,
    });
  const peer = (id: InstanceId, address: DialAddress, guard: string) => ({
    instance: id,
    address,
    driver: driverOf(address, guard),
  });
  const others = Object.entries(served.servers).flatMap(([id, server]) => {
    const address = addressIn(server.address ?? '');
    return id === instance || address === null ? [] : [peer(id as InstanceId, address, `${instance}.at-${id}`)];
  });
  const [set] = Object.keys(served.leads);
  if (set === undefined) throw unusable(instance, 'its component names no set');
  const sentinelPassword = options.has('sentinelPasswordFile') ? options.secret('sentinelPasswordFile') : password;
  const sentinelTalk = (address: DialAddress) => redisTalk({ address, user: null, password: sentinelPassword });
  return new ServedRedis({
    set,
    own: peer(instance, options.address('address'), instance),
    others,
    eligible,
    watch: watchProcess,
    follower: (address) => driverOf(address, `${instance}.at-${address.host}-${address.port}`),
    sentinel: new SentinelDriver({
      talk: sentinelTalk(options.address('sentinel')),
      peer: sentinelTalk,
      set,
      epochs: epochs(`${instance}.sentinel`),
    }),
  });
}

async function repository({ instance, options, epochs }: Setup): Promise<ServedServer> {
  const [{ PgBackRestDriver }, { ServedRepository }, { runCommand }] = await Promise.all([
    import('../adapters/pgbackrest/driver.ts'),
    import('../adapters/pgbackrest/served-repository.ts'),
    import('../adapters/gate/nftables-gate.ts'),
  ]);
  const driver = new PgBackRestDriver({
    run: runCommand,
    command: ['pgbackrest', `--config=${options.text('configFile')}`],
    stanza: options.text('stanza'),
    repository: Number(options.text('repository')),
    epochs: epochs(instance),
  });
  return new ServedRepository(driver);
}

/** Its own member is asked with the password; other members and the store are shown the certificate, where there is one. */
async function member(
  setup: Setup,
  { instances, durability }: Component,
  looks: { readonly lookEveryMs: number; readonly lookWithinMs: number },
): Promise<InstanceDriver> {
  const [{ PatroniDriver }, { httpBy }, { PatroniMember }, { HostProcesses }, { StartBar }, { UpstreamKeeper }] =
    await Promise.all([
      import('../adapters/patroni/driver.ts'),
      import('../adapters/patroni/http.ts'),
      import('../adapters/patroni/member-driver.ts'),
      import('../adapters/patroni/host-processes.ts'),
      import('../adapters/patroni/start-bar.ts'),
      import('../adapters/patroni/upstream-keeper.ts'),
    ]);
  const { instance, options, served, epochs } = setup;
  const tls = options.has('caFile')
    ? {
        ca: options.fileText('caFile'),
        ...(options.has('certFile') ? { cert: options.fileText('certFile'), key: options.secret('keyFile') } : {}),
      }
    : null;
  const shown = tls === null ? {} : { tls };
  const store = {
    api: options.oneOf('store', storeApis),
    endpoints: options.urls('endpoints'),
    namespace: options.has('namespace') ? options.text('namespace') : usualNamespace,
    scope: options.text('scope'),
  };
  const [url] = options.urls('api');
  const guarded = epochs(instance);
  const driver = new PatroniDriver({
    member: memberOf(served, instance),
    url: url!,
    command: httpBy({ credentials: { user: options.user, password: options.secret('passwordFile') }, ...shown }),
    look: httpBy(shown),
    store,
    epochs: guarded,
    ...(options.has('grantSocket') ? { grantSocket: options.text('grantSocket') } : {}),
  });
  const members = new Map(instances.map(({ id }) => [id, memberOf(served, id)]));
  const synchronous = durability !== null && durability.acknowledge !== 'local';
  const host = options.has('barFile')
    ? { processes: new HostProcesses(), bar: new StartBar(options.text('barFile')) }
    : null;
  const gate = options.has('gatePort') ? await gateOf(setup, instances) : null;
  const upstream = options.has('upstreamFile')
    ? new UpstreamKeeper({
        member: memberOf(served, instance),
        file: options.text('upstreamFile'),
        reload: (call) => driver.reload(call),
      })
    : null;
  return new PatroniMember({
    instance,
    driver,
    store,
    members,
    synchronous,
    epochs: guarded,
    host,
    gate,
    upstream,
    ...looks,
  });
}

/** In the kernel of this host, for clients of the member; members reach each other always. */
async function gateOf({ instance, options, served, timing }: Setup, instances: Component['instances']) {
  const boundMs = gateBoundMs;
  if (boundMs > timing.stopWithinMs)
    throw unusable(
      instance,
      `a gate closes within ${boundMs} ms, and timing.stopWithinMs allows ${timing.stopWithinMs} ms`,
    );
  const addresses = gateAddresses(
    served,
    instances.map(({ id }) => id),
  );
  const own = addresses?.get(instance);
  if (addresses === null || own === undefined)
    throw unusable(instance, '"server.gatePort" needs a port, and an IPv4 address in "server.api" of every member');
  const { NftablesGate } = await import('../adapters/gate/nftables-gate.ts');
  const peers = [...new Set([...addresses.values()].map(({ host }) => host))];
  return { gate: new NftablesGate({ table: gateTable(options.text('scope')), boundMs, peers }), address: own };
}

async function router({ instance, options, served, epochs }: Setup): Promise<ServedServer> {
  const [{ FrrDriver }, { ServedRouter }, { usualVtyDirectory, vtySockets }] = await Promise.all([
    import('../adapters/frr/driver.ts'),
    import('../adapters/frr/served-router.ts'),
    import('../adapters/frr/vty.ts'),
  ]);
  const driver = new FrrDriver({
    vty: vtySockets(usualVtyDirectory),
    as: Number(options.text('autonomousSystem')),
    epochs: epochs(instance),
  });
  const preferences = options.has('preferences') ? preferencesIn(options.text('preferences')) : [];
  if (preferences === null) throw unusable(instance, '"server.preferences" is not ROUTE-MAP/SEQUENCE=VALUE');
  return new ServedRouter({ driver, leads: served.leads, configFile: options.text('configFile'), preferences });
}

async function discovery({ instance, options, served, epochs, authority }: Setup): Promise<ServedServer> {
  const [{ DiscoveryDriver }, { etcdMember }, { ServedDiscovery }] = await Promise.all([
    import('../adapters/etcd/discovery-driver.ts'),
    import('../adapters/etcd/etcd-member.ts'),
    import('../adapters/etcd/served-discovery.ts'),
  ]);
  const keyPrefix = options.text('keyPrefix');
  const own = authority.kind === 'etcd' ? (authority.namespace ?? authorityNamespace) : authorityNamespace;
  if (keyPrefix.startsWith(own) || own.startsWith(keyPrefix))
    throw unusable(instance, `"server.keyPrefix" ${keyPrefix} meets the keys of the authority, ${own}`);
  const isSecret = (['caFile', 'certFile', 'keyFile'] as const).some((option) => options.has(option));
  const tls = isSecret
    ? { ca: options.file('caFile'), cert: options.file('certFile'), key: options.secret('keyFile') }
    : null;
  const transact = etcdMember(options.address('address'), tls);
  return new ServedDiscovery(new DiscoveryDriver({ transact, keyPrefix, epochs: epochs(instance) }), served.leads);
}

async function gateway({ instance, options, served, epochs, besideOf }: Setup): Promise<ServedServer> {
  const [{ KeepalivedDriver }, { ServedGateway }, { runCommand }] = await Promise.all([
    import('../adapters/keepalived/driver.ts'),
    import('../adapters/keepalived/served-gateway.ts'),
    import('../adapters/gate/nftables-gate.ts'),
  ]);
  const [[name, lead] = []] = Object.entries(served.leads);
  const beside = lead === undefined ? null : besideOf(lead.to);
  if (name === undefined || beside === null)
    throw unusable(instance, 'nothing that its address leads to is on its host');
  const driver = new KeepalivedDriver({
    run: runCommand,
    configFile: options.text('configFile'),
    pidFile: options.text('pidFile'),
    instance: name,
    interface: options.text('interface'),
    address: options.text('sharedAddress'),
    weightFile: options.text('weightFile'),
    epochs: epochs(instance),
  });
  return new ServedGateway({ driver, name, beside });
}

class OptionReader {
  readonly #instance: InstanceId;
  readonly #options: ServerOptions;

  constructor(instance: InstanceId, options: ServerOptions) {
    this.#instance = instance;
    this.#options = options;
  }

  get user(): string {
    return this.#options.user ?? usualUser;
  }

  has(option: ServerOption): boolean {
    return this.#options[option] !== undefined;
  }

  text(option: ServerOption): string {
    const value = this.#options[option];
    if (value === undefined) throw unusable(this.#instance, `"server.${option}" is not stated`);
    return value;
  }

  address(option: ServerOption): DialAddress {
    const address = addressIn(this.text(option));
    if (address === null) throw unusable(this.#instance, `"server.${option}" is not HOST:PORT`);
    return address;
  }

  urls(option: ServerOption): readonly string[] {
    const urls = urlsIn(this.text(option));
    if (urls === null) throw unusable(this.#instance, `"server.${option}" is not http(s)://HOST:PORT`);
    return urls;
  }

  oneOf<Word extends string>(option: ServerOption, words: readonly Word[]): Word {
    const found = words.find((word) => word === this.text(option));
    if (found === undefined) throw unusable(this.#instance, `"server.${option}" is none of ${words.join(', ')}`);
    return found;
  }

  /** Of what everybody may read. */
  fileText(option: ServerOption): string {
    try {
      return readFileSync(this.text(option), 'utf8');
    } catch (cause) {
      throw unusable(this.#instance, `"server.${option}": ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }

  /** What is in the file, without the end of its line. */
  secret(option: ServerOption & (typeof secretOptions)[number]): string {
    return this.#read(option, { secret: true });
  }

  file(option: ServerOption): string {
    return this.#read(option, { secret: false });
  }

  #read(option: ServerOption, { secret }: { readonly secret: boolean }): string {
    const file = this.text(option);
    let text: string;
    try {
      if (secret && (statSync(file).mode & 0o077) !== 0)
        throw new Error(`${file} may be read by others than its owner: chmod 600 it`);
      text = readFileSync(file, 'utf8').trim();
    } catch (cause) {
      throw unusable(this.#instance, `"server.${option}": ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    if (text === '') throw unusable(this.#instance, `"server.${option}": ${file} is empty`);
    return text;
  }
}

const unusable = (instance: InstanceId, found: string): HoldfastError =>
  new HoldfastError({
    code: 'HF-3305',
    attempted: `drive the server ${instance}`,
    found,
    next: 'correct "server" of that instance in the topology or in the agent\'s configuration, and start the agent again',
  });
