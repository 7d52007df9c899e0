import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { hostMonoMs } from './host-clock.ts';
import {
  childrenOf,
  hasEnvironment,
  isDead,
  listProcesses,
  type ProcEntry,
  readProcess,
  workingDirectory,
} from './proc-entry.ts';

/**
 * Which processes belong together: the root and all descendants, everything in the root's session, everything whose
 * working directory is `directory` (a database server's children leave the session and outlive their parent, but not the
 * directory), everything started with `environment` and, where there is a root, not before it: whoever starts a root makes
 * sure that nothing of an earlier one is left. Zombies do not count; the asking process never does.
 */
export interface TreeSpec {
  readonly root: ProcessName | null;
  /** Real path. A process that has a terminal (a person's shell) is not a member by this. */
  readonly directory: string | null;
  /** `NAME=value`. */
  readonly environment: string | null;
}

/** Names one process for as long as the host is up; a pid alone is used again. */
export interface ProcessName {
  readonly pid: number;
  readonly startTicks: number;
}

export interface TreeLook {
  readonly directoryOf: (pid: number) => string | null;
  readonly environmentOf: (pid: number, assignment: string) => boolean;
  readonly self: number;
}

const linuxLook: TreeLook = { directoryOf: workingDirectory, environmentOf: hasEnvironment, self: process.pid };

/** kthreadd, the parent of the kernel's own threads; where it is not shown (a container) this is a process like any other. */
const KERNEL = 2;

/** The members of a tree among `entries`; pure but for `look`. */
export function selectTree(spec: TreeSpec, entries: readonly ProcEntry[], look: TreeLook = linuxLook): ProcEntry[] {
  const { root, directory, environment } = spec;
  const holderOfRootPid = root === null ? undefined : entries.find((entry) => entry.pid === root.pid);
  // A pid that names another process now is no longer used as a session id of ours either.
  const sessionIsOurs = root !== null && (holderOfRootPid?.startTicks ?? root.startTicks) === root.startTicks;
  const members = new Set<number>();
  const kernelShown = entries.some((entry) => entry.pid === KERNEL && entry.command === 'kthreadd');
  for (const entry of entries) {
    // The kernel's own threads have no directory and no environment; on a small host they are half of everything.
    if (isDead(entry) || (kernelShown && (entry.pid === KERNEL || entry.parentPid === KERNEL))) continue;
    const isRoot = root !== null && entry.pid === root.pid && entry.startTicks === root.startTicks;
    const inSession =
      sessionIsOurs && root !== null && entry.session === root.pid && entry.startTicks >= root.startTicks;
    if (
      isRoot ||
      inSession ||
      (directory !== null && entry.terminal === 0 && look.directoryOf(entry.pid) === directory) ||
      (environment !== null &&
        (root === null || entry.startTicks >= root.startTicks) &&
        look.environmentOf(entry.pid, environment))
    )
      members.add(entry.pid);
  }
  if (sessionIsOurs && root !== null) members.add(root.pid);
  for (let grew = true; grew; ) {
    grew = false;
    for (const entry of entries) {
      if (members.has(entry.pid) || !members.has(entry.parentPid)) continue;
      members.add(entry.pid);
      grew = true;
    }
  }
  return entries.filter(
    (entry) => members.has(entry.pid) && entry.pid !== look.self && entry.pid > 1 && !isDead(entry),
  );
}

/** Members at this moment. */
export const findTree = (spec: TreeSpec): ProcEntry[] => selectTree(spec, listProcesses());

/** Who was looked at, a moment ago, and found to be no member. */
interface Strangers {
  readonly pids: ReadonlySet<number>;
  readonly atMs: number;
}

/** The kernel gives a pid out again only after all others; to start that many processes takes seconds. */
const PID_NOT_REUSED_WITHIN_MS = 50;

/** Still the same process, and not a zombie. */
export function isAlive(name: ProcessName): boolean {
  const entry = readProcess(name.pid);
  return entry !== null && entry.startTicks === name.startTicks && !isDead(entry);
}

/** Sends a signal to exactly this process; false when it is gone already. */
export function signalProcess(name: ProcessName, signal: NodeJS.Signals): boolean {
  const entry = readProcess(name.pid);
  if (entry === null || entry.startTicks !== name.startTicks) return false;
  try {
    process.kill(name.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * One synchronous blow: the root is stopped first, so that it cannot fork, then every member gets SIGKILL, the root last.
 * Returns who was struck; nobody = the tree was empty. Nothing is waited for.
 */
export const strikeTree = (spec: TreeSpec): readonly ProcessName[] => strike(spec, null).struck;

/**
 * @param before of the last look. Who was a stranger then is one still: what a member starts has its directory, environment and
 *   session from the beginning. So only who has come since is looked at, which is what a second look is for.
 */
function strike(spec: TreeSpec, before: Strangers | null) {
  const atMs = hostMonoMs();
  const known = before !== null && atMs - before.atMs < PID_NOT_REUSED_WITHIN_MS ? before.pids : nobody;
  const struck = new Map<number, ProcessName>();
  if (spec.root !== null && signalProcess(spec.root, 'SIGSTOP')) {
    hurry(spec.root.pid);
    // One read, where the look at all processes takes longer.
    for (const pid of childrenOf(spec.root.pid)) {
      const child = readProcess(pid);
      if (child !== null && !isDead(child) && signalProcess(child, 'SIGKILL')) struck.set(pid, child);
      hurry(pid);
    }
  }
  const entries = listProcesses(known);
  const members = selectTree(spec, entries);
  for (const member of members) {
    struck.set(member.pid, member);
    if (member.pid !== spec.root?.pid) signalProcess(member, 'SIGKILL');
  }
  if (spec.root !== null) signalProcess(spec.root, 'SIGKILL');
  const pids = new Set(known);
  if (members.length === 0) for (const { pid } of entries) pids.add(pid);
  return { struck: [...struck.values()], strangers: { pids, atMs } };
}

const FIRST_NICENESS = -20;

/**
 * Lets every thread of a stopped process go first, so that it dies soon: each one has to run to end, and on a busy machine the least
 * of them is waited for (measured on a busy machine: 26 to 356 ms without, 13 to 69 with). The kernel takes a dying thread out of the share that its process
 * had, so nothing but its own niceness counts. Best effort: an ordinary user may not.
 */
export function hurry(pid: number): void {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), FIRST_NICENESS);
  } catch {
    // Not permitted, or it has ended.
  }
}

const nobody: ReadonlySet<number> = new Set();

export interface TreeDeath {
  /** Seen empty twice in a row, after the last kill. False at the deadline: it may still be alive. */
  readonly treeEmpty: boolean;
  readonly killed: number;
  readonly elapsedMs: number;
  readonly remainingPids: readonly number[];
}

/**
 * Strikes until two looks in a row find nobody and everybody struck is dead, or the deadline. Works on stopped processes
 * too. A dying process leaves its directory before it is dead, so not being found is not enough.
 */
export async function killTree(spec: TreeSpec, options: { readonly deadlineMs: number }): Promise<TreeDeath> {
  const startedMs = hostMonoMs();
  const struck = new Map<string, ProcessName>();
  let emptyLooks = 0;
  let strangers: Strangers | null = null;
  for (;;) {
    const look = strike(spec, strangers);
    const found = look.struck;
    strangers = look.strangers;
    for (const { pid, startTicks } of found) struck.set(`${pid}/${startTicks}`, { pid, startTicks });
    const alive = [...struck.values()].filter(isAlive);
    emptyLooks = found.length === 0 && alive.length === 0 ? emptyLooks + 1 : 0;
    const elapsedMs = hostMonoMs() - startedMs;
    const seen = { killed: struck.size, elapsedMs, remainingPids: alive.map((name) => name.pid) };
    if (emptyLooks >= 2) return { treeEmpty: true, ...seen };
    if (elapsedMs >= options.deadlineMs) return { treeEmpty: false, ...seen };
    if (alive.length > 0) await delay(Math.min(25, Math.max(3, elapsedMs / 4)));
  }
}
