import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createPki, type LabPki } from '../../lab/pki.ts';
import type { Json } from '../../src/core/base/canonical-json.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import { HoldfastClient } from '../../src/wire/client.ts';
import { readTlsFiles } from '../../src/wire/peer-identity.ts';
import { freePorts } from '../../trading/testing/free-ports.ts';

const repository = join(import.meta.dirname, '..', '..');
export const sites = ['east', 'west', 'north'] as const;
export type Site = (typeof sites)[number];

/** A controller, an agent or whatever else it runs. */
export class RunningProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output = '';

  constructor(name: string, args: readonly string[]) {
    this.name = name;
    this.child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd: repository,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    this.ended = new Promise((resolve) => this.child.on('exit', (code) => resolve(code)));
  }

  async said(text: string, deadlineMs = 90_000): Promise<void> {
    await eventually(
      `${this.name} says ${text}`,
      () => this.output.includes(text) || (this.child.exitCode !== null && this.fail()),
      deadlineMs,
    );
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  fail(): never {
    throw new Error(`${this.name} ended with ${this.child.exitCode}:\n${this.output}`);
  }
}

/** Looks until it holds; rejects, naming it, when the deadline passes first. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = 30_000,
): Promise<void> {
  const until = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > until) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * A small firm as processes: the lab-only authority, an exchange, three controllers, and in two of the sites one host with an agent, an
 * engine and a front. No PostgreSQL, no relays.
 */
export class FirmUnderTest {
  readonly directory: string;
  readonly pki: LabPki;
  readonly processes = new Map<string, RunningProcess>();
  readonly apiPorts: Readonly<Record<Site, number>>;
  readonly peerPorts: Readonly<Record<Site, number>>;
  readonly #authorityPort: number;
  readonly #clients: HoldfastClient[] = [];
  readonly #instancePorts: Readonly<Record<string, Readonly<Record<string, number>>>>;

  private constructor(directory: string, pki: LabPki, ports: readonly number[]) {
    this.directory = directory;
    this.pki = pki;
    const next = ports.values();
    const take = () => next.next().value ?? 0;
    const bySite = () => Object.fromEntries(sites.map((site) => [site, take()])) as Record<Site, number>;
    this.apiPorts = bySite();
    this.peerPorts = bySite();
    this.#authorityPort = take();
    this.#instancePorts = Object.fromEntries(
      ['engine-east', 'engine-west', 'front-east', 'front-west', 'venue'].map((name) => [
        name,
        { control: take(), orders: take(), replication: take() },
      ]),
    );
  }

  static async open(): Promise<FirmUnderTest> {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast firm é-'));
    const pki = await createPki({
      directory: join(directory, 'pki'),
      organisation: 'test',
      machines: [
        ...sites.map((site) => ({ name: `controller/${site}`, role: 'controller' as const, ips: [] })),
        ...['east-1', 'west-1'].map((host) => ({ name: `agent/${host}`, role: 'agent' as const, ips: [] })),
      ],
      operators: [
        { name: 'ada', role: 'admin' },
        { name: 'olga', role: 'observer' },
      ],
      evidenceOwners: [],
    });
    writeFileSync(join(directory, 'token'), 'a-token-for-tests\n', { mode: 0o600 });
    return new FirmUnderTest(directory, pki, await freePorts(22));
  }

  /** Everything except the exchange and the instances' own processes, which agents start. */
  async start(): Promise<void> {
    await this.run('authority', [
      'src/adapters/lab-authority/main.ts',
      '--config',
      this.#write('authority', this.#authorityConfig()),
    ]).said('"ready":true');
    await this.run('venue', ['trading/venue/main.ts', this.#write('venue', this.#venueConfig())]).said('listening');
    for (const site of sites) this.startController(site);
    for (const site of ['east', 'west'] as const) this.startAgent(site);
    await Promise.all(
      [...this.processes.values()]
        .filter((each) => /^(agent|controller)/.test(each.name))
        .map((each) => each.said('"event":"ready"')),
    );
  }

  startController(site: Site): RunningProcess {
    return this.run(`controller ${site}`, [
      'src/controller/main.ts',
      this.#write(`controller-${site}`, this.#controllerConfig(site)),
    ]);
  }

  startAgent(site: 'east' | 'west'): RunningProcess {
    return this.run(`agent ${site}`, ['src/agent/main.ts', this.#write(`agent-${site}`, this.#agentConfig(site))]);
  }

  run(name: string, args: readonly string[]): RunningProcess {
    const process = new RunningProcess(name, args);
    this.processes.set(name, process);
    return process;
  }

  process(name: string): RunningProcess {
    const found = this.processes.get(name);
    if (found === undefined) throw new Error(`no process ${name}`);
    return found;
  }

  client(person: string): HoldfastClient {
    const controllers = sites.map((id) => ({ id, host: '127.0.0.1', port: this.apiPorts[id] }));
    const client = new HoldfastClient({ controllers, identity: readTlsFiles(this.pki.identity(`operator/${person}`)) });
    this.#clients.push(client);
    return client;
  }

  /** The pid of an instance's process, as its agent keeps it. */
  pidOf(instance: string): number {
    const site = instance.endsWith('east') ? 'east' : 'west';
    const record = JSON.parse(
      readFileSync(join(this.directory, `agent-${site}`, 'run', `${instance}.pid`), 'utf8'),
    ) as { pid: number };
    return record.pid;
  }

  ordersPort(instance: string): number {
    return this.#instancePorts[instance]?.orders ?? 0;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all([...this.processes.values()].map((process) => process.kill()));
    for (const instance of ['engine-east', 'engine-west', 'front-east', 'front-west'])
      try {
        process.kill(this.pidOf(instance), 'SIGKILL');
      } catch {
        // It was never started, or has ended.
      }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #authorityConfig() {
    return {
      host: '127.0.0.1',
      port: this.#authorityPort,
      database: join(this.directory, 'authority.db'),
      clients: sites.map((name) => ({ name, token: 'a-token-for-tests', quorumRttMs: 0 })),
    };
  }

  #venueConfig() {
    return {
      listen: { port: this.#instancePorts.venue?.control },
      binary: { port: this.#instancePorts.venue?.orders },
      dataDir: 'venue-data',
      tokenFile: 'token',
      seed: 7,
      fillShare: 0.5,
    };
  }

  #controllerConfig(site: Site) {
    return {
      site,
      topology: topology(),
      runbooks: runbooks(),
      stateDir: `controller-${site}`,
      tls: this.pki.identity(`controller/${site}`),
      listen: {
        peers: { host: '127.0.0.1', port: this.peerPorts[site] },
        api: { host: '127.0.0.1', port: this.apiPorts[site] },
      },
      controllers: sites.map((each) => ({ site: each, host: '127.0.0.1', port: this.peerPorts[each] })),
      authority: this.#authority(site),
      anchorEveryMs: 500,
    };
  }

  #agentConfig(site: 'east' | 'west') {
    const services = (instance: string) =>
      Object.fromEntries(
        Object.entries(this.#instancePorts[instance] ?? {}).map(([service, port]) => [service, `127.0.0.1:${port}`]),
      );
    return {
      host: `${site}-1`,
      topology: topology(),
      stateDir: `agent-${site}`,
      tls: this.pki.identity(`agent/${site}-1`),
      controllers: sites.map((each) => ({ site: each, host: '127.0.0.1', port: this.peerPorts[each] })),
      authority: this.#authority(site),
      addresses: { 'engine-east': services('engine-east'), 'engine-west': services('engine-west') },
      instances: [
        { ...this.#app(`engine-${site}`, 'engine', this.#engineConfig(site)), selfGateBoundMs: 20 },
        this.#app(`front-${site}`, 'front', this.#frontConfig(site)),
      ],
    };
  }

  #app(instance: string, kind: string, config: object) {
    mkdirSync(join(this.directory, instance), { recursive: true });
    return {
      kind: 'managed-app',
      instance,
      command: process.execPath,
      args: [join(repository, 'trading', kind, 'main.ts'), this.#write(instance, config)],
      directory: repository,
      control: { host: '127.0.0.1', port: this.#instancePorts[instance]?.control },
      tokenFile: 'token',
    };
  }

  #engineConfig(site: string) {
    const ports = this.#instancePorts[`engine-${site}`];
    return {
      instance: `engine-${site}`,
      site,
      dataDir: `engine-${site}`,
      control: { port: ports?.control, tokenFile: 'token' },
      orders: { port: ports?.orders },
      replication: { port: ports?.replication },
      venue: { port: this.#instancePorts.venue?.orders, firm: 'ACME' },
    };
  }

  #frontConfig(site: string) {
    const ports = this.#instancePorts[`front-${site}`];
    return {
      instance: `front-${site}`,
      site,
      dataDir: `front-${site}`,
      control: { port: ports?.control, tokenFile: 'token' },
      services: { orders: { port: ports?.orders } },
    };
  }

  #authority(client: string) {
    return { kind: 'lab-only', host: '127.0.0.1', port: this.#authorityPort, client, tokenFile: 'token' };
  }

  #write(name: string, config: object): string {
    const file = join(this.directory, `${name}.json`);
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }
}

const runbooks = (): readonly Json[] =>
  ['activate-site', 'failover-instance', 'failover-site', 'switchover-site'].map((id) => {
    return parse(readFileSync(join(repository, 'runbooks', `${id}.yaml`), 'utf8')) as Json;
  });

function topology(): Topology {
  const objective = { rtoMs: 30_000, rpoMs: 0, availabilityPercent: null, stages: null };
  const instance = (component: string, site: string, replication: string) => ({
    id: `${component}-${site}`,
    component,
    host: `${site}-1`,
    replication,
    eligible: true,
    upstream: null,
  });
  const component = (id: string, kind: string, more: object) => ({
    id,
    title: id,
    kind,
    category: 'hot',
    automation: 'full',
    objective,
    priority: 1,
    dependsOn: [],
    probes: [],
    durability: null,
    ...more,
  });
  const site = (id: string, preference: number, capabilities: readonly string[]) => ({
    id,
    title: id,
    capabilities,
    voter: true,
    preference,
    inventory: null,
  });
  return {
    name: 'test',
    sites: [site('east', 1, ['serve']), site('west', 2, ['standby']), site('north', 3, ['witness'])],
    links: [],
    hosts: ['east', 'west'].map((id) => ({ id: `${id}-1`, site: id, rack: null, scheduling: null })),
    components: [
      component('engine', 'trading-engine', {
        authority: 'owned',
        durability: { acknowledge: 'remote-site', afterPeerLoss: 'degrade' },
        instances: [instance('engine', 'east', 'sync'), instance('engine', 'west', 'sync')],
      }),
      component('front', 'front', {
        authority: 'none',
        dependsOn: ['engine'],
        instances: [instance('front', 'east', 'none'), instance('front', 'west', 'none')],
      }),
    ],
    groups: [
      {
        id: 'trading',
        components: ['engine', 'front'],
        instancePolicy: 'automatic',
        sitePolicy: 'automatic',
        coolDownMs: 60_000,
        maxRunsPerCoolDown: 5,
        rejoinPolicy: 'automatic',
        plannedMove: { approval: false, ticket: false, noticeMs: 0, watchMs: 60_000, outsideMarketHours: false },
      },
    ],
    venues: [],
    contacts: [],
    timing: {
      leaseRenewEveryMs: 300,
      selfFenceAfterMs: 2400,
      stopWithinMs: 800,
      clockRatePpm: 500,
      leaseMarginMs: 100,
      reportEveryMs: 250,
      silenceFloorMs: 1200,
      silenceCeilingMs: 3000,
      leaderRenewEveryMs: 300,
      leaderTimeoutMs: 3000,
      stepDeadlineMs: 6000,
    },
  } as unknown as Topology;
}
