import { readFileSync } from 'node:fs';
import { isDead, listEveryProcess, type ProcEntry } from '../process/proc-entry.ts';
import { isAlive } from '../process/process-tree.ts';

/** What the kernel shows; a test has its own. */
export interface ProcessLook {
  /** Null: not every process could be read. */
  readonly list: () => readonly ProcEntry[] | null;
  readonly words: (pid: number) => readonly string[];
  readonly isAlive: (entry: ProcEntry) => boolean;
}

/**
 * `ended`: both Patroni and PostgreSQL were seen here by this agent, and now there is no process of either. `never-seen`: there is none, and
 * they were not seen together before, so that they may be where this agent does not look (another namespace, hidden processes).
 */
export type ProcessState = 'running' | 'ended' | 'never-seen';

const postgresNames = new Set(['postgres', 'postmaster']);
const isPatroni = (word: string): boolean => /(^|\/)patroni(\.py)?$/.test(word);

/**
 * Whether anything of Patroni or PostgreSQL runs on this host, by the kernel's list of processes (proc(5)). Everything that is called so counts,
 * of whatever cluster: one too many costs time, one too few a second primary.
 */
export class HostProcesses {
  readonly #look: ProcessLook;
  #known: readonly ProcEntry[] = [];
  #wereTogether = false;

  constructor(look: ProcessLook = linuxLook) {
    this.#look = look;
  }

  /** Both were here, and nobody of those who were seen last is alive: worth a list. Costs a look at one process while that one is. */
  get mayHaveEnded(): boolean {
    return this.#wereTogether && !this.#known.some(this.#look.isAlive);
  }

  /** Lists only where nobody of those who were seen last is alive. */
  get state(): ProcessState {
    return this.#wereTogether && !this.mayHaveEnded ? 'running' : this.listed();
  }

  /** By a list of all processes, which is not made in one moment: who has to be sure looks twice. */
  listed(): ProcessState {
    const all = this.#look.list();
    // Who could not be read may be one of them.
    if (all === null) return 'running';
    const found = all.filter((entry) => !isDead(entry) && this.#kindOf(entry) !== null);
    this.#known = found;
    const kinds = new Set(found.map((entry) => this.#kindOf(entry)));
    this.#wereTogether ||= kinds.size === 2;
    if (found.length > 0) return 'running';
    return this.#wereTogether ? 'ended' : 'never-seen';
  }

  #kindOf({ pid, command }: ProcEntry): 'patroni' | 'postgres' | null {
    if (postgresNames.has(command)) return 'postgres';
    if (command === 'patroni') return 'patroni';
    return command.startsWith('python') && this.#look.words(pid).some(isPatroni) ? 'patroni' : null;
  }
}

const linuxLook: ProcessLook = {
  list: listEveryProcess,
  words: (pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
      return [];
    }
  },
  isAlive,
};
