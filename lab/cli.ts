import { readFileSync } from 'node:fs';
import type { Topology } from '../src/core/topology/topology.ts';
import { askLoad } from './ask-load.ts';
import type { LabContext, ProcessPlanner } from './configs.ts';
import { type EndedLab, endLab, endOwnLab } from './end-lab.ts';
import type { Fault } from './fault.ts';
import type { FaultReport, GroundEvent, GroundState } from './ground.ts';
import { GroundClient } from './ground-client.ts';
import { LabDirectory, type LabRecord } from './lab-directory.ts';
import { LabError } from './lab-error.ts';
import type { LockHolder } from './lab-lock.ts';
import { type LabName, launch, startDeadlineMs } from './lab-up.ts';
import { AddressBook, layOut, loadEndpoint } from './layout.ts';
import type { GroundConfig } from './net/main.ts';
import type { LinkMeasurement } from './net/measure-link.ts';
import { onMachines } from './netns/platform-machines.ts';
import type { ServerHealth } from './netns/servers/server-health.ts';
import { pkiOf } from './pki.ts';
import { secretsOf } from './secrets.ts';
import type { LabUsage } from './usage.ts';

export { defaultOperators, type LabName, type LabProgress, type LabUpOptions, labUp } from './lab-up.ts';

export interface LabStatus {
  readonly record: LabRecord;
  readonly state: GroundState;
  readonly usage: LabUsage;
  readonly measured: readonly LinkMeasurement[] | null;
}

const controlDeadlineMs = 5_000;

/**
 * Ends a lab in whatever state it is. Idempotent: `processesEnded` is 0 when there was none. Of several at once one does it and the
 * others wait; `onWait` is told for whom.
 */
export function labDown(lab: LabName, onWait: (holder: LockHolder | null) => void = () => {}): Promise<EndedLab> {
  return endLab(new LabDirectory(lab.root, lab.name), { deadlineMs: 15_000, onWait });
}

/** `labDown` for the process that brought the lab up: null, and nothing was done, when another one has a lab of this name up now. */
export function labDownOwn(lab: LabName): Promise<EndedLab | null> {
  return endOwnLab(new LabDirectory(lab.root, lab.name), { deadlineMs: 15_000 });
}

/** @param measure also sends messages over every link and reports the round trips that they really took. */
export async function labStatus(lab: LabName, options: { readonly measure: boolean }): Promise<LabStatus> {
  const { record } = running(lab);
  return withGround(lab, async (client) => ({
    record,
    state: await client.request('state', null, controlDeadlineMs),
    usage: await client.request('usage', null, controlDeadlineMs),
    measured: options.measure
      ? await client.request('measure', { samples: 5, deadlineMs: 3_000 }, controlDeadlineMs)
      : null,
  }));
}

/** Looks at every server of a lab of network namespaces; null on loopback, where there are none of their own. */
export async function labServers(lab: LabName, { processes }: GroundState): Promise<readonly ServerHealth[] | null> {
  const { directory } = running(lab);
  const { namespaces, labId, topology } = groundConfig(directory);
  if (namespaces === null) return null;
  const { serverHealth } = await import('./netns/servers/server-health.ts');
  const wish = { topology, labId, directory: directory.path, facts: namespaces };
  return serverHealth(wish, new Set(processes.map(({ key }) => key)));
}

/** Resolves when the fault is in force. It ends by itself after `expiresInMs`, whoever is still there by then. */
export function labBreak(lab: LabName, fault: Fault, expiresInMs: number | null): Promise<FaultReport> {
  return withGround(lab, (client) => client.request('break', { fault, expiresInMs }, 15_000));
}

/** Ends one fault by its id, or `all`. */
export function labHeal(lab: LabName, fault: string): Promise<readonly FaultReport[]> {
  return withGround(lab, (client) => client.request('heal', { fault }, 30_000));
}

/** Faults in force. */
export async function labFaults(lab: LabName): Promise<readonly FaultReport[]> {
  const { faults } = await withGround(lab, (client) => client.request('state', null, controlDeadlineMs));
  return faults;
}

/** Whether a process of the lab's own is there, by its key. */
export async function labRuns(lab: LabName, key: string): Promise<boolean> {
  const { processes } = await withGround(lab, (client) => client.request('state', null, controlDeadlineMs));
  return processes.some((each) => each.key === key && each.alive);
}

/** Starts a process of the lab again that was killed for good (a controller, an agent). */
export function labRestart(lab: LabName, key: string): Promise<null> {
  return withGround(lab, (client) => client.request('restart', { key }, startDeadlineMs));
}

/** Copies the authority's data as it is now; the fault `authority-restored` brings it back to that. */
export function labCopyAuthority(lab: LabName): Promise<{ readonly bytes: number }> {
  return withGround(lab, (client) => client.request('copy-authority', null, controlDeadlineMs));
}

/**
 * Has Patroni promote one of its members without asking anybody. Resolves when it is asked for, which is not done yet.
 * @throws LabError HF-7007 where the lab has no such member
 */
export async function labPatroniPromotes(lab: LabName, member: string): Promise<void> {
  const { directory } = running(lab);
  const { namespaces, labId, topology } = groundConfig(directory);
  if (namespaces === null)
    throw new LabError({
      code: 'HF-7007',
      attempted: `have Patroni promote ${member}`,
      found: 'a lab on loopback has no Patroni',
      next: 'holdfast lab up --ground netns',
    });
  const { askForOwnPromotion } = await import('./netns/servers/own-promotion.ts');
  await askForOwnPromotion({ topology, labId, directory: directory.path, facts: namespaces }, member);
}

/** Starts more processes in a running lab, e.g. the order flow. */
export async function labStart(lab: LabName, topology: Topology, plan: ProcessPlanner): Promise<void> {
  const context = labContext(lab, topology);
  await withGround(lab, (client) => launch(client, context, plan(context)));
}

/** Asks the load generator something over its control connection (`trading/load/load-control.ts`). */
export async function labLoad(
  lab: LabName,
  topology: Topology,
  request: { readonly method: string; readonly params: unknown; readonly deadlineMs: number },
): Promise<unknown> {
  const { book, secrets } = labContext(lab, topology);
  const token = readFileSync(secrets.loadToken, 'utf8').trim();
  return askLoad(book.operatorAddress(loadEndpoint), token, request);
}

/** Every file and address of a running lab, for whoever wants to talk to its processes. */
export function labContext(lab: LabName, topology: Topology): LabContext {
  const { directory, record } = running(lab);
  const config = groundConfig(directory);
  const layout = layOut(topology, { block: record.block ?? config.block, insideSite: config.insideSite });
  const files = { topology, directory, pki: pkiOf(directory.pki), secrets: secretsOf(directory.secrets) };
  if (config.namespaces === null) return { ...files, book: new AddressBook(topology, layout) };
  const { labId, namespaces: facts } = config;
  return { ...files, ...onMachines({ topology, labId, directory: directory.path, facts }, layout) };
}

/** A connection to the lab's ground for several requests; the caller closes it. */
export function labGround(lab: LabName, onEvent: (event: GroundEvent) => void): Promise<GroundClient> {
  const { directory, record } = running(lab);
  if (record.control === null)
    throw new LabError({
      code: 'HF-7008',
      attempted: `talk to lab ${lab.name}`,
      found: 'it has not finished coming up, or "lab up" was interrupted',
      next: `holdfast lab down --name ${lab.name}`,
    });
  const token = readFileSync(directory.groundTokenFile, 'utf8').trim();
  return GroundClient.connect(record.control, { token, deadlineMs: controlDeadlineMs, onEvent });
}

async function withGround<Value>(lab: LabName, use: (client: GroundClient) => Promise<Value>): Promise<Value> {
  const client = await labGround(lab, () => {});
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

const groundConfig = (directory: LabDirectory): GroundConfig =>
  JSON.parse(readFileSync(directory.groundFile, 'utf8')) as GroundConfig;

function running(lab: LabName): { readonly directory: LabDirectory; readonly record: LabRecord } {
  const directory = new LabDirectory(lab.root, lab.name);
  const record = directory.readRecord();
  if (record === null)
    throw new LabError({
      code: 'HF-7003',
      attempted: `find lab ${lab.name}`,
      found: 'it is not up',
      next: `holdfast lab up --name ${lab.name}`,
    });
  return { directory, record };
}
