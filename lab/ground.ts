import { join } from 'node:path';
import type { SiteId } from '../src/core/base/ids.ts';
import type { Topology } from '../src/core/topology/topology.ts';
import { AuthorityCopy } from './authority-copy.ts';
import { type ActiveFault, checkFault, type Fault, faultWords, type PowerFault, type ProcessTarget } from './fault.ts';
import type { GroundNetwork, MeasureOptions } from './ground-network.ts';
import type { HostSwitches } from './host-switches.ts';
import { LabError, messageOf } from './lab-error.ts';
import type { LinkMeasurement } from './net/measure-link.ts';
import type { LinkReport, PathReport } from './net/network.ts';
import type { LaunchSpec } from './process-spec.ts';
import { isAlive } from './process-table.ts';
import { ProcessRegistry } from './processes.ts';
import { type Pid, type PowerDomain, type ProcessEvent, Supervisor } from './supervisor.ts';
import { type LabUsage, measureUsage } from './usage.ts';

export interface GroundOptions {
  readonly topology: Topology;
  readonly network: GroundNetwork;
  /** Null where hosts are only groups of processes. */
  readonly switches: HostSwitches | null;
  readonly lab: { readonly id: string; readonly directory: string };
  readonly registryFile: string;
  readonly onEvent: (event: GroundEvent) => void;
}

export type GroundEvent =
  | ProcessEvent
  | { readonly kind: 'broken' | 'healed'; readonly fault: FaultReport; readonly cause: 'asked' | 'expired' }
  /** A fault expired and something of it could not be undone. */
  | { readonly kind: 'problem'; readonly fault: string; readonly reason: string };

/** A fault as people and reports see it. Wall-clock milliseconds with fractions. */
export interface FaultReport {
  readonly id: string;
  readonly fault: Fault;
  /** Its network part was in force. */
  readonly startedAt: number;
  /** Every process it hits had been signalled. */
  readonly effectiveAt: number;
  /** Heals by itself then; null for a kill, which is over at once. */
  readonly expiresAt: number | null;
  readonly pids: readonly number[];
}

export interface GroundState {
  readonly lab: string;
  readonly faults: readonly FaultReport[];
  readonly links: readonly LinkReport[];
  readonly paths: readonly PathReport[];
  readonly authorityReachableFrom: readonly SiteId[];
  readonly processes: readonly { readonly key: string; readonly pid: number | null; readonly alive: boolean }[];
  readonly connections: number;
}

interface Held {
  readonly active: ActiveFault;
  report: FaultReport;
  readonly timer: NodeJS.Timeout;
  stopped: readonly Pid[];
}

/**
 * What the sites of one lab stand on: its network, its power and its processes. Owns every fault and the timer that ends it, so
 * that a fault ends although whoever caused it is gone. A fault of power cuts the network first and kills second, in one
 * turn: nobody hears the dying processes say goodbye.
 */
export class Ground {
  readonly network: GroundNetwork;
  readonly supervisor: Supervisor;
  readonly #options: GroundOptions;
  readonly #authority: AuthorityCopy;
  readonly #registry: ProcessRegistry;
  readonly #faults = new Map<string, Held>();
  #sequence = 0;
  /** What looking at itself and the lab has cost so far. */
  #lookingCpuMs = 0;
  /** Changes of power happen one after another. */
  #power: Promise<void> = Promise.resolve();

  constructor(options: GroundOptions) {
    this.#options = options;
    const { topology, lab } = options;
    this.network = options.network;
    this.#registry = new ProcessRegistry(options.registryFile, lab.id);
    this.supervisor = new Supervisor({
      lab,
      registry: this.#registry,
      hostsBySite: new Map(
        topology.sites.map((site) => [
          site.id,
          topology.hosts.filter((host) => host.site === site.id).map((h) => h.id),
        ]),
      ),
      switches: options.switches,
      onEvent: options.onEvent,
    });
    this.#authority = new AuthorityCopy(join(lab.directory, 'outside', 'authority'), this.supervisor);
  }

  /** For a later `authority-restored`. */
  copyAuthority(): Promise<{ readonly bytes: number }> {
    return this.#authority.take();
  }

  get registry(): ProcessRegistry {
    return this.#registry;
  }

  start(specs: readonly LaunchSpec[]): Promise<void> {
    return this.supervisor.start(specs);
  }

  restart(key: string): Promise<void> {
    return this.supervisor.restart(key);
  }

  /**
   * Resolves when the fault is in force: paths cut, processes stopped or gone.
   * @throws LabError HF-7007
   */
  async break(fault: Fault, expiresInMs: number | null): Promise<FaultReport> {
    checkFault(this.#options.topology, fault, expiresInMs, this.network.machines);
    const id = `fault-${++this.#sequence}`;
    const startedAt = wallMs();
    if (fault.kind === 'kill' || fault.kind === 'authority-restored') {
      const pids =
        fault.kind === 'kill'
          ? this.supervisor.kill(fault.target).map(({ pid }) => pid)
          : await this.#authority.restore();
      if (fault.kind === 'kill' && pids.length === 0) this.#refuseEmpty(fault);
      const report = { id, fault, startedAt, effectiveAt: wallMs(), expiresAt: null, pids };
      this.#options.onEvent({ kind: 'broken', fault: report, cause: 'asked' });
      return report;
    }
    const lastsMs = expiresInMs!;
    const now = performance.now();
    const held: Held = {
      active: { id, fault, startedAt: now, expiresAt: now + lastsMs },
      report: { id, fault, startedAt, effectiveAt: startedAt, expiresAt: startedAt + lastsMs, pids: [] },
      timer: setTimeout(() => void this.#expire(id), lastsMs),
      stopped: [],
    };
    this.#faults.set(id, held);
    await this.#intoForce(id);
    held.report = { ...held.report, startedAt: wallMs(), effectiveAt: wallMs() };
    if (fault.kind === 'freeze') held.stopped = await this.#freeze(id, fault.target);
    const killed =
      isPowerFault(fault) && this.#faults.has(id)
        ? await this.#inPowerOrder(() => this.supervisor.powerOff(domainOf(fault)))
        : [];
    const pids = [...held.stopped, ...killed].map(({ pid }) => pid);
    if (fault.kind === 'freeze' && pids.length === 0) {
      await this.#end(id, 'asked');
      this.#refuseEmpty(fault);
    }
    held.report = { ...held.report, effectiveAt: wallMs(), pids };
    this.#options.onEvent({ kind: 'broken', fault: held.report, cause: 'asked' });
    return held.report;
  }

  /** Ends one fault, or all of them; returns those that were in force. Resolves when stopped processes run again. */
  async heal(which: string | 'all'): Promise<readonly FaultReport[]> {
    const ids = which === 'all' ? [...this.#faults.keys()] : [which];
    const healed: FaultReport[] = [];
    for (const id of ids) {
      const report = await this.#end(id, 'asked');
      if (report !== null) healed.push(report);
    }
    if (which !== 'all' && healed.length === 0)
      throw new LabError({
        code: 'HF-7007',
        attempted: `heal ${which}`,
        found: 'no such fault is in force; it may have expired',
        next: `in force: ${[...this.#faults.keys()].join(', ') || 'none'}`,
      });
    return healed;
  }

  async state(): Promise<GroundState> {
    const [links, paths] = [await this.network.links(), await this.network.paths()];
    return this.#looking(() => ({ links, paths, ...this.#state() }));
  }

  #state(): Omit<GroundState, 'links' | 'paths'> {
    return {
      lab: this.#options.lab.id,
      faults: [...this.#faults.values()].map(({ report }) => report),
      authorityReachableFrom: this.#options.topology.sites
        .map((site) => site.id)
        .filter((site) => this.network.reachesAuthority(site)),
      processes: this.#registry.entries.map(({ key, pid, startTicks }) => ({
        key,
        pid,
        alive: pid !== null && startTicks !== null && isAlive({ pid, startTicks }),
      })),
      connections: this.network.connections,
    };
  }

  measure(options: MeasureOptions): Promise<readonly LinkMeasurement[]> {
    return this.network.measure(options);
  }

  usage(): Promise<LabUsage> {
    const ownCpuMs = cpuMsOf(process.cpuUsage()) - this.#lookingCpuMs;
    const processes = this.#looking(() => this.supervisor.processes());
    return measureUsage(processes, this.#registry.entries, ownCpuMs, (read) => this.#looking(read));
  }

  #looking<Seen>(look: () => Seen): Seen {
    const before = process.cpuUsage();
    try {
      return look();
    } finally {
      this.#lookingCpuMs += cpuMsOf(process.cpuUsage(before));
    }
  }

  close(): void {
    for (const { timer } of this.#faults.values()) clearTimeout(timer);
    this.supervisor.close();
    this.network.close();
  }

  async #end(id: string, cause: 'asked' | 'expired'): Promise<FaultReport | null> {
    const held = this.#faults.get(id);
    if (held === undefined) return null;
    clearTimeout(held.timer);
    this.#faults.delete(id);
    const { fault } = held.active;
    if (fault.kind === 'freeze') this.supervisor.thaw(held.stopped, fault.target, this.#frozenTargets());
    await this.#refreshNetwork();
    if (isPowerFault(fault))
      await this.#inPowerOrder(() => this.supervisor.powerOn(domainOf(fault), (spec) => this.#isPowered(spec)));
    this.#options.onEvent({ kind: 'healed', fault: held.report, cause });
    return held.report;
  }

  async #expire(id: string): Promise<void> {
    try {
      await this.#end(id, 'expired');
    } catch (error) {
      this.#options.onEvent({ kind: 'problem', fault: id, reason: messageOf(error) });
    }
  }

  /** A fault may end while it is still taking hold; then nothing stays stopped. */
  async #freeze(id: string, target: ProcessTarget): Promise<readonly Pid[]> {
    const stopped = await this.supervisor.freeze(target);
    if (!this.#faults.has(id)) this.supervisor.thaw(stopped, target, this.#frozenTargets());
    return stopped;
  }

  /** A fault that the network cannot bring about is not in force afterwards. */
  async #intoForce(id: string): Promise<void> {
    try {
      await this.#refreshNetwork();
    } catch (error) {
      await this.#end(id, 'asked').catch(() => {});
      throw error;
    }
  }

  async #refreshNetwork(): Promise<void> {
    await this.network.setFaults([...this.#faults.values()].map(({ active }) => active));
  }

  #inPowerOrder<Value>(change: () => Promise<Value>): Promise<Value> {
    const done = this.#power.then(change);
    this.#power = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  #frozenTargets(): readonly ProcessTarget[] {
    return [...this.#faults.values()].flatMap(({ active }) =>
      active.fault.kind === 'freeze' ? [active.fault.target] : [],
    );
  }

  #isPowered(spec: LaunchSpec): boolean {
    const siteOfHost = this.#options.topology.hosts.find((host) => host.id === spec.host)?.site ?? null;
    return ![...this.#faults.values()].some(
      ({ active: { fault } }) =>
        (fault.kind === 'host-power-off' && fault.host === spec.host) ||
        (fault.kind === 'site-power-off' && (fault.site === spec.site || fault.site === siteOfHost)),
    );
  }

  #refuseEmpty(fault: Fault): never {
    throw new LabError({
      code: 'HF-7007',
      attempted: `break ${faultWords(fault)}`,
      found: `no living process matches ${JSON.stringify('target' in fault ? fault.target : fault)}`,
      next: '"holdfast lab status" lists what runs',
    });
  }
}

const isPowerFault = (fault: Fault): fault is PowerFault =>
  fault.kind === 'host-power-off' || fault.kind === 'site-power-off';

const domainOf = (fault: PowerFault): PowerDomain =>
  fault.kind === 'host-power-off' ? { host: fault.host } : { site: fault.site };

const wallMs = (): number => performance.timeOrigin + performance.now();

const cpuMsOf = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;
