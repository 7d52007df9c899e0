import type { GroupRecord } from '../core/authority/group-record.ts';
import { asksBeforePromotion } from '../core/authority/promotion-permit.ts';
import type { ComponentId, InstanceId, RunId } from '../core/base/ids.ts';
import type { RecoveryPlan } from '../core/plan/recovery-plan.ts';
import type { JournalEntry } from '../core/run/run.ts';
import type { Coverage } from './coverage.ts';
import type { DelegateModel } from './delegate-model.ts';
import type { InstanceModel } from './instance-model.ts';

export interface DelegateTruth {
  readonly delegates: readonly DelegateModel[];
  readonly instances: ReadonlyMap<InstanceId, InstanceModel>;
  readonly coverage: Coverage;
  now(): number;
  violated(detail: string): void;
}

/** What an agent saw is journalled this soon: it may have ended meanwhile, and is looked at anew. */
const TOLD_WITHIN_MS = 5000;

/** I3 for what is delegated: its lock, named. Compares what the record and the journal say with who really had the lock. */
export class DelegateChecker {
  readonly #truth: DelegateTruth;
  readonly #plans = new Map<string, RecoveryPlan>();
  #adopted: GroupRecord['delegates'] = {};
  #run: RunId | null = null;

  constructor(truth: DelegateTruth) {
    this.#truth = truth;
  }

  /** No lock is taken away while anything of its holder is there, or lets clients in; nor are they ever let in at two. */
  #released(): void {
    for (const { releases, doubled } of this.#truth.delegates) {
      for (const { holder, why, could } of releases.splice(0)) {
        this.#truth.coverage.count(
          why === 'gone' ? 'I3: a lock was released' : 'I3: a lock was released behind a closed gate',
        );
        if (could)
          this.#truth.violated(
            `the lock of ${holder} was released before its time, and ${holder} ${why === 'gone' ? 'was there' : 'let clients in'}`,
          );
      }
      for (const { one, other } of doubled.splice(0))
        this.#truth.violated(`clients are let in at ${one} and at ${other}, and both believe to be primary`);
    }
  }

  /** Where its delegate asks before it promotes, nobody is promoted while a run moves it to another. */
  promoted(id: ComponentId, member: InstanceId): void {
    const model = this.#truth.delegates.find(({ component }) => component.id === id);
    if (model === undefined || !asksBeforePromotion(model.component) || this.#run === null) return;
    const move = this.#plans.get(this.#run)?.delegates?.find(({ component }) => component === id);
    if (move === undefined || move.from === move.to || this.#adopted?.[id]?.holder !== null) return;
    this.#truth.coverage.count('I3: a promotion was asked about while a run moved it');
    if (move.to !== member) this.#truth.violated(`${member} was promoted while ${this.#run} moved ${id} to ${move.to}`);
  }

  /** Nobody is led to whom the lock never named at that revision. */
  recorded({ delegates = {}, run }: GroupRecord): void {
    this.#released();
    this.#run = run;
    for (const { component, holder, lock } of Object.values(delegates)) {
      const before = this.#adopted?.[component];
      if (holder === null || (before?.holder === holder && before.lock === lock)) continue;
      const model = this.#truth.delegates.find((each) => each.component.id === component);
      this.#truth.coverage.count('I3: a delegate was adopted');
      if (before !== undefined && lock < before.lock)
        this.#truth.violated(`${holder} is led to as primary of ${component} again; its lock has moved on since`);
      if (!model?.history.some((each) => each.holder === holder && each.since === lock))
        this.#truth.violated(
          `${holder} is led to as primary of ${component}; its lock never named it at revision ${lock}`,
        );
    }
    this.#adopted = delegates;
  }

  /** When what depends on it was promoted, the chosen one had the lock and was primary; while it has, nobody else believes to be. */
  journalled({ run, events }: JournalEntry): void {
    for (const event of events) {
      if (event.kind === 'opened') this.#plans.set(run, event.plan);
      if (event.kind !== 'step-finished' || event.step !== 'promote-components' || event.outcome !== 'ok') continue;
      for (const { component, to } of this.#plans.get(run)?.delegates ?? []) this.#arrived(component, to);
    }
  }

  #arrived(component: string, to: InstanceId): void {
    const { delegates, instances, coverage, now } = this.#truth;
    const model = delegates.find((each) => each.component.id === component);
    coverage.count('I3: a delegate was moved');
    const at = model?.primaryAt(to) ?? Number.NEGATIVE_INFINITY;
    if (now() - at > TOLD_WITHIN_MS)
      this.#truth.violated(
        `${to} was taken for the primary of ${component}; the lock names ${model?.holder ?? 'nobody'}`,
      );
    if (model?.holder !== to) return;
    for (const { id } of model.component.instances) {
      const { role, process } = instances.get(id)!;
      if (id !== to && role === 'primary' && process === 'running' && model.hasLooked(id) && model.letsIn(id))
        this.#truth.violated(`${to} was taken for the primary of ${component}, and ${id} is ${role}`);
    }
  }
}
