import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { DataClass } from '../src/core/topology/planning.ts';
import { isServedKind } from '../src/core/topology/served.ts';
import type { Topology } from '../src/core/topology/topology.ts';
import { instanceFiles } from './agent-config.ts';
import { type LabContext, type ProcessPlanner, planProcesses } from './configs.ts';
import { endClaimedLab, endOwnLab, lockDeadlineMs, occupied } from './end-lab.ts';
import type { GroundEvent } from './ground.ts';
import type { GroundClient } from './ground-client.ts';
import { LabDirectory, type LabRecord, type LabStarter } from './lab-directory.ts';
import { LabError } from './lab-error.ts';
import { withLabLock } from './lab-lock.ts';
import { labInUse, launcher, lookAtLab, runningLabText, userName } from './lab-standing.ts';
import { AddressBook, layOut } from './layout.ts';
import { createPki, type OperatorRole, type PkiPlan } from './pki.ts';
import type { LaunchSpec, ProcessSpec } from './process-spec.ts';
import { writeDurably } from './processes.ts';
import { reconcileFile } from './reconcile-config.ts';
import { createSecrets } from './secrets.ts';
import { startGround } from './start-ground.ts';
import { labNodeArgs, warmCompileCache } from './warm-compile-cache.ts';

export interface LabName {
  /** The project's root; the lab's files lie below its `.holdfast/`. */
  readonly root: string;
  readonly name: string;
}

export interface LabUpOptions extends LabName {
  readonly topology: Topology;
  readonly topologyFile: string | null;
  /** What the file promises of its data; `holdfast rpo` compares it with what is so. Left out: the controllers know of no promise. */
  readonly dataClasses?: readonly DataClass[];
  /** Second octet of the lab's addresses; null = one that nobody uses. */
  readonly block?: number | null;
  readonly insideSite?: 'direct' | 'relayed';
  /** How long routing takes to leave a dead link. */
  readonly rerouteMs?: number;
  readonly operators?: readonly { readonly name: string; readonly role: OperatorRole }[];
  readonly plan?: ProcessPlanner;
  /** Shown to whoever meets the lab later. */
  readonly startedBy?: Omit<LabStarter, 'user'>;
  /** What happens to processes of an earlier lab of this name; `refuse` when absent. What they left on disk is cleared in any case. */
  readonly ifThere?: 'refuse' | 'clear-leftover' | 'replace';
  /** Evidence and report of an earlier lab of this name go, too. */
  readonly fresh?: boolean;
}

export type LabProgress = { readonly kind: 'step'; readonly text: string; readonly elapsedMs: number } | GroundEvent;

/** Longest that all processes together may take to start. */
export const startDeadlineMs = 120_000;

export const defaultOperators = [
  { name: 'Olivia Observer', role: 'observer' },
  { name: 'Omar Operator', role: 'operator' },
  { name: 'Ada Approver', role: 'approver' },
  { name: 'Rhea Risk', role: 'risk-officer' },
  { name: 'Adam Admin', role: 'admin' },
] as const;

/**
 * Brings a lab up: addresses, ground, certificates, configurations, then every process of the plan in order, each waited for.
 * When it fails, what was started is ended again and the files are removed; the logs' last lines are in the error.
 * @throws LabError HF-7001 … HF-7013
 */
export async function labUp(options: LabUpOptions, progress: (event: LabProgress) => void): Promise<LabContext> {
  const directory = new LabDirectory(options.root, options.name);
  const begun = performance.now();
  const step = (text: string) => progress({ kind: 'step', text, elapsedMs: performance.now() - begun });
  refuseServers(options.topology);
  await claim(directory, options, step);
  try {
    step('compiling');
    await warmCompileCache(options.root);
    step('addresses');
    const { client, block } = await startGround(directory, options, progress);
    try {
      step('certificates and secrets');
      const layout = layOut(options.topology, { block, insideSite: options.insideSite ?? 'direct' });
      const context = await prepare(directory, options, { book: new AddressBook(options.topology, layout) });
      await updateRecord(directory, { block, control: layout.control });
      step('processes');
      await launch(client, context, (options.plan ?? planProcesses)(context));
      await updateRecord(directory, { complete: true });
      step('ready');
      return context;
    } finally {
      client.close();
    }
  } catch (error) {
    await endOwnLab(directory, { deadlineMs: 10_000 }).catch(() => {});
    throw error;
  }
}

function refuseServers({ name, components }: Topology): void {
  const served = components.find(({ kind }) => isServedKind(kind));
  if (served === undefined) return;
  throw new LabError({
    code: 'HF-7010',
    attempted: `bring up a loopback lab for ${name}`,
    found: `${served.id} is ${served.kind}, a server that the loopback ground does not have`,
    next: 'mark it as inventory in an overlay; holdfast lab up --ground netns has such servers',
  });
}

/** Clears what may be cleared and takes the name, with nobody else at this lab meanwhile. */
export async function claim(
  directory: LabDirectory,
  options: LabUpOptions,
  step: (text: string) => void,
): Promise<void> {
  if (process.platform !== 'linux')
    throw new LabError({
      code: 'HF-7011',
      attempted: 'bring up a loopback lab',
      found: `this is ${process.platform}; the lab needs Linux (/proc, 127.0.0.0/8)`,
      next: 'run it in a Linux container or virtual machine',
    });
  await withLabLock(
    directory.id,
    {
      doing: `bringing up lab ${directory.name}`,
      deadlineMs: lockDeadlineMs,
      onWait: (holder) =>
        step(
          holder === null
            ? 'another process is at this lab: waiting'
            : `process ${holder.pid} is ${holder.doing}: waiting`,
        ),
      late: (holder) => occupied(directory, 'bring up', holder),
    },
    async () => {
      await makeRoom(directory, options, step);
      directory.create();
      const claimed = directory.claim({
        format: 1,
        id: directory.id,
        name: directory.name,
        firm: options.topology.name,
        topologyFile: options.topologyFile,
        createdAt: new Date().toISOString(),
        control: null,
        block: null,
        broughtUpBy: launcher(),
        startedBy: options.startedBy === undefined ? null : { ...options.startedBy, user: userName() },
        complete: false,
      });
      if (!claimed) throw labInUse(directory, { processes: 0, record: directory.readRecord() }, { mayReplace: false });
    },
  );
}

async function makeRoom(directory: LabDirectory, options: LabUpOptions, step: (text: string) => void): Promise<void> {
  const ifThere = options.ifThere ?? 'refuse';
  const standing = lookAtLab(directory);
  if (standing.kind === 'running' && ifThere !== 'replace')
    throw labInUse(directory, standing, { mayReplace: ifThere === 'clear-leftover' });
  if (standing.kind === 'leftover' && ifThere === 'refuse')
    throw new LabError({
      code: 'HF-7002',
      attempted: `bring up lab ${directory.name}`,
      found: `${standing.processes} processes of an earlier one are left: ${standing.why}`,
      next: `holdfast lab down --name ${directory.name}, or another --name`,
    });
  if (standing.kind === 'running') step(`ending first: ${runningLabText(directory, standing, Date.now())}`);
  if (standing.kind === 'leftover')
    step(`ending what is left of an earlier lab ${directory.name}, ${standing.processes} processes: ${standing.why}`);
  if (standing.kind !== 'free') await endClaimedLab(directory, { deadlineMs: 15_000 });
  else if (directory.readRecord() !== null) directory.removeState();
  if (options.fresh === true) directory.remove();
}

/**
 * Makes directories, secrets, certificates and what instances read.
 * @param others parties beside agents and controllers that show a certificate
 */
export async function prepare(
  directory: LabDirectory,
  options: LabUpOptions,
  ground: Pick<LabContext, 'book' | 'machines'>,
  others: PkiPlan['machines'] = [],
): Promise<LabContext> {
  const { topology } = options;
  const { book } = ground;
  const instances = topology.components.flatMap((component) => component.instances);
  for (const { host, id } of instances) mkdirSync(directory.instance(host, id), { recursive: true, mode: 0o755 });
  for (const { id } of topology.hosts) mkdirSync(directory.host(id), { recursive: true, mode: 0o755 });
  for (const { id } of topology.sites) mkdirSync(directory.site(id), { recursive: true, mode: 0o755 });
  const secrets = createSecrets(directory.secrets, {
    instances: instances.map(({ id }) => id),
    hosts: topology.hosts.map(({ id }) => id),
    venues: topology.venues.map(({ id }) => id),
  });
  const pki = await createPki({
    directory: directory.pki,
    organisation: `Holdfast lab ${directory.name}`,
    machines: [
      ...topology.hosts.map(({ id }) => ({
        name: `agent/${id}`,
        role: 'agent' as const,
        ips: book.allAddresses(`host/${id}/agent`).map(({ host }) => host),
      })),
      ...topology.sites
        .filter(({ voter }) => voter || ground.machines === undefined)
        .map(({ id }) => ({
          name: `controller/${id}`,
          role: 'controller' as const,
          ips: (['controller-api', 'controller-peer'] as const).flatMap((service) =>
            book.allAddresses(`site/${id}/${service}`).map(({ host }) => host),
          ),
        })),
      ...others,
    ],
    operators: options.operators ?? defaultOperators,
    evidenceOwners: [
      ...topology.hosts.map(({ id }) => `agent/${id}`),
      ...topology.sites.map(({ id }) => `controller/${id}`),
    ],
  });
  const { dataClasses = [] } = options;
  const context: LabContext = { ...ground, topology, dataClasses, directory, pki, secrets };
  for (const { file, content } of [...instanceFiles(context), reconcileFile(context)]) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, `${JSON.stringify(content, null, 1)}\n`, { mode: 0o600 });
  }
  return context;
}

/** Writes the configurations and starts the processes, stage after stage. */
export async function launch(client: GroundClient, context: LabContext, specs: readonly ProcessSpec[]): Promise<void> {
  const { directory, machines } = context;
  for (const { config } of specs) {
    if (config === null) continue;
    const file = absolute(directory.path, config.file);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, `${JSON.stringify(config.content, null, 1)}\n`, { mode: 0o600 });
  }
  const specsToStart = specs.map((spec) => settle(directory, spec)).map((spec) => machines?.place(spec) ?? spec);
  await client.request('start', { specs: specsToStart }, startDeadlineMs);
}

function settle(directory: LabDirectory, spec: ProcessSpec): LaunchSpec {
  const args = spec.args ?? (spec.config === null ? [] : [absolute(directory.path, spec.config.file)]);
  const script = absolute(directory.root, spec.script);
  const nodeArgs = spec.nodeArgs ?? labNodeArgs(spec.script);
  return {
    key: spec.key,
    site: spec.site,
    host: spec.host,
    command: process.execPath,
    args: [...nodeArgs, script, ...args],
    cwd: directory.path,
    env: spec.env ?? {},
    logFile: directory.logOf(spec.key),
    ready: spec.ready,
    stage: spec.stage,
  };
}

const absolute = (base: string, path: string): string => (isAbsolute(path) ? path : join(base, path));

async function updateRecord(directory: LabDirectory, change: Partial<LabRecord>): Promise<void> {
  const record = directory.readRecord();
  if (record !== null) await writeDurably(directory.recordFile, JSON.stringify({ ...record, ...change }, null, 1));
}
