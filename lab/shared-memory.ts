import { execFile } from 'node:child_process';
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ticksPerSecond } from './process-table.ts';

/** A System V shared memory segment, as /proc/sysvipc/shm lists it. PostgreSQL keeps one as a lock on its data directory. */
export interface SharedMemory {
  readonly id: number;
  readonly creator: number;
  readonly attached: number;
  /** Wall clock, whole seconds. */
  readonly createdAtS: number;
}

/** Empty where the kernel has none. */
export function readSharedMemory(): readonly SharedMemory[] {
  let text: string;
  try {
    text = readFileSync('/proc/sysvipc/shm', 'latin1');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length > 6)
    .map((fields) => ({
      id: Number(fields[1]),
      creator: Number(fields[4]),
      attached: Number(fields[6]),
      createdAtS: Number(fields[13]),
    }));
}

/**
 * Segments in use that one of these living processes created. A segment older than the process, or one that nobody is attached
 * to, was created by an earlier process with the same pid: somebody else's.
 */
export function sharedMemoryOf(
  processes: readonly { readonly pid: number; readonly startTicks: number }[],
): readonly SharedMemory[] {
  const startedAtS = new Map(processes.map(({ pid, startTicks }) => [pid, bootedAtS() + startTicks / ticksPerSecond]));
  return readSharedMemory().filter(({ creator, attached, createdAtS }) => {
    const started = startedAtS.get(creator);
    return started !== undefined && attached > 0 && createdAtS >= started - 1;
  });
}

/** What the lock files of stopped database servers in a lab name; their data directories lie at most two levels below an instance. */
export function sharedMemoryOfLockFiles(hostsDirectory: string): readonly number[] {
  const ids: number[] = [];
  const look = (directory: string, depth: number) => {
    for (const entry of readDirectory(directory)) {
      const path = join(directory, entry.name);
      if (entry.name === 'postmaster.pid') ids.push(...segmentInLockFile(path));
      else if (entry.isDirectory() && depth < 4) look(path, depth + 1);
    }
  };
  look(hostsDirectory, 0);
  return ids;
}

function readDirectory(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Seventh line of `postmaster.pid`: key and id. */
function segmentInLockFile(file: string): readonly number[] {
  try {
    const id = Number(readFileSync(file, 'utf8').split('\n')[6]?.trim().split(/\s+/)[1]);
    return Number.isInteger(id) ? [id] : [];
  } catch {
    return [];
  }
}

const bootedAtS = (): number => Date.now() / 1000 - Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);

/** Removes segments that nobody is attached to any more; returns those that are still there afterwards. */
export async function removeSharedMemory(ids: readonly number[]): Promise<readonly number[]> {
  const there = () => readSharedMemory().filter((segment) => ids.includes(segment.id) && segment.attached === 0);
  for (const segment of there()) await run('ipcrm', ['-m', String(segment.id)]);
  return there().map((segment) => segment.id);
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve) => execFile(command, [...args], { timeout: 5_000 }, () => resolve()));
}
