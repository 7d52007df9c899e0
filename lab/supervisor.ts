import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { dirname } from 'node:path';
import type { ProcessTarget } from './fault.ts';
import type { HostSwitches } from './host-switches.ts';
import { LabError } from './lab-error.ts';
import { findLabProcesses, keyMarker, type LabProcess } from './lab-processes.ts';
import { agentKey, controllerKey, type LaunchSpec, loadKey, wardenKey } from './process-spec.ts';
import {
  hostMarker,
  isAlive,
  killTogether,
  labMarker,
  readProcess,
  signalProcess,
  siteMarker,
} from './process-table.ts';
import type { ProcessRegistry } from './processes.ts';
import { groupsMatter, OUTSIDE_NICENESS, putBefore, SchedulerGroups } from './scheduler-groups.ts';
import { readSharedMemory, sharedMemoryOf } from './shared-memory.ts';
import { lastLines, textAfter, waitFor } from './wait.ts';

/** What happened to a process that the lab started. Times in ISO-8601 UTC. */
export type ProcessEvent =
  | { readonly kind: 'starting' | 'ready'; readonly key: string; readonly elapsedMs: number }
  | { readonly kind: 'exited'; readonly key: string; readonly code: number | null; readonly signal: string | null };

export interface Pid {
  readonly pid: number;
  readonly startTicks: number;
}

export interface SupervisorOptions {
  readonly lab: { readonly id: string; readonly directory: string };
  readonly registry: ProcessRegistry;
  readonly hostsBySite: ReadonlyMap<string, readonly string[]>;
  /** Null where signals are all there is. */
  readonly switches: HostSwitches | null;
  readonly onEvent: (event: ProcessEvent) => void;
}

/** What loses power together. */
export type PowerDomain = { readonly site: string } | { readonly host: string };

/**
 * Starts, kills, freezes and restarts the lab's processes as hosts and sites would lose them: a whole group at once, whatever
 * it had started included. Everything it starts is on disk first and carries the lab's marker. It is not the parent that
 * anything depends on: when it dies, its processes go on, and `endLab` finds them.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #specs = new Map<string, LaunchSpec>();
  readonly #children = new Map<string, ChildProcess>();
  readonly #logOffsets = new Map<string, number>();
  readonly #seenSegments = new Set<string>();
  readonly #sharedMemoryTimer: NodeJS.Timeout;
  readonly #groups: SchedulerGroups | null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#sharedMemoryTimer = setInterval(() => void this.#noteSharedMemory().catch(() => {}), 1_000);
    this.#sharedMemoryTimer.unref();
    this.#groups = groupsMatter()
      ? new SchedulerGroups({
          roots: () =>
            [...this.#children].flatMap(([key, { pid, exitCode, signalCode }]) =>
              key !== loadKey && pid !== undefined && exitCode === null && signalCode === null ? [pid] : [],
            ),
          watched: () => this.#lives(loadKey),
        })
      : null;
  }

  /**
   * Starts stage after stage and waits until each process is ready.
   * @throws LabError HF-7002 when one runs already, HF-7005 when one ends first, HF-7006 when one is not ready by its deadline.
   */
  async start(specs: readonly LaunchSpec[]): Promise<void> {
    const running = specs.find((spec) => this.#lives(spec.key));
    if (running !== undefined)
      throw new LabError({
        code: 'HF-7002',
        attempted: `start ${running.key}`,
        found: 'it runs already; nothing was started',
        next: running.key === 'load' ? 'holdfast lab load status, rate or stop' : 'holdfast lab status',
      });
    for (const spec of specs) this.#specs.set(spec.key, spec);
    for (const stage of [...new Set(specs.map((spec) => spec.stage))].sort((left, right) => left - right)) {
      const together = specs.filter((spec) => spec.stage === stage);
      const begun = performance.now();
      await this.#launch(together);
      await Promise.all(
        together.map(async (spec) => {
          await this.#ready(spec);
          this.#options.onEvent({ kind: 'ready', key: spec.key, elapsedMs: performance.now() - begun });
        }),
      );
    }
  }

  /** Every process of the lab that lives, the caller excepted. */
  processes(): readonly LabProcess[] {
    return findLabProcesses(this.#options.lab);
  }

  /** Kills everything of a domain at once and resolves when nothing of it is left. */
  powerOff(domain: PowerDomain): Promise<readonly Pid[]> {
    const { switches, hostsBySite } = this.#options;
    const hosts = 'host' in domain ? [domain.host] : (hostsBySite.get(domain.site) ?? []);
    if (switches !== null) for (const host of hosts) switches.powerOff(host);
    return this.#signalUntil('SIGKILL', () => this.#within(domain));
  }

  /** Starts again what the ground had started there; nothing remembers being active. Resolves when all were spawned. */
  async powerOn(domain: PowerDomain, isPowered: (spec: LaunchSpec) => boolean): Promise<void> {
    const specs = [...this.#specs.values()].filter((spec) => belongs(spec, domain, this.#options.hostsBySite));
    await this.#launch(specs.filter(isPowered).filter((spec) => !this.#lives(spec.key)));
  }

  /** Starts one process again after a kill, if it does not live. @throws LabError HF-7007 when the lab has none of that key. */
  async restart(key: string): Promise<void> {
    const spec = this.#specs.get(key);
    if (spec === undefined)
      throw new LabError({
        code: 'HF-7007',
        attempted: `restart ${key}`,
        found: 'this lab has no process of that key',
        next: `use one of: ${[...this.#specs.keys()].join(', ')}`,
      });
    if (this.#lives(key)) return;
    await this.#launch([spec]);
    await this.#ready(spec);
  }

  /** Stops every process of the target, also what it starts meanwhile; resolves when none of them runs. */
  async freeze(target: ProcessTarget): Promise<readonly Pid[]> {
    const frozen = target.kind === 'host' ? await this.#options.switches?.freeze(target.host) : null;
    if (frozen != null) return this.processes().filter(({ pid }) => frozen.includes(pid));
    return this.#signalUntil('SIGSTOP', () => this.#targets(target).filter(({ state }) => state !== 'T'));
  }

  /** Continues what was stopped, except what another freeze still holds. */
  thaw(stopped: readonly Pid[], target: ProcessTarget, stillFrozen: readonly ProcessTarget[]): void {
    if (target.kind === 'host') {
      const isHeld = stillFrozen.some((other) => other.kind === 'host' && other.host === target.host);
      if (!isHeld && this.#options.switches?.thaw(target.host) === true) return;
    }
    const held = new Set(stillFrozen.flatMap((other) => this.#targets(other).map(({ pid }) => pid)));
    for (const process_ of [...stopped, ...this.#targets(target)])
      if (!held.has(process_.pid)) signalProcess(process_, 'SIGCONT');
  }

  kill(target: ProcessTarget): readonly Pid[] {
    return this.#signal(this.#targets(target), 'SIGKILL');
  }

  close(): void {
    clearInterval(this.#sharedMemoryTimer);
    this.#groups?.close();
  }

  /** Signals what is found until nothing is found any more; the first round before it returns. */
  async #signalUntil(signal: 'SIGKILL' | 'SIGSTOP', find: () => readonly LabProcess[]): Promise<readonly Pid[]> {
    const hit = new Map<number, Pid>();
    const sweep = () => {
      const found = find();
      for (const pid of this.#signal(found, signal)) hit.set(pid.pid, pid);
      return found.length === 0;
    };
    sweep();
    await waitFor(`every process to take ${signal}`, sweep, 10_000);
    return [...hit.values()];
  }

  #signal(processes: readonly LabProcess[], signal: 'SIGKILL' | 'SIGSTOP'): readonly Pid[] {
    const taken =
      signal === 'SIGKILL' ? killTogether(processes) : processes.filter((found) => signalProcess(found, signal));
    return taken.map(({ pid, startTicks }) => ({ pid, startTicks }));
  }

  #targets(target: ProcessTarget): readonly LabProcess[] {
    const all = this.processes();
    const started = (key: string) => {
      const entry = this.#options.registry.entry(key);
      const found = all.filter(({ pid, startTicks }) => pid === entry?.pid && startTicks === entry.startTicks);
      // What only leads to a process has it as its child, and what that started in turn is not meant.
      if (this.#specs.get(key)?.wraps !== true) return found;
      return [...found, ...all.filter(({ parent }) => found.some(({ pid }) => pid === parent))];
    };
    switch (target.kind) {
      case 'instance':
        return all.filter((found) => found.instance === target.instance);
      case 'host':
        return all.filter((found) => found.host === target.host);
      case 'agent':
        return started(agentKey(target.host));
      case 'warden':
        return started(wardenKey(target.host));
      case 'controller':
        return started(controllerKey(target.site));
      case 'process':
        return this.#specs.get(target.key)?.wraps === true
          ? all.filter(({ key }) => key === target.key)
          : started(target.key);
    }
  }

  #within(domain: PowerDomain): readonly LabProcess[] {
    return this.processes().filter((found) => belongs(found, domain, this.#options.hostsBySite));
  }

  #lives(key: string): boolean {
    const entry = this.#options.registry.entry(key);
    return entry !== null && entry.pid !== null && entry.startTicks !== null
      ? isAlive({ pid: entry.pid, startTicks: entry.startTicks })
      : false;
  }

  async #launch(specs: readonly LaunchSpec[]): Promise<void> {
    if (specs.length === 0) return;
    const startedAt = new Date().toISOString();
    const { registry } = this.#options;
    await registry.record(specs.map(({ key }) => ({ key, pid: null, startTicks: null, startedAt })));
    const entries = specs.map((spec) => {
      this.#options.onEvent({ kind: 'starting', key: spec.key, elapsedMs: 0 });
      const pid = this.#spawn(spec).pid ?? null;
      const startTicks = pid === null ? null : (readProcess(pid)?.startTicks ?? null);
      return { key: spec.key, pid, startTicks, startedAt };
    });
    await registry.record(entries);
    this.#groups?.wake();
  }

  #spawn(spec: LaunchSpec): ChildProcess {
    mkdirSync(dirname(spec.logFile), { recursive: true });
    const log = openSync(spec.logFile, 'a', 0o600);
    this.#logOffsets.set(spec.key, fstatSync(log).size);
    try {
      const child = spawn(spec.command, [...spec.args], {
        cwd: spec.cwd,
        env: this.#environment(spec),
        detached: true,
        stdio: ['ignore', log, log],
      });
      child.on('exit', (code, signal) => this.#options.onEvent({ kind: 'exited', key: spec.key, code, signal }));
      child.on('error', () => this.#options.onEvent({ kind: 'exited', key: spec.key, code: null, signal: null }));
      child.unref();
      if (child.pid !== undefined && spec.key === loadKey) putBefore(child.pid, OBSERVER_NICENESS);
      else if (child.pid !== undefined) yieldToObserver(child.pid);
      // What stands outside the platform's hosts does not wait for what these do besides.
      const isOutside = spec.host === null && spec.site === null && spec.key !== loadKey;
      if (child.pid !== undefined && (isOutside || spec.comesFirst === true)) putBefore(child.pid, OUTSIDE_NICENESS);
      this.#children.set(spec.key, child);
      return child;
    } finally {
      closeSync(log);
    }
  }

  #environment(spec: LaunchSpec): NodeJS.ProcessEnv {
    const environment: NodeJS.ProcessEnv = { ...process.env, ...spec.env };
    for (const name of ['NODE_TEST_CONTEXT', 'NODE_V8_COVERAGE', 'NODE_CHANNEL_FD', siteMarker, hostMarker])
      delete environment[name];
    environment[labMarker] = this.#options.lab.id;
    environment[keyMarker] = spec.key;
    if (spec.site !== null) environment[siteMarker] = spec.site;
    if (spec.host !== null) environment[hostMarker] = spec.host;
    return environment;
  }

  async #ready(spec: LaunchSpec): Promise<void> {
    const { ready } = spec;
    if (ready.kind === 'none') return;
    const child = this.#children.get(spec.key);
    const isReady = () =>
      ready.kind === 'tcp'
        ? accepts(ready.address)
        : Promise.resolve(textAfter(spec.logFile, this.#logOffsets.get(spec.key) ?? 0).includes(ready.text));
    const attempted = `start ${spec.key}`;
    const next = `read ${spec.logFile}`;
    const deadline = performance.now() + ready.deadlineMs;
    for (;;) {
      if (await isReady()) return;
      if (child !== undefined && (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)) {
        const found = `it ended (${child.signalCode ?? `exit ${child.exitCode}`}); last lines:\n${lastLines(spec.logFile, 8)}`;
        throw new LabError({ code: 'HF-7005', attempted, found, next });
      }
      if (performance.now() > deadline) {
        const found = `not ready within ${ready.deadlineMs} ms; last lines:\n${lastLines(spec.logFile, 8)}`;
        throw new LabError({ code: 'HF-7006', attempted, found, next });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #noteSharedMemory(): Promise<void> {
    const fresh = readSharedMemory().filter(({ id, creator }) => !this.#seenSegments.has(`${id} ${creator}`));
    if (fresh.length === 0) return;
    for (const { id, creator } of fresh) this.#seenSegments.add(`${id} ${creator}`);
    if (fresh.every(({ creator }) => readProcess(creator) === null)) return;
    await this.#options.registry.recordSharedMemory(sharedMemoryOf(this.processes()).map(({ id }) => id));
  }
}

const PLATFORM_NICENESS = 3;
/** Only root may. Before all that agents raise, themselves and the exchange included. */
const OBSERVER_NICENESS = -20;

/** Three data centres share the processors with the order flow that watches them; its clock is the one that must not be late. */
function yieldToObserver(pid: number): void {
  try {
    setPriority(pid, PLATFORM_NICENESS);
  } catch {
    // It has ended already, or this machine does not let us: the flow says itself how late it was.
  }
}

function belongs(
  what: { readonly site: string | null; readonly host: string | null },
  domain: PowerDomain,
  hostsBySite: ReadonlyMap<string, readonly string[]>,
): boolean {
  if ('host' in domain) return what.host === domain.host;
  return what.site === domain.site || (what.host !== null && (hostsBySite.get(domain.site) ?? []).includes(what.host));
}

function accepts(address: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address.host, port: address.port });
    const finish = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}
