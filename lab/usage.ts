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

/** Sums by process name; the caller itself (the ground) is included, without what looking costs it: an idle lab is not looked at. */
export function measureUsage(
  processes: readonly LabProcess[],
  entries: readonly ProcessEntry[],
  ownCpuMs: number,
): LabUsage {
  const own = new Set(entries.map(({ pid }) => pid));
  const sums = new Map<string, { count: number; memoryBytes: number; cpuMs: number }>();
  const add = (name: string, pid: number, cpuMs: number) => {
    const sum = sums.get(name) ?? { count: 0, memoryBytes: 0, cpuMs: 0 };
    sums.set(name, {
      count: sum.count + 1,
      memoryBytes: sum.memoryBytes + (readMemoryBytes(pid) ?? 0),
      cpuMs: sum.cpuMs + cpuMs,
    });
  };
  add('ground', process.pid, ownCpuMs);
  for (const { pid, key, instance, cpuMs } of processes)
    add(instance === null || own.has(pid) ? (key ?? 'unknown') : `instance/${instance}`, pid, cpuMs);
  const named = [...sums].map(([name, sum]) => ({ name, ...sum }));
  return {
    atMs: performance.now(),
    memoryBytes: named.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    cpuMs: named.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    processes: named.sort((left, right) => right.memoryBytes - left.memoryBytes),
  };
}
