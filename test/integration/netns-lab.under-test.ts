import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabName } from '../../lab/cli.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import type { GroundConfig } from '../../lab/net/main.ts';
import { findKernelFacts } from '../../lab/netns/kernel-facts.ts';
import { machineContext } from '../../lab/netns/machine-context.ts';
import type { MachineContext } from '../../lab/netns/machine-processes.ts';
import { missingPackages } from '../../lab/netns/packages.ts';
import type { ProbeReport } from '../../lab/netns/path-probe.ts';
import { tryCommand } from '../../lab/netns/run-command.ts';
import { waitFor } from '../../lab/wait.ts';
import { usualVtyDirectory, type Vty, vtySockets } from '../../src/adapters/frr/vty.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';

export const projectRoot = join(import.meta.dirname, '..', '..');
const probePort = '20998';
const probeCommand = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(projectRoot, 'lab', 'netns', 'path-probe.ts'),
];
const onHost = join(projectRoot, 'lab', 'netns', 'on-host.sh');

export function exampleFirm(): Topology {
  const parsed = readTopologyFile(join(projectRoot, 'examples', 'three-site.yaml'));
  if (!parsed.ok) throw new Error('the example does not parse');
  return parsed.value.topology;
}

/** Why a lab of namespaces cannot be tried here; false where it can. */
export async function reasonToSkipNamespaces(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'needs root';
  const first = missingPackages({ servers: 'all', facts: null });
  if (first.length > 0) return `needs the Debian packages ${first.join(', ')}`;
  try {
    const rest = missingPackages({ servers: 'all', facts: await findKernelFacts(`hf-test-${process.pid}`) });
    return rest.length > 0 ? `needs the Debian packages ${rest.join(', ')}` : false;
  } catch (error) {
    return `this machine gives no network namespaces: ${String(error)}`;
  }
}

/** A running lab of namespaces, as its own tests look at it. */
export class NamespaceLabUnderTest {
  readonly context: MachineContext;

  constructor(lab: LabName) {
    const directory = new LabDirectory(lab.root, lab.name);
    const { topology, labId, namespaces } = JSON.parse(readFileSync(directory.groundFile, 'utf8')) as GroundConfig;
    if (namespaces === null) throw new Error('this is a loopback lab');
    this.context = machineContext({ topology, labId, directory: directory.path, facts: namespaces });
  }

  /** How a command becomes one of a machine's own processes. */
  prefix(node: string): readonly [string, ...string[]] {
    return ['sh', onHost, this.context.stateOf(node), this.context.groupOf(node) ?? '-'];
  }

  /** A path of a machine as this process reaches it; a machine that lost its power meanwhile is another one. */
  inside(node: string, path: string): string {
    const holder = readFileSync(join(this.context.stateOf(node), 'ready'), 'utf8').trim();
    const [init] = readFileSync(`/proc/${holder}/task/${holder}/children`, 'utf8').split(' ');
    return join('/proc', init!, 'root', path);
  }

  /** How a router's daemons are spoken to. */
  vty(router: string): Vty {
    return (daemon, lines, options) => vtySockets(this.inside(router, usualVtyDirectory))(daemon, lines, options);
  }

  async run(node: string, ...command: readonly string[]): Promise<string> {
    const [program, ...args] = [...this.prefix(node), ...command];
    return (await tryCommand(program!, args)).stdout;
  }

  spawn(node: string, ...command: readonly string[]): ChildProcess {
    const [program, ...args] = [...this.prefix(node), ...command];
    return spawn(program!, args, { cwd: projectRoot, stdio: ['pipe', 'pipe', 'inherit'] });
  }

  /** Resolves when it has printed `ready`. */
  async start(node: string, ...command: readonly string[]): Promise<ChildProcess> {
    const child = this.spawn(node, ...command);
    let said = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      said += bytes.toString('utf8');
    });
    await waitFor(`${command.join(' ')} on ${node}`, () => said.includes('ready\n') || child.exitCode !== null, 10_000);
    return child;
  }

  /** Answers whatever a probe sends, until it is ended. */
  startEcho(node: string): Promise<ChildProcess> {
    return this.start(node, ...probeCommand, 'echo', probePort);
  }

  /** Of a process that ends with its input. */
  async end(child: ChildProcess): Promise<void> {
    child.stdin?.end();
    await waitFor('a process to end', () => child.exitCode !== null || child.signalCode !== null, 5_000);
  }

  /** Sends every 5 ms from one machine to another while the work is done, and says what did not come back. */
  async probed(from: string, to: { readonly node: string; readonly address: string }, work: () => Promise<void>) {
    const echo = await this.startEcho(to.node);
    const probe = await this.start(from, ...probeCommand, 'send', to.address, probePort, '5');
    let report = '';
    probe.stdout?.on('data', (bytes: Buffer) => {
      report += bytes.toString('utf8');
    });
    try {
      await work();
      probe.stdin?.end();
      await waitFor('the probe’s report', () => report.includes('}'), 5_000);
      return JSON.parse(report.slice(report.indexOf('{'))) as ProbeReport;
    } finally {
      for (const child of [probe, echo]) await this.end(child);
    }
  }
}
