import type { GroupRecord, ReplacedWriter } from '../core/authority/group-record.ts';
import { seatOf } from '../core/authority/writer-seat.ts';
import { assert } from '../core/base/assert.ts';
import type { Json } from '../core/base/canonical-json.ts';
import type { ComponentId, Epoch } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import { type WriterChange, writerChange } from '../core/decision/writer-change.ts';
import type { Component } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { GroupSurroundings } from './group-surroundings.ts';
import { RecordAmendment } from './record-amendment.ts';

type Change = Exclude<WriterChange, { kind: 'keep' }>;

/**
 * Carries out what is decided of a lost Redis, outside every run: what writes to it lives and changes no hands. Each change is one
 * transaction under the leader's key, which agents follow; evidence says why, on which proof, and what was lost.
 */
export class WriterReplacement {
  readonly #around: GroupSurroundings;
  readonly #kept = new Map<ComponentId, string>();
  readonly #amendment: RecordAmendment;

  constructor(around: GroupSurroundings) {
    this.#around = around;
    this.#amendment = new RecordAmendment(around);
  }

  /** Its own transaction is under way. */
  get busy(): boolean {
    return this.#amendment.busy;
  }

  /** True: something is being written, and the facts are about to change; `then` is called once that is committed. */
  work(facts: Facts, then: (now: number, wall: Facts['wallMs']) => void): boolean {
    for (const component of facts.topology.components) {
      if (component.kind !== 'redis' || !facts.group.components.includes(component.id)) continue;
      const change = writerChange(facts, component);
      if (change?.kind !== 'keep') this.#kept.delete(component.id);
      if (change === null) continue;
      if (change.kind !== 'keep') {
        this.#write(facts, component, change, then);
        return true;
      }
      if (this.#kept.get(component.id) === change.reason) continue;
      this.#kept.set(component.id, change.reason);
      this.#tell(facts, 'writer-kept', { component: component.id, instance: change.former, reason: change.reason });
    }
    return false;
  }

  #write(facts: Facts, component: Component, change: Change, then: (now: number, wall: Facts['wallMs']) => void): void {
    const record = rewritten(facts, component, change);
    this.#amendment.write(facts, record, (now, wall) => {
      const { kind, data } = evidenceOf(change, record.writers![component.id]!);
      this.#tell(facts, kind, { component: component.id, ...data }, record.epoch);
      then(now, wall);
    });
  }

  #tell(facts: Facts, kind: string, data: Readonly<Record<string, Json>>, epoch = facts.record?.epoch): void {
    const about = { group: facts.group.id, run: null, epoch: epoch ?? null, term: facts.leadership.term };
    this.#around.emit({ kind: 'evidence', entry: { kind, ...about, data } });
  }
}

/** The record after this change. The first one raises the epoch; whoever is opened is opened at it. */
export function rewritten({ record, topology }: Facts, component: Component, change: Change): GroupRecord {
  assert(record !== null, 'a writer is replaced without a record');
  const { replaced, instance } = seatOf(record, component, topology);
  const { siteOfInstance } = indexOf(topology);
  const [lead] = Object.values(component.served?.leads ?? {});
  const holder = lead === undefined ? null : (record.grants[lead.to]?.holder ?? null);
  const besideSite = holder === null ? undefined : siteOfInstance.get(holder);
  assert(besideSite !== undefined, `nobody holds what writes to ${component.id}`);
  const written = (epoch: Epoch, writer: ReplacedWriter): GroupRecord => ({
    ...record,
    epoch,
    writers: { ...record.writers, [component.id]: writer },
  });
  switch (change.kind) {
    case 'close': {
      assert(instance === change.former, `${change.former} does not let writers in`);
      const { former, why } = change;
      const epoch = (record.epoch + 1) as Epoch;
      return written(epoch, { component: component.id, instance: null, epoch, former, besideSite, why });
    }
    case 'open':
      assert(replaced?.instance === null, `${component.id} was not closed`);
      return written(record.epoch, {
        ...replaced,
        instance: change.instance,
        ...(change.formerEnd === null ? {} : { formerEnd: change.formerEnd }),
      });
    case 'diverged': {
      assert(instance === change.instance, `${change.instance} does not let writers in`);
      const { formerEnd, loss } = change;
      const { epoch } = seatOf(record, component, topology);
      const why = 'its history changed';
      return written(record.epoch, {
        ...{ component: component.id, instance, epoch, former: instance, besideSite },
        ...{ why, formerEnd, loss },
      });
    }
    case 'count':
      assert(replaced !== null, `${component.id} was not replaced`);
      return written(record.epoch, { ...replaced, loss: change.loss });
  }
}

function evidenceOf(
  change: Change,
  { instance, former, why }: ReplacedWriter,
): { readonly kind: string; readonly data: Readonly<Record<string, Json>> } {
  switch (change.kind) {
    case 'close':
      return { kind: 'writer-closed', data: { from: former, why } };
    case 'open':
      return { kind: 'writer-named', data: { instance, from: former, why, proof: change.proof } };
    case 'diverged':
      return { kind: 'writer-diverged', data: { instance, loss: { ...change.loss } } };
    case 'count':
      return { kind: 'writer-opened', data: { instance, from: former, loss: { ...change.loss } } };
  }
}
