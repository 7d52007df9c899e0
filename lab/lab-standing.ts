import { userInfo } from 'node:os';
import type { LabDirectory, LabRecord } from './lab-directory.ts';
import { LabError } from './lab-error.ts';
import { findLabProcesses } from './lab-processes.ts';
import { isAlive, readProcess } from './process-table.ts';
import { readRegistry } from './processes.ts';

/**
 * Whether a lab may be cleared away without asking. `leftover`: something of it lives, and nobody who would end or use it does.
 * `free`: nothing lives; files may be left.
 */
export type LabStanding =
  | { readonly kind: 'free' }
  | { readonly kind: 'leftover'; readonly processes: number; readonly why: string }
  | { readonly kind: 'running'; readonly processes: number; readonly record: LabRecord | null };

/** Looks at what is on disk and at what runs. @throws LabError HF-7004 when it is another user's */
export function lookAtLab(directory: LabDirectory): LabStanding {
  const record = directory.readRecord();
  const living = findLabProcesses({ id: directory.id, directory: directory.path });
  const recorded = readRegistry(directory.registryFile).entries.filter(
    ({ pid, startTicks }) => pid !== null && startTicks !== null && isAlive({ pid, startTicks }),
  );
  const processes = Math.max(living.length, recorded.length);
  const launcherLives = record !== null && record.broughtUpBy !== null && isAlive(record.broughtUpBy);
  if (processes === 0 && !(launcherLives && !record.complete)) return { kind: 'free' };
  if (launcherLives) return { kind: 'running', processes, record };
  const left = (why: string): LabStanding => ({ kind: 'leftover', processes, why });
  if (record === null) return left('its files are gone');
  const { startedBy, complete } = record;
  if (!complete) return left(`${starterText(record)} ended before it was whole`);
  if (startedBy?.attended === true) return left(`${starterText(record)} would have ended it and is gone itself`);
  if (![...living, ...recorded].some(({ key }) => key === 'ground')) return left('what holds it together is gone');
  return { kind: 'running', processes, record };
}

/** What a person has to know before a running lab of this name is ended. */
export function runningLabText(
  directory: LabDirectory,
  { processes, record }: { readonly processes: number; readonly record: LabRecord | null },
  nowMs: number,
): string {
  if (record === null) return `${processes} processes of lab ${directory.name} run`;
  const { firm, complete, createdAt, broughtUpBy } = record;
  const still = broughtUpBy !== null && isAlive(broughtUpBy) ? 'is still with it' : 'has ended and left it up';
  const since = `since ${createdAt} (${ageText(nowMs - Date.parse(createdAt))})`;
  return `lab ${directory.name} (${firm}) ${complete ? 'is up' : 'is coming up'} ${since}, brought up by ${starterText(record)}, which ${still}; ${processes} processes`;
}

/** The refusal to bring up a lab beside one of the same name. */
export function labInUse(
  directory: LabDirectory,
  standing: { readonly processes: number; readonly record: LabRecord | null },
  options: { readonly mayReplace: boolean },
): LabError {
  const remedies = [
    `holdfast lab down --name ${directory.name}`,
    'another --name',
    ...(options.mayReplace ? ['--replace, which ends it first'] : []),
  ];
  return new LabError({
    code: 'HF-7002',
    attempted: `bring up lab ${directory.name}`,
    found: `${runningLabText(directory, standing, Date.now())}. Nothing was done`,
    next: `${remedies.slice(0, -1).join(', ')} or ${remedies.at(-1)}`,
  });
}

function starterText({ startedBy, broughtUpBy }: LabRecord): string {
  const process_ = broughtUpBy === null ? 'a process' : `process ${broughtUpBy.pid}`;
  return startedBy === null ? process_ : `"${startedBy.command}" of ${startedBy.user} (${process_})`;
}

function ageText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 2) return `${Math.max(0, Math.round(ms / 1000))} s ago`;
  return minutes < 120 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}

/** This process as the one that brings a lab up. */
export const launcher = () => {
  const self = readProcess(process.pid);
  return self === null ? null : { pid: self.pid, startTicks: self.startTicks };
};

/** Whether the lab of this record was brought up by this process, and by no other since. */
export const isOwn = ({ broughtUpBy }: LabRecord): boolean =>
  broughtUpBy !== null && broughtUpBy.pid === process.pid && broughtUpBy.startTicks === launcher()?.startTicks;

export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
