import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One living process as /proc shows it. `pid` together with `startTicks` names it for good; a pid alone is reused. */
export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly startTicks: number;
  /** `T` stopped, `Z` dead but not yet waited for, as ps shows it. */
  readonly state: string;
  readonly cpuMs: number;
  readonly hasTerminal: boolean;
}

/** Marks every process of a lab, inherited by whatever it starts. */
export const labMarker = 'HOLDFAST_LAB';
export const siteMarker = 'HOLDFAST_SITE';
export const hostMarker = 'HOLDFAST_HOST';
/** Set by whoever starts an instance, so that faults can be aimed at it. */
export const instanceMarker = 'HOLDFAST_INSTANCE';

/** Unit of `startTicks` and of processor time in /proc, the same on every Linux. */
export const ticksPerSecond = 100;

/** Null when there is no such process, or it is only waiting to be reaped. */
export function readProcess(pid: number): RunningProcess | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0]!;
  if (state === 'Z' || state === 'X') return null;
  return {
    pid,
    parent: Number(fields[1]),
    startTicks: Number(fields[19]),
    state,
    cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond,
    hasTerminal: fields[4] !== '0',
  };
}

export function isAlive(process: { readonly pid: number; readonly startTicks: number }): boolean {
  return readProcess(process.pid)?.startTicks === process.startTicks;
}

/** Every living process that may be looked at. */
export function readProcesses(): ReadonlyMap<number, RunningProcess> {
  const processes = new Map<number, RunningProcess>();
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const found = readProcess(Number(name));
    if (found !== null) processes.set(found.pid, found);
  }
  return processes;
}

/** Null when it may not be read or has been overwritten by the process (PostgreSQL's backends write their title over it). */
export function readEnvironment(pid: number): ReadonlyMap<string, string> | null {
  const text = readText(`/proc/${pid}/environ`);
  if (text === null) return null;
  const entries = text.split('\0').filter((entry) => /^[A-Za-z_][A-Za-z0-9_]*=/.test(entry));
  if (entries.length === 0) return null;
  return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));
}

export function readArguments(pid: number): readonly string[] {
  return Buffer.from(readText(`/proc/${pid}/cmdline`) ?? '', 'latin1')
    .toString('utf8')
    .split('\0')
    .filter((argument) => argument !== '');
}

export function readDirectoryOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

/** Proportional share of memory in bytes: sums over processes without counting shared pages twice. */
export function readMemoryBytes(pid: number): number | null {
  const match = /^Pss:\s+([0-9]+) kB$/m.exec(readText(`/proc/${pid}/smaps_rollup`) ?? '');
  return match === null ? null : Number(match[1]) * 1024;
}

/** Sends a signal to exactly this process; false when it is gone. */
export function signalProcess(
  process_: { readonly pid: number; readonly startTicks: number },
  signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM',
): boolean {
  if (!isAlive(process_)) return false;
  try {
    process.kill(process_.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Kills all of them as a loss of power does: none lives to see another one gone, to take its leave or to start it again. Returns those
 * that were there.
 */
export function killTogether<Process extends { readonly pid: number; readonly startTicks: number }>(
  processes: readonly Process[],
): readonly Process[] {
  if (processes.length > 1) for (const each of processes) signalProcess(each, 'SIGSTOP');
  return processes.filter((each) => signalProcess(each, 'SIGKILL'));
}

/** The given processes and everything they started, as far as parents still link them. */
export function withDescendants(
  processes: ReadonlyMap<number, RunningProcess>,
  roots: Iterable<number>,
): ReadonlySet<number> {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of processes.values()) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found = new Set<number>();
  const open = [...roots];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    if (found.has(pid) || !processes.has(pid)) continue;
    found.add(pid);
    open.push(...(children.get(pid) ?? []));
  }
  return found;
}

/** Which process listens there, as far as /proc tells; null when it cannot be found (another user's, or none). */
export function listenerOf(address: { readonly host: string; readonly port: number }): number | null {
  const inode = [...readListeners()].find(
    (socket) => socket.port === address.port && (socket.host === address.host || socket.host === '0.0.0.0'),
  )?.inode;
  if (inode === undefined) return null;
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      for (const fd of readdirSync(`/proc/${name}/fd`))
        if (readlinkSync(`/proc/${name}/fd/${fd}`) === `socket:[${inode}]`) return Number(name);
    } catch {
      // Not ours to look into, or gone meanwhile.
    }
  }
  return null;
}

/** Listening TCP sockets of this network namespace. A listener on every address has host `0.0.0.0`. */
export function readListeners(): readonly { readonly host: string; readonly port: number; readonly inode: string }[] {
  const listeners: { host: string; port: number; inode: string }[] = [];
  for (const [file, isV6] of [
    ['/proc/net/tcp', false],
    ['/proc/net/tcp6', true],
  ] as const)
    for (const line of (readText(file) ?? '').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] !== '0A') continue;
      const [hex, port] = fields[1]!.split(':');
      const host = isV6
        ? /^0+$/.test(hex!)
          ? '0.0.0.0'
          : '::'
        : (hex!.match(/../g) ?? [])
            .reverse()
            .map((byte) => Number.parseInt(byte, 16))
            .join('.');
      listeners.push({ host, port: Number.parseInt(port!, 16), inode: fields[9]! });
    }
  return listeners;
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return null;
  }
}
