import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { type SchedulingClass, schedulingClasses } from '../../core/topology/topology.ts';

/**
 * What comes first among what comes before other work. What fences, then what detects and decides, sleep mostly and may be real-time.
 * What serves, and what it needs, a database first of all, may work for long at a stretch: it has a larger share, all of it the same, or
 * the part that goes first would starve the part that it waits for.
 */
export type SchedulingRank = 'fences' | 'detects' | 'serves';

/** Round robin, at the lowest real-time priorities there are: above all ordinary work, below every thread of the kernel that matters. */
const realTimePriority: Readonly<Record<SchedulingRank, number | null>> = { fences: 4, detects: 3, serves: null };
/** Some ten times the share of one that is ordinary. */
const RAISED_NICENESS = -10;
const CHANGE_WITHIN_MS = 2000;
/** One change of any session in a tenth of a second is all that the kernel takes from who may not administer the host. */
const SESSION_AGAIN_MS = 110;
const SESSION_WITHIN_MS = 10_000;

/** What the kernel is asked and told about one process. */
export interface SchedulingKernel {
  /** Null: not there, or not to be read. */
  read(file: string): string | null;
  /** @throws where it is not allowed */
  write(file: string, text: string): void;
  /** @throws where it is not allowed */
  setNiceness(pid: number, niceness: number): void;
  /** Null: done; else why not. */
  run(command: string, args: readonly string[]): Promise<string | null>;
}

/**
 * Brings a process before the other work of its host, as far as the kernel allows and no further than `atMost`; resolves with what it
 * has then, null when it is gone. Never fails: what is not allowed stays as it was.
 *
 * - Only its main thread becomes real-time; its helper threads, and whatever it starts later, begin as ordinary
 *   (`SCHED_RESET_ON_FORK`). The kernel keeps a share of each processor for ordinary work.
 * - What is real-time already, because whoever started it said so, is left as it is.
 */
export async function bringBefore(
  pid: number,
  { rank, atMost }: { readonly rank: SchedulingRank; readonly atMost: SchedulingClass },
  kernel: SchedulingKernel = linux,
): Promise<SchedulingClass | null> {
  const has = schedulingOf(pid, kernel);
  if (has === null || !isLess(has, atMost)) return has;
  const priority = realTimePriority[rank];
  if (atMost === 'real-time' && priority !== null) {
    await kernel.run('chrt', ['--reset-on-fork', '--rr', '--pid', String(priority), String(pid)]);
    if (schedulingOf(pid, kernel) === 'real-time') return 'real-time';
  }
  try {
    kernel.setNiceness(pid, RAISED_NICENESS);
  } catch {
    // An ordinary user may not; what is read below says so.
  }
  await raiseSession(pid, kernel);
  return schedulingOf(pid, kernel);
}

/** Processors are shared between sessions first; a session that others live in, too, is not ours to raise. */
async function raiseSession(pid: number, kernel: SchedulingKernel): Promise<void> {
  const until = performance.now() + SESSION_WITHIN_MS;
  while (statOf(pid, kernel)?.session === pid)
    try {
      return kernel.write(`/proc/${pid}/autogroup`, `${RAISED_NICENESS}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > until) return;
      await new Promise((resolve) => setTimeout(resolve, SESSION_AGAIN_MS));
    }
}

/** What the kernel says about its main thread, whoever arranged it; null when there is no such process. */
export function schedulingOf(pid: number, kernel: SchedulingKernel = linux): SchedulingClass | null {
  const stat = statOf(pid, kernel);
  if (stat === null) return null;
  if (stat.policy === SCHED_FIFO || stat.policy === SCHED_RR || stat.policy === SCHED_DEADLINE) return 'real-time';
  const weight = weightOfGroup(pid, kernel);
  if (weight !== null) return weight > ORDINARY_WEIGHT || stat.niceness < 0 ? 'raised' : 'ordinary';
  const session = sessionNiceness(pid, kernel);
  return (session ?? stat.niceness) < 0 ? 'raised' : 'ordinary';
}

export const isLess = (one: SchedulingClass, other: SchedulingClass): boolean =>
  schedulingClasses.indexOf(one) < schedulingClasses.indexOf(other);

const SCHED_FIFO = 1;
const SCHED_RR = 2;
const SCHED_DEADLINE = 6;
const ORDINARY_WEIGHT = 100;

interface Stat {
  readonly session: number;
  readonly niceness: number;
  readonly policy: number;
}

/** proc(5): fields 6, 19 and 41; the command before them may hold spaces and parentheses. */
function statOf(pid: number, kernel: SchedulingKernel): Stat | null {
  const text = kernel.read(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [session, niceness, policy] = [fields?.[3], fields?.[16], fields?.[38]].map(Number);
  return fields === undefined || !Number.isInteger(policy)
    ? null
    : { session: session!, niceness: niceness!, policy: policy! };
}

/** Weight of the control group that the processors are shared between (systemd's `CPUWeight=`); null where there is none but the root. */
function weightOfGroup(pid: number, kernel: SchedulingKernel): number | null {
  const path = /^0::(\/.+)$/m.exec(kernel.read(`/proc/${pid}/cgroup`) ?? '')?.[1];
  const weight = path === undefined ? null : kernel.read(`/sys/fs/cgroup${path}/cpu.weight`);
  return weight === null ? null : Number(weight);
}

/** Niceness of its session, where processors are shared between sessions first; null where they are not. */
function sessionNiceness(pid: number, kernel: SchedulingKernel): number | null {
  if (kernel.read('/proc/sys/kernel/sched_autogroup_enabled')?.trim() !== '1') return null;
  const found = /nice (-?\d+)/.exec(kernel.read(`/proc/${pid}/autogroup`) ?? '')?.[1];
  return found === undefined ? null : Number(found);
}

const linux: SchedulingKernel = {
  read: (file) => {
    try {
      return readFileSync(file, 'latin1');
    } catch {
      return null;
    }
  },
  write: (file, text) => {
    if (existsSync(file)) writeFileSync(file, text);
  },
  setNiceness: (pid, niceness) => setPriority(pid, niceness),
  run: (command, args) => {
    const { promise, resolve } = Promise.withResolvers<string | null>();
    execFile(command, args, { timeout: CHANGE_WITHIN_MS }, (error, _stdout, stderr) =>
      resolve(error === null ? null : stderr.trim() || error.message),
    );
    return promise;
  },
};
