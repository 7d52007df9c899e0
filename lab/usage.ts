import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LabProcess } from './lab-processes.ts';
import { readMemoryBytes } from './process-table.ts';
import type { ProcessEntry } from './processes.ts';

/** Memory and processor time of a lab at one moment. Two readings give a rate. */
export interface LabUsage {
  /** Monotonic milliseconds of this machine. */
  readonly atMs: number;
  /** Proportional share, so that the sum counts shared pages once. Processes that may not be read count 0. */
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly processes: readonly {
    /** `ground`, `agent/HOST`, …, or `instance/INSTANCE` for what agents started. */
    readonly name: string;
    readonly count: number;
    readonly memoryBytes: number;
    readonly cpuMs: number;
  }[];
}

/**
 * Sums by process name; the caller itself (the ground) is included, without what looking costs it: an idle lab is not looked at.
 *
 * The kernel walks the pages of a process to tell its share, up to 25 ms each and a quarter of a second for a whole lab. The ground
 * carries every link meanwhile, so it does other work after each; `look` is called around each of them.
 */
export async function measureUsage(
  processes: readonly LabProcess[],
  entries: readonly ProcessEntry[],
  ownCpuMs: number,
  look: <Seen>(read: () => Seen) => Seen,
): Promise<LabUsage> {
  const atMs = performance.now();
  const own = new Set(entries.map(({ pid }) => pid));
  const sums = new Map<string, { count: number; memoryBytes: number; cpuMs: number }>();
  const add = async (name: string, pid: number, cpuMs: number) => {
    await nextTurn();
    const memoryBytes = look(() => readMemoryBytes(pid)) ?? 0;
    const sum = sums.get(name) ?? { count: 0, memoryBytes: 0, cpuMs: 0 };
    sums.set(name, { count: sum.count + 1, memoryBytes: sum.memoryBytes + memoryBytes, cpuMs: sum.cpuMs + cpuMs });
  };
  await add('ground', process.pid, ownCpuMs);
  for (const { pid, key, instance, cpuMs } of processes)
    await add(instance === null || own.has(pid) ? (key ?? 'unknown') : `instance/${instance}`, pid, cpuMs);
  const named = [...sums].map(([name, sum]) => ({ name, ...sum }));
  return {
    atMs,
    memoryBytes: named.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    cpuMs: named.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    processes: named.sort((left, right) => right.memoryBytes - left.memoryBytes),
  };
}
