import { readFileSync } from 'node:fs';
import { listProcesses, type ProcEntry } from '../process/proc-entry.ts';
import { isAlive, type ProcessName, selectTree, signalProcess } from '../process/process-tree.ts';

export interface SeenProcesses {
  /** Null: who belongs to it cannot be told; `hidden` is why. */
  readonly pids: readonly number[] | null;
  readonly hidden: string | null;
}

const KERNEL = 2;

/**
 * What belongs to one program of supervisord: its main process with all descendants, what was seen to be that before and still lives, and
 * whatever else has the environment that supervisord gave it. A program that double-forks leaves its tree, but not that environment.
 */
export class ProgramProcesses {
  readonly #assignments: readonly string[];
  /** Seen below its main process while that lived, and not dead since. */
  #seen: readonly ProcessName[] = [];
  #mainWasReadable = false;

  /** @param name as supervisord has it: `PROGRAM` or `GROUP:PROGRAM` */
  constructor(name: string) {
    const [group, program = group] = name.split(':');
    this.#assignments = [`SUPERVISOR_GROUP_NAME=${group}`, `SUPERVISOR_PROCESS_NAME=${program}`];
  }

  /** @param main null: its manager names none */
  look(main: number | null): SeenProcesses {
    const entries = listProcesses();
    const root = main === null ? null : (entries.find(({ pid }) => pid === main) ?? null);
    const hidden: number[] = [];
    const belongs = (pid: number): boolean => {
      const environment = environmentOf(pid);
      if (environment === 'hidden') hidden.push(pid);
      return environment instanceof Set && this.#assignments.every((each) => environment.has(each));
    };
    const none = { root: null, directory: null, environment: null };
    const below = root === null ? [] : selectTree({ ...none, root }, entries);
    const marked = selectTree({ ...none, environment: this.#assignments[1]! }, entries, {
      directoryOf: () => null,
      environmentOf: belongs,
      self: process.pid,
    });
    if (root !== null) this.#mainWasReadable = !hidden.includes(root.pid);
    this.#seen = distinct([...this.#seen.filter(isAlive), ...below]);
    const pids = [...new Set([...this.#seen, ...marked].map(({ pid }) => pid))];
    if (hidden.filter((pid) => !isOfKernel(pid, entries)).length === 0 || this.#mainWasReadable)
      return { pids, hidden: null };
    return { pids: null, hidden: 'this agent may not see what belongs to it: it runs as root, or as the user of it' };
  }

  /** Only who was seen below its main process: a name that another supervisord uses as well is nobody's to kill. */
  strike(): void {
    for (const name of this.#seen) signalProcess(name, 'SIGKILL');
  }
}

const isOfKernel = (pid: number, entries: readonly ProcEntry[]): boolean =>
  entries.some((entry) => entry.pid === pid && (pid === KERNEL || entry.parentPid === KERNEL));

const distinct = (names: readonly ProcessName[]): readonly ProcessName[] => [
  ...new Map(names.map(({ pid, startTicks }) => [`${pid}/${startTicks}`, { pid, startTicks }] as const)).values(),
];

function environmentOf(pid: number): ReadonlySet<string> | 'hidden' | 'gone' {
  try {
    return new Set(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? 'hidden' : 'gone';
  }
}
