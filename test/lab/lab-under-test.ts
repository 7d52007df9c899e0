import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeConnectFile } from '../../bin/commands/lab-connect.ts';
import { type LabStatus, labDown, labHeal, labRestart, labStatus } from '../../lab/cli.ts';
import type { Narrate } from '../../lab/demo/acts.ts';
import { activate } from '../../lab/demo/bring-up.ts';
import { readTopology } from '../../lab/demo/demo.ts';
import { Platform, type Verification } from '../../lab/demo/platform.ts';
import { type GroupView, unsettled } from '../../lab/demo/status-view.ts';
import { planWithEngineSettings } from '../../lab/engine-settings.ts';
import { readEvidence } from '../../lab/evidence-look.ts';
import type { Fault } from '../../lab/fault.ts';
import type { FaultReport } from '../../lab/ground.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { labUp } from '../../lab/lab-up.ts';
import { type NamespaceLabOptions, namespaceLabUp } from '../../lab/netns/namespace-lab-up.ts';
import type { ServerChoice } from '../../lab/netns/servers/plan-servers.ts';
import { networkCheckCommand } from '../../src/cli/commands/network.ts';
import { openSession } from '../../src/cli/connect/session.ts';
import type { GroupAgreement } from '../../src/cli/view/agreement-screen.ts';
import type { SiteId } from '../../src/core/base/ids.ts';
import type { EvidenceEntry } from '../../src/core/evidence/evidence-entry.ts';
import type { Component, Topology } from '../../src/core/topology/topology.ts';

export const projectRoot = join(import.meta.dirname, '../..');
export const example = (name: string): string => join(projectRoot, 'examples', name);

export interface LabWish {
  readonly topologyFile?: string;
  /** `netns`: machines of their own and real etcd, without the other servers. Default: loopback. */
  readonly ground?: 'loopback' | 'netns';
  /** On the netns ground. Default: the authority's alone. */
  readonly servers?: ServerChoice;
  /** While everything runs and nothing is active yet. */
  readonly beforeActivation?: (lab: LabUnderTest) => Promise<void>;
  /** Null: no order flow. */
  readonly ratePerSecond?: number | null;
  /** What happens when the active site is lost; a person is asked in what is shipped. Default: automatic. */
  readonly sitePolicy?: 'automatic' | 'approval';
  /** Laid over the firm, last. */
  readonly overlays?: readonly string[];
  /** Fields that every engine's configuration gets beside its own; a section is replaced field by field. */
  readonly engineSettings?: Readonly<Record<string, object>>;
}

/** Figures of time are stretched, unless the shipped ones are asked for. */
const patient = process.env['HOLDFAST_SUITE_TIMING'] !== 'shipped';

/** `HOLDFAST_SUITE=quick` asks for the part of a long suite that fits beside everything else that CI runs. */
export const quick = process.env['HOLDFAST_SUITE'] === 'quick';

/** Long, because a test machine may be doing something else as well; a lab that is well needs a tenth of it. */
const SETTLED_WITHIN_MS = 180_000;

/** A whole lab of a test's own, active and under load. Whatever happens in the test, `close` leaves nothing of it behind. */
export class LabUnderTest {
  readonly name: string;
  readonly topology: Topology;
  readonly platform: Platform;
  readonly directory: LabDirectory;
  readonly story: string[];
  #failed = process.env['HOLDFAST_SUITE_KEEP'] !== undefined;

  private constructor(known: { readonly name: string; readonly topology: Topology; readonly story: string[] }) {
    this.name = known.name;
    this.topology = known.topology;
    this.platform = new Platform({ root: projectRoot, name: known.name }, known.topology);
    this.directory = new LabDirectory(projectRoot, known.name);
    this.story = known.story;
  }

  static async open(name: string, wish: LabWish = {}): Promise<LabUnderTest> {
    const topologyFile = wish.topologyFile ?? example('three-site.yaml');
    const topology = readTopology({
      topologyFile,
      overlays: [
        ...(wish.sitePolicy === 'approval' ? [] : [example('demo-overlay.yaml')]),
        ...(patient ? [join(import.meta.dirname, 'patient.yaml')] : []),
        ...(wish.overlays ?? []),
      ],
    });
    const lab = { root: projectRoot, name };
    const story: string[] = [];
    const narrate = storyteller(name, story);
    try {
      await labDown(lab);
      rmSync(new LabDirectory(projectRoot, name).path, { recursive: true, force: true });
      const up = wish.ground === 'netns' ? namespaceLabUp : labUp;
      // Engines bear with late replicas, as `patient.yaml` does with late hosts; and have what the suite wants of them.
      const timing = patient ? { replicaLostMs: 1000, upstreamSilentMs: 400 } : {};
      const plan = planWithEngineSettings({ timing, ...wish.engineSettings });
      const options: NamespaceLabOptions = {
        ...lab,
        topology,
        topologyFile,
        plan,
        servers: wish.servers ?? 'authority',
      };
      await up(options, (event) => {
        if (event.kind === 'step') narrate(event.text);
      });
      const opened = new LabUnderTest({ name, topology, story });
      await wish.beforeActivation?.(opened);
      // Its own patience is that of a demo.
      await activate(opened.platform, narrate).catch(() => opened.settled());
      const rate = wish.ratePerSecond === undefined ? 200 : wish.ratePerSecond;
      if (rate !== null) await opened.#startFlow(rate);
      return opened;
    } catch (error) {
      keepForLook(new LabDirectory(projectRoot, name), story);
      await labDown(lab);
      throw error;
    }
  }

  async #startFlow(ratePerSecond: number): Promise<void> {
    const { platform } = this;
    await platform.startFlow(ratePerSecond);
    await platform.mark('warm-up');
    await platform.flowing('warm-up', 90_000);
    this.narrate(`orders flow: ${ratePerSecond} a second`);
  }

  get narrate(): Narrate {
    return storyteller(this.name, this.story);
  }

  /** Strict durability, everybody following, nothing wrong. */
  settled(lacks: (view: GroupView) => string | null = unsettled): Promise<GroupView> {
    const { narrate } = this;
    let said = '';
    return this.platform.until('the platform is settled', lacks, SETTLED_WITHIN_MS, (missing) => {
      if (missing !== said) narrate(`waiting: ${missing}`);
      said = missing;
    });
  }

  /** A take-over that began after this epoch has ended: clients are led somewhere, and new risk is accepted. */
  takenOver(epochBefore: number): Promise<GroupView> {
    return this.platform.until(
      'the take-over has ended',
      ({ record }) => {
        if (record === null || record.epoch <= epochBefore) return 'the epoch has not been raised yet';
        if (record.run !== null) return `run ${record.run} is open`;
        return record.tradingEnabled && record.traffic === record.activeSite ? null : 'new risk is not accepted yet';
      },
      90_000,
    );
  }

  /** Says yes to what the platform did by itself, so that it may do it again. */
  async acknowledge(): Promise<void> {
    await this.platform.demand('Omar Operator', { kind: 'acknowledge', group: this.topology.groups[0]!.id }, 20_000);
  }

  async break(fault: Fault, expiresInMs: number | null): Promise<FaultReport> {
    const report = await this.platform.break(fault, expiresInMs);
    this.narrate(`${report.id}: ${JSON.stringify(fault)}`);
    return report;
  }

  /** Ends a fault, if it has not ended by itself. */
  async heal(fault: FaultReport): Promise<void> {
    await labHeal({ root: projectRoot, name: this.name }, fault.id).catch(() => {});
    this.narrate(`${fault.id} is healed`);
  }

  /** Every fault has ended, by itself or because it was asked to. */
  async faultsOver(): Promise<void> {
    await this.eventually('every fault has ended', 60_000, async () => {
      const { state } = await this.status();
      return state.faults.length === 0;
    });
  }

  status(): Promise<LabStatus> {
    return labStatus({ root: projectRoot, name: this.name }, { measure: false });
  }

  /** So many orders were acknowledged to clients since a mark. */
  async acknowledged(mark: string, orders: number): Promise<void> {
    await this.eventually(
      `${orders} orders are acknowledged after ${mark}`,
      90_000,
      async () => (await this.platform.flow(mark)).ordersAcked >= orders,
    );
  }

  /** @param everyMs more for a question that takes processors itself */
  async eventually(claim: string, deadlineMs: number, holds: () => Promise<boolean>, everyMs = 50): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error(`not within ${deadlineMs / 1000} s: ${claim}`);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  restart(key: string): Promise<null> {
    return labRestart({ root: projectRoot, name: this.name }, key);
  }

  /** Process id of one of the lab's own processes, e.g. `controller/SITE`. */
  async pidOf(key: string): Promise<number> {
    const pid = (await this.pids()).get(key);
    if (pid === undefined) throw new Error(`${key} does not run`);
    return pid;
  }

  /** Of every process of the lab that runs, by its key. */
  async pids(): Promise<ReadonlyMap<string, number>> {
    const { state } = await this.status();
    return new Map(state.processes.flatMap(({ key, pid, alive }) => (alive && pid !== null ? [[key, pid]] : [])));
  }

  component(kind: Component['kind']): Component {
    const found = this.topology.components.find((each) => each.kind === kind);
    if (!found) throw new Error(`this firm has no ${kind}`);
    return found;
  }

  /** Whoever keeps it. */
  get database(): Component {
    const found = this.topology.components.find(({ kind }) => kind === 'postgres' || kind === 'patroni');
    if (!found) throw new Error('this firm has no database');
    return found;
  }

  /** Everything that agents and controllers have recorded so far, in the order of this machine's monotonic clock. */
  evidence(): readonly EvidenceEntry[] {
    return readEvidence(this.directory, this.topology);
  }

  /** Subjects of `holdfast network check` of which not everybody says the same as the record; empty when all agree. */
  async notAgreed(): Promise<readonly string[]> {
    const session = openSession({
      file: writeConnectFile(this.platform.context),
      person: null,
      projectRoot: this.directory.root,
    });
    const terminal = { interactive: false, redraws: false, columns: 120, lines: 40, out: () => {}, err: () => {} };
    try {
      const { json, text } = await networkCheckCommand({
        session,
        terminal: { ...terminal, ask: () => Promise.resolve(null) },
        json: false,
        group: null,
        nowMs: () => Date.now(),
        signal: new AbortController().signal,
      });
      this.narrate(text);
      const { agreement } = json as unknown as { readonly agreement: readonly GroupAgreement[] };
      return agreement.flatMap(({ subjects }) =>
        subjects.flatMap((each) => (each.verdict === 'agree' ? [] : JSON.stringify(each))),
      );
    } finally {
      session.controllers.close();
    }
  }

  async verified(): Promise<Verification> {
    const found = await this.platform.verify();
    this.narrate(
      `counted ${found.ordersAcked} orders, ${found.commitsAcked} commits: ${found.verdict} ${found.reasons.join('; ')}`,
    );
    return found;
  }

  /** What a test that failed half-way left: faults in force, processes killed or stopped. */
  async mend(): Promise<void> {
    const lab = { root: projectRoot, name: this.name };
    await labHeal(lab, 'all');
    const { state } = await labStatus(lab, { measure: false });
    for (const { key, pid, alive } of state.processes)
      if (!alive) await labRestart(lab, key);
      else if (pid !== null) process.kill(pid, 'SIGCONT');
  }

  /** For `afterEach`: the logs of a lab whose test failed are kept in `.holdfast/failed/NAME`; with HOLDFAST_SUITE_KEEP all are. */
  noteResult(context: unknown): void {
    if ((context as { readonly passed?: boolean }).passed === false) this.#failed = true;
  }

  async close(): Promise<void> {
    if (this.#failed) keepForLook(this.directory, this.story);
    await labDown({ root: projectRoot, name: this.name });
    rmSync(this.directory.path, { recursive: true, force: true });
  }
}

/** The site that a group's leader's record names as active; throws when there is none. */
export function activeSite({ record }: GroupView): SiteId {
  if (record?.activeSite == null) throw new Error('no site is active');
  return record.activeSite;
}

/** The other site that may serve. */
export function standbySite(topology: Topology, active: SiteId): SiteId {
  const found = topology.sites.find(
    (site) => site.id !== active && site.capabilities.some((each) => each === 'serve' || each === 'standby'),
  );
  if (!found) throw new Error(`nothing could take over from ${active}`);
  return found.id;
}

function storyteller(name: string, story: string[]): Narrate {
  return (line) => {
    const text = `${new Date().toISOString().slice(11, 23)} ${line}`;
    story.push(text);
    if (process.env['HOLDFAST_NARRATE'] !== undefined) process.stderr.write(`${name} ${text}\n`);
  };
}

function keepForLook(directory: LabDirectory, story: readonly string[]): void {
  const kept = join(projectRoot, '.holdfast', 'failed', directory.name);
  // Of a lab that did not come up the logs lie there already.
  if (existsSync(directory.logs)) rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  writeFileSync(join(kept, 'story.txt'), `${story.join('\n')}\n`);
  const wanted = (path: string) =>
    !/\/pki\b|\/secrets\b|key\.pem|\/data\b|\/state\b/.test(path.slice(directory.path.length));
  for (const name of ['logs', 'hosts', 'sites', 'events.ndjson'])
    if (existsSync(join(directory.path, name)))
      cpSync(join(directory.path, name), join(kept, name), { recursive: true, filter: (path) => wanted(path) });
}
