import { join } from 'node:path';
import type { LabDirectory } from './lab-directory.ts';
import { LabError, systemCode } from './lab-error.ts';
import { type LockHolder, withLabLock } from './lab-lock.ts';
import { findLabProcesses } from './lab-processes.ts';
import { isOwn } from './lab-standing.ts';
import { removeResidue } from './netns/residue.ts';
import { isAlive, readProcess, signalProcess } from './process-table.ts';
import { readRegistry } from './processes.ts';
import { removeSharedMemory, sharedMemoryOf, sharedMemoryOfLockFiles } from './shared-memory.ts';

export interface EndedLab {
  readonly processesEnded: number;
  /** Evidence and reports, absolute. */
  readonly kept: readonly string[];
  /** Somebody else was ending the lab, and this one came after; null when nobody was, or it did not say who it is. */
  readonly after: LockHolder | null;
}

export interface EndWish {
  readonly deadlineMs: number;
  /** Somebody else ends or claims this lab now; it is waited for. */
  readonly onWait?: (holder: LockHolder | null) => void;
}

/** How long somebody who ends or claims the same lab is waited for. */
export const lockDeadlineMs = 30_000;

/**
 * Ends every process of a lab, verifies that they are gone, removes their shared memory and files. Needs nothing of the lab to
 * be alive or whole: processes are found by what is on disk, by their marker, by descent and by where they work.
 * Idempotent, and one at a time: who comes second waits until the first is done. @throws LabError HF-7004, HF-7009, HF-7013
 */
export function endLab(directory: LabDirectory, wish: EndWish): Promise<EndedLab> {
  return alone(directory, wish, () => endClaimedLab(directory, wish));
}

/** `endLab` for who brought the lab up: null, and nothing was done, when another process has one of this name up meanwhile. */
export async function endOwnLab(directory: LabDirectory, wish: EndWish): Promise<EndedLab | null> {
  const { kept, processesEnded, after } = await alone(directory, wish, async () => {
    const record = directory.readRecord();
    if (record !== null && !isOwn(record)) return { processesEnded: null, kept: [] };
    return endClaimedLab(directory, wish);
  });
  return processesEnded === null ? null : { kept, processesEnded, after };
}

async function alone<Ended extends object>(
  directory: LabDirectory,
  wish: EndWish,
  work: () => Promise<Ended>,
): Promise<Ended & Pick<EndedLab, 'after'>> {
  let after: LockHolder | null = null;
  const ended = await withLabLock(
    directory.id,
    {
      doing: 'ending it',
      deadlineMs: lockDeadlineMs,
      onWait: (holder) => {
        after = holder;
        wish.onWait?.(holder);
      },
      late: (holder) => occupied(directory, 'end', holder),
    },
    work,
  );
  return { ...ended, after };
}

/** What may not be done to a lab because another process has been at it for too long. */
export function occupied(directory: LabDirectory, verb: string, holder: LockHolder | null): LabError {
  const who = holder === null ? 'another process, which does not say which it is,' : `process ${holder.pid}`;
  return new LabError({
    code: 'HF-7013',
    attempted: `${verb} lab ${directory.name}`,
    found: `${who} is ${holder?.doing ?? 'at it'}, and is not done after ${lockDeadlineMs / 1000} s`,
    next:
      holder === null
        ? 'wait, or end what is frozen, and try again'
        : `wait, or see why process ${holder.pid} does not go on (ps -o stat,args -p ${holder.pid}), and try again`,
  });
}

/** `endLab` for who has the lab's lock. */
export async function endClaimedLab(
  directory: LabDirectory,
  options: { readonly deadlineMs: number },
): Promise<Omit<EndedLab, 'after'>> {
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
  await removeResidue(directory.id);
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
