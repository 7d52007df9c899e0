import { childrenOf } from '../adapters/process/proc-entry.ts';
import { bringBefore, type SchedulingRank, schedulingOf } from '../adapters/system/scheduling.ts';
import { onBeat } from '../adapters/system/shared-beat.ts';
import type { InstanceId } from '../core/base/ids.ts';
import { type SchedulingClass, usualScheduling } from '../core/topology/topology.ts';
import type { ProcessScheduling } from '../engine/messages.ts';

/** A server's children have sessions of their own (PostgreSQL), each of which has to be raised. */
const LOOKS_AT_CHILDREN_EVERY_MS = 1000;
const LOOKS_EVERY_MS = 5000;

export interface HostSchedulingOptions {
  /** What the topology says for this host. */
  readonly asked: SchedulingClass | null;
  /** The warden's process, once it is known. */
  readonly warden: () => number | null;
}

/** Brings this host's processes before its other work, and says what came of it. */
export class HostScheduling {
  readonly #atMost: SchedulingClass;
  readonly #warden: () => number | null;
  readonly #instances = new Map<InstanceId, number>();
  readonly #ends: readonly (() => void)[];
  #raised: ReadonlySet<number> = new Set();
  #seen: readonly ProcessScheduling[] = [];

  constructor({ asked, warden }: HostSchedulingOptions) {
    this.#atMost = asked ?? usualScheduling;
    this.#warden = warden;
    this.#ends = [
      onBeat(LOOKS_EVERY_MS, () => this.#look()),
      onBeat(LOOKS_AT_CHILDREN_EVERY_MS, () => this.#raiseChildren()),
    ];
  }

  /** The agent itself, once all of its code is loaded. */
  self(): void {
    this.#bring(process.pid, 'detects');
  }

  /** From its start: what is ordinary beside all that is raised would not even begin on a busy host. */
  started(instance: InstanceId, pid: number): void {
    this.#instances.set(instance, pid);
    this.#bring(pid, 'serves');
  }

  /** As the kernel had it a few seconds ago; a process that is not known yet, or gone, is left out. */
  get seen(): readonly ProcessScheduling[] {
    return this.#seen;
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #bring(pid: number, rank: SchedulingRank): void {
    void bringBefore(pid, { rank, atMost: this.#atMost }).then(() => this.#look());
  }

  #raiseChildren(): void {
    const children = [...this.#instances.values()].flatMap(childrenOf);
    for (const pid of children) children.push(...childrenOf(pid));
    for (const pid of children)
      if (!this.#raised.has(pid)) void bringBefore(pid, { rank: 'serves', atMost: this.#atMost });
    this.#raised = new Set(children);
  }

  #look(): void {
    const warden = this.#warden();
    const known: readonly (readonly [string, number])[] = [
      ['agent', process.pid],
      ...(warden === null ? [] : [['warden', warden] as const]),
      ...this.#instances,
    ];
    this.#seen = known.flatMap(([name, pid]) => {
      const has = schedulingOf(pid);
      return has === null ? [] : [{ process: name, class: has }];
    });
  }
}
