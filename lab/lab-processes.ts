import { join, sep } from 'node:path';
import {
  hostMarker,
  instanceMarker,
  labMarker,
  type RunningProcess,
  readArguments,
  readDirectoryOf,
  readEnvironment,
  readProcesses,
  siteMarker,
} from './process-table.ts';

/** A living process of one lab and where it belongs. */
export interface LabProcess extends RunningProcess {
  readonly site: string | null;
  readonly host: string | null;
  readonly instance: string | null;
  /** Of the process that the ground started: itself, or what it descends from. */
  readonly key: string | null;
  readonly title: string;
}

interface Belonging {
  readonly site: string | null;
  readonly host: string | null;
  readonly instance: string | null;
  readonly key: string | null;
}

/** Which process of `processes.json` this is, set by the ground. */
export const keyMarker = 'HOLDFAST_PROCESS';

/**
 * Finds everything that belongs to a lab, whether or not anything of the lab still runs that knows about it: by the marker in
 * the environment; by descent; by a working directory below one of the lab's hosts, for processes that overwrote their
 * environment and lost their parent (PostgreSQL's backends after a kill of their postmaster), and together with an argument
 * that lies there too for those that were given another environment (a postmaster whose agent is gone). Never the caller.
 */
export function findLabProcesses(lab: { readonly id: string; readonly directory: string }): readonly LabProcess[] {
  const all = readProcesses();
  const hostsDirectory = join(lab.directory, 'hosts') + sep;
  const found = new Map<number, Belonging>();
  for (const candidate of all.values()) {
    if (candidate.pid === process.pid) continue;
    const environment = readEnvironment(candidate.pid);
    if (environment !== null) {
      const marked = environment.get(labMarker);
      if (marked !== lab.id && (marked !== undefined || !worksFor(candidate, hostsDirectory))) continue;
      const files = instanceByFiles(candidate.pid, hostsDirectory);
      found.set(candidate.pid, {
        site: environment.get(siteMarker) ?? null,
        host: environment.get(hostMarker) ?? files?.host ?? null,
        instance: instanceName(environment.get(instanceMarker)) ?? files?.instance ?? null,
        key: environment.get(keyMarker) ?? null,
      });
    } else if (!candidate.hasTerminal) {
      const directory = readDirectoryOf(candidate.pid);
      if (directory === null || !directory.startsWith(hostsDirectory)) continue;
      const [host = null, instance = null] = directory.slice(hostsDirectory.length).split(sep);
      found.set(candidate.pid, { site: null, host, instance, key: null });
    }
  }
  for (const pid of [...all.keys()]) adopt(pid, all, found);
  return [...found].map(([pid, belonging]) => ({
    ...all.get(pid)!,
    ...belonging,
    title: readArguments(pid).slice(0, 3).join(' '),
  }));
}

/** A process whose parent belongs to the lab belongs to it too, and where its own traces say less, to where the parent does. */
function adopt(pid: number, all: ReadonlyMap<number, RunningProcess>, found: Map<number, Belonging>): Belonging | null {
  const own = found.get(pid) ?? null;
  const self = all.get(pid);
  if (self === undefined || self.parent <= 1 || pid === process.pid) return own;
  const parent = adopt(self.parent, all, found);
  if (parent === null) return own;
  const belonging = {
    site: own?.site ?? parent.site,
    host: own?.host ?? parent.host,
    instance: own?.instance ?? parent.instance,
    key: own?.key ?? parent.key,
  };
  found.set(pid, belonging);
  return belonging;
}

/** The marker is the instance's name, or a path that ends in it. */
const instanceName = (marker: string | undefined): string | null => marker?.split('/').at(-1) ?? null;

/** Somebody who merely looks at the lab's files has a terminal, or works elsewhere, or was not started with one of its paths. */
function worksFor(candidate: RunningProcess, hostsDirectory: string): boolean {
  if (candidate.hasTerminal || readDirectoryOf(candidate.pid)?.startsWith(hostsDirectory) !== true) return false;
  return readArguments(candidate.pid).some((argument) => argument.startsWith(hostsDirectory));
}

/** An instance's own files lie below `hosts/HOST/INSTANCE/`; its working directory or arguments name it. */
function instanceByFiles(
  pid: number,
  hostsDirectory: string,
): { readonly host: string; readonly instance: string } | null {
  for (const text of [readDirectoryOf(pid) ?? '', ...readArguments(pid)]) {
    const at = text.indexOf(hostsDirectory);
    if (at < 0) continue;
    const [host, instance, ...rest] = text.slice(at + hostsDirectory.length).split(sep);
    if (host !== undefined && instance !== undefined && (rest.length > 0 || !instance.includes('.')))
      return { host, instance };
  }
  return null;
}
