import { join } from 'node:path';
import type { LabDirectory } from './lab-directory.ts';
import { LabError, systemCode } from './lab-error.ts';
import { findLabProcesses } from './lab-processes.ts';
import { isAlive, readProcess, signalProcess } from './process-table.ts';
import { readRegistry } from './processes.ts';
import { removeSharedMemory, sharedMemoryOf, sharedMemoryOfLockFiles } from './shared-memory.ts';

export interface EndedLab {
  readonly processesEnded: number;
  /** Evidence and reports, absolute. */
  readonly kept: readonly string[];
}

/**
 * Ends every process of a lab, verifies that they are gone, removes their shared memory and files. Needs nothing of the lab to
 * be alive or whole: processes are found by what is on disk, by their marker, by descent and by where they work.
 * Idempotent. @throws LabError HF-7004, HF-7009
 */
export async function endLab(directory: LabDirectory, options: { readonly deadlineMs: number }): Promise<EndedLab> {
  const registry = readRegistry(directory.registryFile);
  const recorded = registry.entries.flatMap(({ pid, startTicks }) =>
    pid === null || startTicks === null || pid === process.pid ? [] : [{ pid, startTicks }],
  );
  const ended = new Set<string>();
  const segments = new Set([...registry.sharedMemory, ...sharedMemoryOfLockFiles(join(directory.path, 'hosts'))]);
  const deadline = performance.now() + options.deadlineMs;
  let quietSweeps = 0;
  while (quietSweeps < 2) {
    const living = [...recorded.filter(isAlive), ...findLabProcesses({ id: directory.id, directory: directory.path })];
    for (const { id } of sharedMemoryOf(living)) segments.add(id);
    for (const process_ of living) {
      ended.add(`${process_.pid} ${process_.startTicks}`);
      signalProcess(process_, 'SIGKILL');
    }
    quietSweeps = living.length === 0 ? quietSweeps + 1 : 0;
    if (living.length > 0 && performance.now() > deadline) throw cannotEnd(directory, living);
    await new Promise((resolve) => setTimeout(resolve, living.length === 0 ? 10 : 25));
  }
  const stuck = await removeSharedMemory([...segments]);
  const kept = directory.removeState();
  if (stuck.length > 0)
    throw new LabError({
      code: 'HF-7009',
      attempted: `end lab ${directory.name}`,
      found: `shared memory segments ${stuck.join(', ')} are left; every process is gone`,
      next: stuck.map((id) => `ipcrm -m ${id}`).join('; '),
    });
  return { processesEnded: ended.size, kept };
}

function cannotEnd(directory: LabDirectory, living: readonly { readonly pid: number }[]): LabError {
  const pids = [...new Set(living.map(({ pid }) => pid))];
  const foreign = pids.some((pid) => {
    try {
      process.kill(pid, 0);
      return false;
    } catch (error) {
      return systemCode(error) === 'EPERM';
    }
  });
  const states = pids.map((pid) => `${pid} (${readProcess(pid)?.state ?? 'gone'})`).join(', ');
  return new LabError({
    code: foreign ? 'HF-7004' : 'HF-7009',
    attempted: `end lab ${directory.name}`,
    found: `still there: ${states}`,
    next: foreign
      ? 'run "holdfast lab down" as the user who brought the lab up, or as root'
      : 'a process in state D waits for a disk; try again when it has answered',
  });
}
