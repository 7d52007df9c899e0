import type { WardenArm, WardenClosed } from '../../adapters/gate/warden-protocol.ts';
import type { TreeSpec } from '../../adapters/process/process-tree.ts';

/** What the keeper needs of its host; a test gives its own. */
export interface KeeperHost {
  readonly nowNs: () => bigint;
  /** One synchronous blow to the tree; how many members were found. */
  readonly strike: (tree: TreeSpec) => number;
  /** Until nothing is left or the deadline. */
  readonly finish: (tree: TreeSpec) => Promise<{ readonly treeEmpty: boolean }>;
  readonly countMembers: (tree: TreeSpec) => number;
  /** At most one timer is set; a later call replaces the earlier one. Null = none. */
  readonly setAlarm: (afterMs: number | null) => void;
  readonly announce: (closed: WardenClosed) => void;
}

export type KeeperAnswer =
  | { readonly ok: true; readonly result: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly code: string; readonly message: string };

interface ArmedGate {
  readonly tree: TreeSpec;
  readonly epoch: number;
  readonly untilNs: bigint;
}

const refuse = (code: string, message: string): KeeperAnswer => ({ ok: false, code, message });

/**
 * The warden's memory: who may run until when. Whoever calls it first settles what is overdue: an arm that waited in a
 * socket while the warden was frozen cannot extend a gate whose moment has passed.
 */
export class GateKeeper {
  readonly #host: KeeperHost;
  readonly #gates = new Map<string, ArmedGate>();
  readonly #highestEpoch = new Map<string, number>();
  readonly #closed = new Map<string, WardenClosed>();
  /** Closed since it was last armed. */
  readonly #shut = new Set<string>();
  /** Killed, and not yet seen empty. */
  readonly #closing = new Map<string, Promise<void>>();

  constructor(host: KeeperHost) {
    this.#host = host;
  }

  /** Closes every gate whose moment has passed; the killing itself is done when this returns. Called before anything else. */
  settleOverdue(): void {
    const nowNs = this.#host.nowNs();
    for (const [instance, gate] of this.#gates)
      if (gate.untilNs <= nowNs) void this.#close(instance, gate, gate.untilNs);
    this.#setAlarm();
  }

  arm(request: WardenArm): KeeperAnswer {
    this.settleOverdue();
    const highest = this.#highestEpoch.get(request.instance) ?? 0;
    if (request.epoch < highest)
      return refuse('stale-epoch', `epoch ${request.epoch} is older than ${highest}, which was armed before`);
    const untilNs = BigInt(request.untilMonoNs);
    if (untilNs <= this.#host.nowNs())
      return refuse('overdue', 'the moment until which it should stay open has passed');
    if (request.root === null && request.directory === null)
      return refuse('bad-params', 'neither a root process nor a directory says what is behind the gate');
    const tree: TreeSpec = { root: request.root, directory: request.directory, environment: null };
    if (this.#shut.has(request.instance) && !this.#runsAnew(request.instance, tree))
      return refuse(
        'closed',
        'this gate has closed and nothing is behind it: a late request may not arm it for what starts next',
      );
    this.#shut.delete(request.instance);
    this.#highestEpoch.set(request.instance, request.epoch);
    this.#gates.set(request.instance, { tree, epoch: request.epoch, untilNs });
    this.#setAlarm();
    return { ok: true, result: { untilMonoNs: request.untilMonoNs } };
  }

  /** Closes now, on request. `treeEmpty` in the answer says whether nothing is left. */
  async close(instance: string): Promise<KeeperAnswer> {
    this.settleOverdue();
    const gate = this.#gates.get(instance);
    if (gate === undefined) {
      const closed = this.#closed.get(instance);
      await this.#closing.get(instance);
      return closed === undefined
        ? refuse('not-armed', `no gate of ${instance} is armed`)
        : { ok: true, result: { treeEmpty: this.#closed.get(instance)?.treeEmpty ?? false } };
    }
    await this.#close(instance, gate, this.#host.nowNs());
    return { ok: true, result: { treeEmpty: this.#closed.get(instance)?.treeEmpty ?? false } };
  }

  disarm(instance: string): KeeperAnswer {
    this.settleOverdue();
    const gate = this.#gates.get(instance);
    if (gate === undefined) return { ok: true, result: { armed: false } };
    const members = this.#host.countMembers(gate.tree);
    if (members > 0) return refuse('still-running', `${members} processes of ${instance} are still there`);
    this.#gates.delete(instance);
    this.#setAlarm();
    return { ok: true, result: { armed: false } };
  }

  status(): KeeperAnswer {
    this.settleOverdue();
    return {
      ok: true,
      result: {
        armed: [...this.#gates].map(([instance, gate]) => ({
          instance,
          epoch: gate.epoch,
          untilMonoNs: String(gate.untilNs),
        })),
        closed: [...this.#closed.values()],
      },
    };
  }

  /** After a closing: whether what was killed is gone and the process named now is there. */
  #runsAnew(instance: string, tree: TreeSpec): boolean {
    if (this.#closing.has(instance)) return false;
    return this.#host.countMembers(tree.root === null ? tree : { ...tree, directory: null }) > 0;
  }

  #close(instance: string, gate: ArmedGate, dueNs: bigint): Promise<void> {
    const closedNs = this.#host.nowNs();
    this.#gates.delete(instance);
    this.#shut.add(instance);
    const killed = this.#host.strike(gate.tree);
    const record = (treeEmpty: boolean): WardenClosed => ({
      event: 'closed',
      instance,
      epoch: gate.epoch,
      dueMonoNs: String(dueNs),
      closedMonoNs: String(closedNs),
      tookMs: Number(this.#host.nowNs() - dueNs) / 1e6,
      killed,
      treeEmpty,
    });
    this.#closed.set(instance, record(false));
    const finished = this.#host.finish(gate.tree).then(({ treeEmpty }) => {
      const closed = record(treeEmpty);
      this.#closed.set(instance, closed);
      this.#closing.delete(instance);
      this.#host.announce(closed);
    });
    this.#closing.set(instance, finished);
    this.#setAlarm();
    return finished;
  }

  #setAlarm(): void {
    let earliestNs: bigint | null = null;
    for (const gate of this.#gates.values())
      if (earliestNs === null || gate.untilNs < earliestNs) earliestNs = gate.untilNs;
    this.#host.setAlarm(
      earliestNs === null ? null : Math.max(0, Math.ceil(Number(earliestNs - this.#host.nowNs()) / 1e6)),
    );
  }
}
