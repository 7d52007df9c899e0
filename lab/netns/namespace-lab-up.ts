import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Topology } from '../../src/core/topology/topology.ts';
import { type LabContext, type ProcessPlanner, planProcesses } from '../configs.ts';
import { endOwnLab } from '../end-lab.ts';
import type { GroundClient } from '../ground-client.ts';
import { LabDirectory } from '../lab-directory.ts';
import { LabError } from '../lab-error.ts';
import {
  claim,
  defaultOperators,
  type LabProgress,
  type LabUpOptions,
  launch,
  prepare,
  startDeadlineMs,
} from '../lab-up.ts';
import { instanceEndpoint, layOut, siteEndpoint } from '../layout.ts';
import type { LinkMeasurement } from '../net/measure-link.ts';
import { createPki, type LabPki, pkiOf } from '../pki.ts';
import { writeDurably } from '../processes.ts';
import { startGround } from '../start-ground.ts';
import { warmMachineCache } from '../warm-compile-cache.ts';
import { installPackages } from './install-packages.ts';
import { factsText, findKernelFacts } from './kernel-facts.ts';
import { machineContext } from './machine-context.ts';
import { type MachineContext, machineProcesses } from './machine-processes.ts';
import { namespacePrefix } from './network-plan.ts';
import { type AskedLab, missingPackages } from './packages.ts';
import { doorway, onMachines } from './platform-machines.ts';
import { waitForRouters } from './router-health.ts';
import { dnsKey } from './servers/dns.ts';
import { withLabServers } from './servers/led-servers.ts';
import { identitiesOf, serverParties } from './servers/machine-identities.ts';
import { figuresReader } from './servers/monitoring.ts';
import { isDelegated, type Placement, type PlatformBehind, type ServerGround } from './servers/placement.ts';
import { plannedBy, type ServerChoice } from './servers/plan-servers.ts';
import { seatLeader } from './servers/seat-leader.ts';
import { serverProcess, waitForServers, writeServerFiles } from './servers/server-process.ts';
import { secretFiles, serverSecrets } from './servers/server-secrets.ts';

export interface NamespaceLabOptions extends LabUpOptions {
  /** Default: all of them. */
  readonly servers?: ServerChoice;
  /** Controllers, agents and what they drive, exchanges. Default: where the topology has a trading engine. */
  readonly platform?: boolean;
}

export interface NamespaceLab {
  readonly machines: number;
  readonly routers: number;
  readonly servers: number;
  readonly links: readonly LinkMeasurement[];
  /** Null: network and servers alone. */
  readonly platform: LabContext | null;
}

const routersWithinMs = 45_000;
/** Twice what is wanted of the whole way up: a machine that is busy is no reason to give up. */
const serversWithinMs = 120_000;

/**
 * Brings up the network and the hosts of a topology as namespaces, with real routers and servers; measures what the links really
 * take; then the platform, nothing of which is active. When it fails, what was started is ended again and nothing is left but its logs,
 * in `.holdfast/failed/NAME`.
 * @throws LabError HF-7001 … HF-7015
 */
export async function namespaceLabUp(
  options: NamespaceLabOptions,
  progress: (event: LabProgress) => void,
): Promise<NamespaceLab> {
  const directory = new LabDirectory(options.root, options.name);
  const begun = performance.now();
  const step = (text: string) => progress({ kind: 'step', text, elapsedMs: performance.now() - begun });
  checkMachine();
  const wished = { servers: options.servers ?? 'all', patroni: options.topology.components.some(isDelegated) };
  if (wished.servers === 'authority') refuseLedServers(options.topology);
  await install({ ...wished, facts: null }, options.root, step);
  await claim(directory, options, step);
  try {
    const facts = await findKernelFacts(`${namespacePrefix(directory.id)}probe`);
    step(factsText(facts));
    await install({ ...wished, facts }, options.root, step);
    const { topology } = options;
    const withPlatform = options.platform ?? hasEngines(topology);
    const wish = { topology, labId: directory.id, directory: directory.path, facts };
    const context = machineContext(wish);
    step(`${context.plan.nodes.length} machines and ${context.plan.wires.length} wires`);
    const { client, block } = await startGround(directory, { ...options, namespaces: facts }, progress);
    try {
      const layout = layOut(topology, { block });
      await updateRecord(directory, { block, control: layout.control });
      step('routers');
      await client.request('start', { specs: machineProcesses(context) }, startDeadlineMs);
      await waitForRouters(context, routersWithinMs);
      // Before there are servers: what starts takes processors that a delayer in user space needs.
      step('measuring links');
      const links = await client.request('measure', { samples: 20, deadlineMs: 5_000 }, 10_000);
      // Servers wait for each other most of the time: it is compiled meanwhile.
      const compiled = withPlatform ? warmMachineCache(options.root) : Promise.resolve();
      compiled.catch(() => {});
      const placement = { topology, plan: context.plan };
      const secret = serverSecrets(directory.secrets);
      const platform = withPlatform
        ? await preparePlatform(directory, options, { ...placement, ...onMachines(wish, layout), secret })
        : null;
      const identityOf = identitiesOf(platform?.pki ?? (await pkiOfServers(directory, placement)));
      const ground = { ...placement, secret, ...(platform === null ? {} : { platform: behindServers(platform) }) };
      const servers = plannedBy[wished.servers](ground, identityOf);
      step(`${servers.length} servers`);
      writeServerFiles(context, servers);
      await client.request('start', { specs: servers.map((each) => serverProcess(context, each)) }, startDeadlineMs);
      await waitForServers(context, servers, serversWithinMs);
      if (platform !== null) {
        step('compiling what is not compiled yet');
        await compiled;
        step('platform');
        await startPlatform(client, context, platform, options.plan ?? planProcesses);
      }
      await updateRecord(directory, { complete: true });
      step('ready');
      const { nodes, routers } = context.plan;
      return { machines: nodes.length, routers: routers.length, servers: servers.length, links, platform };
    } finally {
      client.close();
    }
  } catch (error) {
    const kept = keepLogs(directory);
    await endOwnLab(directory, { deadlineMs: 15_000 }).catch(() => {});
    throw error instanceof LabError && kept !== null
      ? new LabError({ ...error, next: error.next.replaceAll(directory.logs, kept), cause: error })
      : error;
  }
}

/** What a lab that did not come up had to say would go with it. Returns where it is now: the last one's of that name. */
function keepLogs({ root, name, logs }: LabDirectory): string | null {
  const kept = join(root, '.holdfast', 'failed', name);
  try {
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(dirname(kept), { recursive: true });
    renameSync(logs, kept);
    return kept;
  } catch {
    return null;
  }
}

const hasEngines = ({ components }: Topology): boolean => components.some(({ kind }) => kind === 'trading-engine');

/** What the platform is made of. Where the topology has servers that agents lead, agents and controllers are told of the lab's own. */
async function preparePlatform(
  directory: LabDirectory,
  options: NamespaceLabOptions,
  ground: ReturnType<typeof onMachines> & ServerGround,
): Promise<LabContext> {
  const { book, machines, secret } = ground;
  const dnsKeyFile = join(directory.secrets, 'server-dns-update.key');
  writeFileSync(dnsKeyFile, dnsKey(secret), { mode: 0o600 });
  const { identity } = pkiOf(directory.pki);
  const topology = withLabServers({
    ...ground,
    secretFile: secretFiles(directory.secrets),
    dnsKeyFile,
    agentIdentity: (host) => identity(`agent/${host}`),
  });
  const operators = [...(options.operators ?? defaultOperators), ...(topology.metrics === true ? [figuresReader] : [])];
  return prepare(directory, { ...options, topology, operators }, { book, machines }, serverParties(ground));
}

/** The platform as its servers know it. */
const behindServers = ({ book, secrets, topology }: LabContext): PlatformBehind => ({
  orders: (front) => book.realAddress(instanceEndpoint(front, 'orders')),
  databaseUsers: { persister: readFileSync(secrets.databasePassword('persister'), 'utf8').trim() },
  figures: (topology.metrics === true ? topology.sites : [])
    .filter(({ voter }) => voter)
    .map(({ id }) => book.realAddress(siteEndpoint(id, 'controller-api'))),
});

/** The same processes as on loopback, each on its machine. */
async function startPlatform(
  client: GroundClient,
  context: MachineContext,
  platform: LabContext,
  plan: ProcessPlanner,
): Promise<void> {
  await seatLeader(context, platform.topology);
  await client.request('start', { specs: [doorway(context)] }, startDeadlineMs);
  await launch(client, platform, plan(platform));
}

const pkiOfServers = (directory: LabDirectory, placement: Placement): Promise<LabPki> =>
  createPki({
    directory: directory.pki,
    organisation: directory.id,
    machines: serverParties(placement),
    operators: [],
    evidenceOwners: [],
  });

function refuseLedServers({ name, components }: Topology): void {
  const led = components.find(({ served }) => served !== undefined);
  if (led === undefined) return;
  throw new LabError({
    code: 'HF-7010',
    attempted: `bring up ${name} with the servers of the authority alone`,
    found: `its agents lead ${led.id} (${led.kind})`,
    next: 'leave out --servers authority, or mark such components as inventory in an overlay',
  });
}

/** What such a lab needs and is not here, told before it is done. @throws LabError HF-7014 */
async function install(asked: AskedLab, root: string, step: (text: string) => void): Promise<void> {
  const names = missingPackages(asked);
  if (names.length === 0) return;
  step(`installing Debian packages that are not here: ${names.join(', ')}`);
  await installPackages(names, { directory: join(root, '.holdfast', 'packages'), say: step });
  const still = missingPackages(asked);
  if (still.length > 0)
    throw new LabError({
      code: 'HF-7014',
      attempted: `install ${names.join(', ')}`,
      found: `apt-get is done, and the programs of ${still.join(', ')} are not on the path`,
      next: 'see what of these packages this Debian has, and bring up what needs less: --servers authority',
    });
}

function checkMachine(): void {
  const isRoot = process.getuid?.() === 0;
  if (process.platform === 'linux' && isRoot) return;
  throw new LabError({
    code: process.platform === 'linux' ? 'HF-7004' : 'HF-7011',
    attempted: 'bring up a lab of network namespaces',
    found: process.platform === 'linux' ? 'this is not root' : `this is ${process.platform}`,
    next: 'run it as root on Linux, or bring up the loopback lab, which needs neither: holdfast lab up',
  });
}

async function updateRecord(directory: LabDirectory, change: object): Promise<void> {
  const record = directory.readRecord();
  if (record !== null) await writeDurably(directory.recordFile, JSON.stringify({ ...record, ...change }, null, 1));
}
