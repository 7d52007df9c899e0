import type { GroupRecord } from '../core/authority/group-record.ts';
import type { Json } from '../core/base/canonical-json.ts';
import { type GroupId, type RunId, runId, type WallMs } from '../core/base/ids.ts';
import type { Brakes } from '../core/decision/brakes.ts';
import type { Facts } from '../core/decision/facts.ts';
import { foldRun, type JournalEntry, type RunEvent, type RunState } from '../core/run/run.ts';
import { keys } from './authority-keys.ts';
import type { Comparison, TransactionOutcome } from './authority-port.ts';
import type { ControllerEvidence } from './controller-effects.ts';
import type { GroupSurroundings } from './group-surroundings.ts';

interface JournalHead {
  readonly number: number;
  readonly run: RunId;
}

/** What one transaction writes. */
export interface JournalChange {
  readonly events: readonly RunEvent[];
  /** Last words about the run before this one. */
  readonly previous: RunId | null;
  readonly before: readonly RunEvent[];
  readonly record: GroupRecord | null;
  readonly brakes: Brakes | null;
  /** The leases of components without a holder must be those that are known here. */
  readonly leases: boolean;
}

/** Named after the epoch that it leads to; a run that was given up before it raised one leaves its name behind. */
export function nextRunId({ group, record, run, brakes }: Facts): RunId {
  const name = `${group.id}-${(record?.epoch ?? 0) + 1}`;
  const used = new Set<string>([...(run === null ? [] : [run.run]), ...brakes.history.map((each) => each.run)]);
  let again = 1;
  while (used.has(again === 1 ? name : `${name}.${again}`)) again += 1;
  return runId(again === 1 ? name : `${name}.${again}`);
}

/** One group's journal of runs at the authority: the only place where the state of a run is. */
export class RunJournal {
  readonly #group: GroupId;
  readonly #around: GroupSurroundings;
  #writing = false;
  #run: { readonly revision: number; readonly state: RunState | null } = { revision: -1, state: null };

  constructor(group: GroupId, around: GroupSurroundings) {
    this.#group = group;
    this.#around = around;
  }

  /** The newest run of the journal, folded; open or ended. */
  read(): RunState | null {
    const { mirror } = this.#around;
    const revision = mirror.revisionOf(keys.journalHead(this.#group));
    if (this.#run.revision !== revision && this.known) {
      const head = mirror.value<JournalHead>(keys.journalHead(this.#group));
      const entries = head === null ? [] : this.#entriesOf(head.run);
      // A restored authority may show a journal without its beginning. Nothing is promoted on its word (R-INCARNATION); it is no run.
      this.#run = { revision, state: entries[0]?.events[0]?.kind === 'opened' ? foldRun(entries) : null };
    }
    return this.#run.state;
  }

  /** A refused compare-and-set shows the journal's head before the watch brings what was written; until then nothing is decided. */
  get known(): boolean {
    const { mirror } = this.#around;
    const head = mirror.value<JournalHead>(keys.journalHead(this.#group));
    return head === null || mirror.revisionOf(keys.journalEntry(this.#group, head.number)) > 0;
  }

  #entriesOf(run: RunId): readonly JournalEntry[] {
    return this.#around.mirror
      .below(`journal/${this.#group}/0`)
      .map(([, stored]) => stored.value as unknown as JournalEntry)
      .filter((entry) => entry.run === run);
  }

  /** Something is being written, or was by another leader and is not known here yet. */
  get busy(): boolean {
    return this.#writing || !this.known;
  }

  /**
   * Appends to the journal, in one transaction with what changes of the record and the brakes, if this controller still leads and
   * nothing of it has changed meanwhile. Evidence follows once it is committed; then `then` is called, with the outcome.
   */
  commit(
    facts: Facts,
    run: RunId,
    change: JournalChange,
    then: (outcome: TransactionOutcome['kind'], now: number, wall: WallMs) => void,
  ): void {
    const { mirror, leadership, controller } = this.#around;
    const id = this.#group;
    const head = mirror.value<JournalHead>(keys.journalHead(id));
    const compare: Comparison[] = [
      leadership.comparison(mirror),
      { key: keys.journalHead(id), revision: mirror.revisionOf(keys.journalHead(id)) },
    ];
    const put: { key: string; value: Json }[] = [];
    let number = head?.number ?? 0;
    const append = (of: RunId, what: readonly RunEvent[]) => {
      number += 1;
      const entry: JournalEntry = {
        number,
        run: of,
        term: leadership.term,
        epoch: (change.record ?? facts.record)?.epoch ?? (0 as never),
        controller,
        events: what,
      };
      put.push({ key: keys.journalEntry(id, number), value: entry as unknown as Json });
    };
    if (change.previous !== null && change.before.length > 0) append(change.previous, change.before);
    append(run, change.events);
    put.push({ key: keys.journalHead(id), value: { number, run } });
    if (change.record) {
      compare.push({ key: keys.group(id), revision: facts.recordRevision });
      put.push({ key: keys.group(id), value: change.record as unknown as Json });
    }
    if (change.brakes) {
      compare.push({ key: keys.brakes(id), revision: mirror.revisionOf(keys.brakes(id)) });
      put.push({ key: keys.brakes(id), value: change.brakes as unknown as Json });
    }
    if (change.leases && change.record)
      for (const { component, holder } of Object.values({ ...change.record.grants, ...change.record.delegates })) {
        const key = keys.lease(id, component);
        if (holder === null) compare.push({ key, revision: mirror.revisionOf(key) });
      }
    this.#writing = true;
    const remove = this.#prunable(run);
    this.#around.transact(
      { compare, put, ...(remove.length > 0 ? { remove } : {}) },
      this.#around.topology.timing.stepDeadlineMs,
      (outcome, at, wallAt) => {
        this.#writing = false;
        if (outcome.kind === 'committed') {
          mirror.change([...put, ...remove.map((key) => ({ key, value: null }))], outcome.revision, at);
          this.#journalled(facts, run, change.events, change.record);
        } else if (outcome.kind === 'unknown') this.#around.emit({ kind: 'reload-authority' });
        then(outcome.kind, at, wallAt);
      },
    );
  }

  /** Entries of runs before the last one: controllers have them in their own history. */
  #prunable(run: RunId): string[] {
    const last = this.read()?.run;
    return this.#around.mirror
      .below(`journal/${this.#group}/0`)
      .filter(([, stored]) => {
        const entry = stored.value as unknown as JournalEntry;
        return entry.run !== run && entry.run !== last;
      })
      .map(([key]) => key);
  }

  #journalled(facts: Facts, run: RunId, events: readonly RunEvent[], record: GroupRecord | null): void {
    const epoch = record?.epoch ?? facts.record?.epoch ?? null;
    for (const event of events) {
      const kind =
        event.kind === 'opened'
          ? 'run-opened'
          : event.kind === 'closed'
            ? event.result === 'superseded'
              ? 'run-superseded'
              : 'run-closed'
            : event.kind === 'abandoned'
              ? 'run-abandoned'
              : event.kind;
      this.#emit(kind, facts, run, epoch, event as unknown as Json);
      if (event.kind === 'step-finished') {
        for (const proof of event.proofs ?? [])
          this.#emit('fencing-proof', facts, run, epoch, proof as unknown as Json);
        if (event.step === 'revoke')
          this.#emit('epoch-raised', facts, run, epoch, { epoch, from: facts.record?.epoch ?? null });
        if (event.step === 'grant')
          this.#emit('grant', facts, run, epoch, { grants: (record?.grants ?? {}) as unknown as Json });
      }
    }
  }

  /** What this controller saw or thought; under the open run, if there is one. */
  evidence(kind: string, facts: Facts, data: Json): void {
    this.#emit(kind, facts, facts.run?.result === null ? facts.run.run : null, facts.record?.epoch ?? null, data);
  }

  #emit(kind: string, facts: Facts, run: RunId | null, epoch: ControllerEvidence['epoch'], data: Json): void {
    this.#around.emit({
      kind: 'evidence',
      entry: { kind, group: this.#group, run, epoch, term: facts.leadership.term, data },
    });
  }
}
