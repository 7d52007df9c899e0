import { allSee, confirmedPrimary, delegatedComponents } from '../core/authority/delegated-primary.ts';
import type { AdoptedPrimary } from '../core/authority/group-record.ts';
import type { ComponentId } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import { isOpen, type RunState } from '../core/run/run.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { GroupSurroundings } from './group-surroundings.ts';
import { RecordAmendment } from './record-amendment.ts';

/**
 * Whom delegates were seen to have made primary, newer than what the record says; empty = nothing. The record follows what is
 * confirmed and nothing else: while nobody is, it stays. Of what a run moves only the chosen one is adopted.
 */
export function adoptable(facts: Facts): readonly AdoptedPrimary[] {
  const { record, run } = facts;
  if (record === null || !facts.authority.incarnationMatches) return [];
  return delegatedComponents(facts.topology, facts.group).flatMap((component): AdoptedPrimary[] => {
    const seen = confirmedPrimary(facts, component);
    const before = record.delegates?.[component.id];
    if (seen === null || (before?.holder === seen.holder && before.lock === seen.lock)) return [];
    const moving = isOpen(run) ? moveOf(run, component.id) : undefined;
    if (moving !== undefined && moving.to !== seen.holder) return [];
    // A look from before the last adoption.
    if (before !== undefined && seen.lock < before.lock && !allSee(facts, component, seen)) return [];
    return [{ component: component.id, ...seen, epoch: record.epoch }];
  });
}

const moveOf = ({ plan }: RunState, component: ComponentId) =>
  plan.delegates?.find((move) => move.component === component);

/** Every delegate that this run moves is confirmed at its target, and the record says so. It may have moved on since it was asked. */
export function delegatesArrived({ plan }: RunState, facts: Facts): boolean {
  const { component: components } = indexOf(facts.topology);
  return (plan.delegates ?? []).every(
    ({ component, to }) =>
      facts.record?.delegates?.[component]?.holder === to &&
      confirmedPrimary(facts, components.get(component)!)?.holder === to,
  );
}

/**
 * Writes what was confirmed into the record, so that what leads to a delegate's primary follows it. No grant, no epoch: nothing that
 * Holdfast decides rests on it, and a promotion that nobody asked for is adopted as well. Evidence says which it was.
 */
export class DelegateAdoption {
  readonly #around: GroupSurroundings;
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
    const adopted = adoptable(facts);
    const { record } = facts;
    if (record === null || adopted.length === 0) return false;
    const delegates = { ...record.delegates, ...Object.fromEntries(adopted.map((each) => [each.component, each])) };
    this.#amendment.write(facts, { ...record, delegates }, (now, wall) => {
      for (const each of adopted) this.#tell(facts, each);
      then(now, wall);
    });
    return true;
  }

  #tell(facts: Facts, { component, holder, lock, epoch }: AdoptedPrimary): void {
    const run = isOpen(facts.run) ? facts.run : null;
    const asked = run !== null && moveOf(run, component)?.to === holder;
    const data = {
      component,
      holder,
      lock,
      from: facts.record?.delegates?.[component]?.holder ?? null,
      asked: asked ? 'by this run' : 'not by this group',
    };
    const entry = {
      kind: 'delegate-adopted',
      group: facts.group.id,
      run: run?.run ?? null,
      epoch,
      term: facts.leadership.term,
      data,
    };
    this.#around.emit({ kind: 'evidence', entry });
  }
}
