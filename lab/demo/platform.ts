import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { SiteId } from '../../src/core/base/ids.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import { HoldfastClient } from '../../src/wire/client.ts';
import type { HistoryEntry, OperatorAnswer, OperatorRequest } from '../../src/wire/operator-api.ts';
import { readTlsFiles } from '../../src/wire/peer-identity.ts';
import { firmAt } from '../agent-config.ts';
import { type LabName, labBreak, labContext, labHeal, labLoad, labStart, labStatus } from '../cli.ts';
import { type LabContext, planLoad } from '../configs.ts';
import type { Fault } from '../fault.ts';
import type { FaultReport } from '../ground.ts';
import { LabError } from '../lab-error.ts';
import { siteEndpoint } from '../layout.ts';
import type { LabUsage } from '../usage.ts';
import type { GroupView, StatusView } from './status-view.ts';

/** What the order flow saw of one fault (`trading/load/fault-window.ts`), as far as the lab needs it. */
export interface FlowReport {
  readonly state: string;
  readonly outageMs: number | null;
  readonly lastSuccessAt: string | null;
  readonly firstSuccessAt: string | null;
  readonly commitState: string;
  readonly commitOutageMs: number | null;
  readonly ordersSent: number;
  readonly ordersAcked: number;
  readonly cancelsSent: number;
  readonly cancelsAcked: number;
  readonly ordersUnknown: number;
  readonly ordersResolvedAcked: number;
  readonly ordersResolvedAbsent: number;
  readonly commitsAcked: number;
  /** How exactly the sender could see: at the two ends of the outage, and its longest stall anywhere since the mark. */
  readonly resolution: { readonly atEdgesMs: number; readonly longestMs: number };
  readonly weakened: readonly string[];
}

/** What the two-way check found (`trading/load/verification.ts`). */
export interface Verification {
  readonly verdict: 'met' | 'missed' | 'inconclusive';
  readonly reasons: readonly string[];
  readonly elapsedMs: number;
  readonly ordersAcked: number | null;
  readonly commitsAcked: number | null;
  readonly staleWritesAccepted: number | null;
  readonly [list: string]: unknown;
}

type ControllerStatus = StatusView & {
  readonly controller: { readonly id: string; readonly leading: boolean };
  readonly authority: { readonly heardMsAgo: number | null };
};

const LEADER_ANSWERS_WITHIN_MS = 1000;
const FLOWING_ORDERS = 1000;
const FLOWING_COMMITS = 50;
/** A look costs the leading controller some milliseconds, also while it is taking over. */
const LOOK_EVERY_MS = 200;

/** One lab's platform from outside: asked through the operators' API, hurt through the ground, watched by the order flow. */
export class Platform {
  readonly lab: LabName;
  readonly topology: Topology;
  readonly context: LabContext;
  readonly #clients = new Map<string, HoldfastClient>();
  #leaderSeen: SiteId | null = null;

  constructor(lab: LabName, topology: Topology) {
    this.lab = lab;
    this.topology = topology;
    this.context = labContext(lab, topology);
  }

  /** Asks as one of the lab's people: `Olivia Observer`, `Omar Operator`, `Ada Approver`, `Adam Admin`. */
  ask(person: string, request: OperatorRequest, deadlineMs = 8000): Promise<OperatorAnswer> {
    return this.#client(person, deadlineMs).ask(request, { deadlineMs });
  }

  /** Who led at the last look; null = nobody was known to. */
  get leaderSeen(): SiteId | null {
    return this.#leaderSeen;
  }

  /** As {@link group}, asked first of whoever led at the last look: a controller that is dark makes nobody wait. */
  async groupOfLeader(): Promise<GroupView> {
    if (this.#leaderSeen !== null) {
      const led = await this.#client('Olivia Observer')
        .ask({ kind: 'status' }, { deadlineMs: LEADER_ANSWERS_WITHIN_MS, only: this.#leaderSeen })
        .catch(() => null);
      const status = led?.kind === 'ok' ? (led.result as unknown as ControllerStatus) : null;
      // Whoever has not heard the authority for two renewals may take a leadership for its own that has passed to another.
      const heardMsAgo = status?.authority.heardMsAgo ?? Number.POSITIVE_INFINITY;
      if (status?.controller.leading === true && heardMsAgo < 2 * this.topology.timing.leaderRenewEveryMs)
        return status.groups[0]!;
    }
    return this.group();
  }

  /** What one controller heard of the runs' journal after its entry of this number, oldest first. */
  journal(controller: SiteId, after: number): Promise<readonly HistoryEntry[]> {
    return this.#client('Olivia Observer').history({ controller, after, prefix: 'journal/' });
  }

  #client(person: string, deadlineMs = 8000): HoldfastClient {
    let client = this.#clients.get(person);
    if (!client) {
      const { book, pki } = this.context;
      client = new HoldfastClient({
        controllers: this.topology.sites
          .filter((site) => site.voter)
          .map((site) => ({ id: site.id, ...book.operatorAddress(siteEndpoint(site.id, 'controller-api')) })),
        identity: readTlsFiles(pki.identity(`operator/${person}`)),
        deadlineMs,
      });
      this.#clients.set(person, client);
    }
    return client;
  }

  /** As {@link ask}, but a refusal is an error that says what was found. */
  async demand(person: string, request: OperatorRequest, deadlineMs = 8000): Promise<unknown> {
    const answer = await this.ask(person, request, deadlineMs);
    if (answer.kind === 'ok') return answer.result;
    const [found, next] =
      answer.kind === 'refused'
        ? [`${answer.code} ${answer.found}`, answer.next]
        : ['no controller leads', 'holdfast status'];
    throw new LabError({ code: 'HF-7020', attempted: `${person}: ${request.kind}`, found, next });
  }

  /** The group as the leading controller sees it; from any other one what it shows is older, so that one is not taken. */
  async group(): Promise<GroupView> {
    const { result } = (await this.ask('Olivia Observer', { kind: 'status' })) as { result: unknown };
    const status = result as ControllerStatus;
    this.#leaderSeen = (status.leader?.controller ?? null) as SiteId | null;
    if (status.controller.leading || status.leader === null) return status.groups[0]!;
    const led = await this.#client('Olivia Observer')
      .ask({ kind: 'status' }, { deadlineMs: 2000, only: status.leader.controller })
      .catch(() => null);
    return led?.kind === 'ok' ? (led.result as unknown as StatusView).groups[0]! : status.groups[0]!;
  }

  /**
   * Looks until `isSo` answers null; what it answers meanwhile says what is missing.
   * @throws LabError HF-7021 when it is not so by the deadline, naming what was missing last
   */
  async until(
    what: string,
    isSo: (group: GroupView) => string | null,
    deadlineMs: number,
    waiting: (missing: string) => void = () => {},
  ): Promise<GroupView> {
    const deadline = performance.now() + deadlineMs;
    let missing = 'no answer yet';
    for (;;) {
      const group = await this.group().catch((error: unknown) => {
        missing = error instanceof Error ? error.message : String(error);
        return null;
      });
      if (group !== null) {
        const found = isSo(group);
        if (found === null) return group;
        missing = found;
        waiting(found);
      }
      if (performance.now() > deadline)
        throw new LabError({
          code: 'HF-7021',
          attempted: `wait until ${what}`,
          found: `after ${deadlineMs / 1000} s: ${missing}`,
          next: 'look at the logs of the lab: they stay until it is brought down',
        });
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async startFlow(ratePerSecond: number): Promise<void> {
    await labStart(this.lab, this.topology, (context) => {
      const spec = planLoad(context, { ratePerSecond });
      const venue = this.topology.venues[0];
      const at = venue ? context.book.realAddress(`venue/${venue.id}/session`) : null;
      const content = {
        ...(spec.config!.content as object),
        venue: at === null ? null : { ...at, ...firmAt(venue!.sessions) },
      };
      return [{ ...spec, config: { file: spec.config!.file, content } }];
    });
  }

  async mark(name: string): Promise<void> {
    await labLoad(this.lab, this.topology, { method: 'mark', params: { name }, deadlineMs: 3000 });
  }

  async flow(name: string): Promise<FlowReport> {
    return (await labLoad(this.lab, this.topology, {
      method: 'report',
      params: { name },
      deadlineMs: 3000,
    })) as FlowReport;
  }

  /** Waits until so many orders, and some commits, have been acknowledged: an outage can only be seen against that. */
  async flowing(name: string, deadlineMs: number, orders = FLOWING_ORDERS): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const { ordersAcked, commitsAcked } = await this.flow(name);
      if (ordersAcked >= orders && commitsAcked >= FLOWING_COMMITS) return;
      if (performance.now() > deadline)
        throw new LabError({
          code: 'HF-7021',
          attempted: 'wait until orders flow',
          found: `${ordersAcked} orders and ${commitsAcked} commits acknowledged after ${deadlineMs / 1000} s`,
          next: 'look at the logs of the lab',
        });
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** Waits until what the order flow saw of a mark is settled: an outage that is over, or none. */
  async settledFlow(name: string, deadlineMs: number): Promise<FlowReport> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const report = await this.flow(name);
      if (![report.state, report.commitState].some((state) => state === 'settling' || state === 'ongoing'))
        return report;
      if (performance.now() > deadline) return report;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }

  break(fault: Fault, expiresInMs: number | null): Promise<FaultReport> {
    return labBreak(this.lab, fault, expiresInMs);
  }

  heal(id: string): Promise<readonly FaultReport[]> {
    return labHeal(this.lab, id);
  }

  async usage(): Promise<LabUsage> {
    return (await labStatus(this.lab, { measure: false })).usage;
  }

  /**
   * Ledgers against engine, exchange and database, both ways, by a process that shares nothing with the platform.
   * @throws LabError HF-7022 also when it takes longer than this
   */
  verify(withinMs = 60_000): Promise<Verification> {
    const { directory, machines } = this.context;
    const command = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(directory.root, 'trading/load/verify.ts'),
      join(directory.outside('load'), 'config.json'),
    ];
    // Where the order flow is: its configuration says what is dialled from there.
    const [program, ...args] = machines === undefined ? command : machines.amongClients(command);
    return new Promise((resolve, reject) => {
      execFile(program!, args, { timeout: withinMs, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        try {
          resolve(JSON.parse(stdout) as Verification);
        } catch {
          reject(
            new LabError({
              code: 'HF-7022',
              attempted: 'compare the ledgers with the platform',
              found: stderr.trim() || String(error),
              next: 'see docs/guide/loopback-lab.md, "When the comparison fails"',
            }),
          );
        }
      });
    });
  }
}
