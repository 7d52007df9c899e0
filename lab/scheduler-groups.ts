import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { systemCode } from './lab-error.ts';

export interface SchedulerGroupsOptions {
  /** Processes that the lab started, without the order flow. */
  readonly roots: () => readonly number[];
  /** Somebody measures now: what is started meanwhile has to yield, too. */
  readonly watched: () => boolean;
  readonly kernel?: SchedulerKernel;
  readonly stepMs?: number;
}

/** What the kernel is asked; `again` when it takes no change from an ordinary user so soon after the last one. */
export interface SchedulerKernel {
  childrenOf(pid: number): readonly number[];
  lower(pid: number): 'done' | 'again';
}

/** The kernel takes one change in a tenth of a second from those who are not root. */
const STEP_MS = 110;
/** A third of the order flow's share. Less, and a lab would stand still beside anything else that the machine does. */
const GROUP_NICENESS = 5;

/**
 * Lets the platform's processes yield to the order flow where the kernel shares processors between sessions first
 * (`sched_autogroup_enabled`): every process of the lab is a session of its own, so niceness alone says nothing. An ordinary user may
 * only lower, and one group at a time; so this goes round, a process and what it started at a step, until nothing is new, and again
 * for as long as somebody measures. Best effort: what cannot be lowered is left as it is.
 */
export class SchedulerGroups {
  readonly #options: SchedulerGroupsOptions;
  readonly #kernel: SchedulerKernel;
  readonly #lowered = new Set<number>();
  #timer: NodeJS.Timeout | null = null;
  #round: number[] = [];
  #found = 0;

  constructor(options: SchedulerGroupsOptions) {
    this.#options = options;
    this.#kernel = options.kernel ?? procKernel;
  }

  /** Something was started: begin a round, if none is under way. */
  wake(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#step(), this.#options.stepMs ?? STEP_MS);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #step(): void {
    const next = this.#round[0];
    if (next === undefined) {
      const roots = this.#options.roots();
      if (this.#found === 0 && this.#lowered.size > 0 && !this.#options.watched()) {
        this.close();
        return;
      }
      this.#round = [...roots];
      this.#found = 0;
      return;
    }
    const fresh = this.#treeOf(next).find((pid) => !this.#lowered.has(pid));
    if (fresh === undefined) {
      this.#round.shift();
      return;
    }
    this.#found += 1;
    if (this.#kernel.lower(fresh) === 'done') this.#lowered.add(fresh);
  }

  #treeOf(root: number): readonly number[] {
    const tree = [root];
    for (const pid of tree) tree.push(...this.#kernel.childrenOf(pid));
    return tree;
  }
}

/** Root puts the order flow itself first; without groups the niceness of each process is enough. */
export const groupsMatter = (): boolean =>
  process.getuid?.() !== 0 && existsSync('/proc/self/autogroup') && readText(enabledFile).trim() === '1';

/** Of what stands outside the platform's hosts (exchange, links): the same as what agents raise on theirs, so that it does not wait for less. */
export const OUTSIDE_NICENESS = -10;

/** Where the kernel shares processors between sessions first (`sched_autogroup_enabled`), a process's own niceness says nothing. */
export function putBefore(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
    if (existsSync(`/proc/${pid}/autogroup`)) writeFileSync(`/proc/${pid}/autogroup`, `${niceness}`);
  } catch {
    // Not root, or it has ended.
  }
}

const enabledFile = '/proc/sys/kernel/sched_autogroup_enabled';

const procKernel: SchedulerKernel = {
  childrenOf: (pid) =>
    readText(`/proc/${pid}/task/${pid}/children`)
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  lower: (pid) => {
    try {
      writeFileSync(`/proc/${pid}/autogroup`, `${GROUP_NICENESS}`);
    } catch (error) {
      // Anything else: it has ended, or is not ours.
      if (systemCode(error) === 'EAGAIN') return 'again';
    }
    return 'done';
  },
};

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
