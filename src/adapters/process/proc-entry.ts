import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';

/** One process as /proc/PID/stat shows it (Linux, proc(5)). */
export interface ProcEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly session: number;
  /** Kernel state letter: R S D T t Z X I … */
  readonly state: string;
  /** Clock ticks from boot to its start; with the pid it names one process for as long as the host is up. */
  readonly startTicks: number;
  /** 0 = no controlling terminal. */
  readonly terminal: number;
  readonly command: string;
}

/** Parses the text of /proc/PID/stat; null when it is not one. The command may itself contain spaces and parentheses. */
export function parseProcStat(text: string): ProcEntry | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const pid = Number(text.slice(0, open));
  const fields = text.slice(close + 2).split(' ');
  const entry: ProcEntry = {
    pid,
    command: text.slice(open + 1, close),
    state: fields[0] ?? '?',
    parentPid: Number(fields[1]),
    session: Number(fields[3]),
    terminal: Number(fields[4]),
    startTicks: Number(fields[19]),
  };
  return Number.isInteger(pid) && Number.isInteger(entry.startTicks) ? entry : null;
}

/** The process with this pid now, also as a zombie; null when there is none. */
export function readProcess(pid: number): ProcEntry | null {
  try {
    const file = openSync(`/proc/${pid}/stat`, 'r');
    try {
      // One line, read at once; a look at all processes is hundreds of these.
      const bytes = readSync(file, statLine, 0, statLine.length, null);
      return parseProcStat(statLine.toString('latin1', 0, bytes));
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

const nobody: ReadonlySet<number> = new Set();
const statLine = Buffer.allocUnsafeSlow(4096);

/** Every process that this one may see, but `without`. Not atomic: who forks during the listing may be missed. */
export function listProcesses(without: ReadonlySet<number> = nobody): ProcEntry[] {
  const entries: ProcEntry[] = [];
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0);
    if (first < 48 || first > 57) continue;
    const pid = Number(name);
    if (without.has(pid)) continue;
    const entry = readProcess(pid);
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

/** An entry that cannot be read proves nothing (no descriptor was left, for example): the kernel is asked. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** As `listProcesses`, and null where one that is there could not be read. */
export function listEveryProcess(): ProcEntry[] | null {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const entries = pids.map((pid) => readProcess(pid) ?? (isGone(pid) ? undefined : null));
  return entries.includes(null) ? null : entries.filter((entry) => entry != null);
}

/** Direct children, by one read; empty where the kernel does not list them (CONFIG_PROC_CHILDREN). */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Dead, waiting to be reaped: executes nothing any more. */
export const isDead = (entry: ProcEntry): boolean => entry.state === 'Z' || entry.state === 'X' || entry.state === 'x';

/** Stopped by a signal or a tracer: exists and is silent. */
export const isStopped = (entry: ProcEntry): boolean => entry.state === 'T' || entry.state === 't';

/** Its working directory; null when it is gone, a zombie, or not ours to look at. */
export function workingDirectory(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

/** Whether its environment at exec held `NAME=value`. Servers that overwrite it for their title (PostgreSQL) say no. */
export function hasEnvironment(pid: number, assignment: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`.includes(`\0${assignment}\0`);
  } catch {
    return false;
  }
}
