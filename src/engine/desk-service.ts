import type { Json } from '../core/base/canonical-json.ts';
import type { WallMs } from '../core/base/ids.ts';
import type { Brakes } from '../core/decision/brakes.ts';
import type { EvidenceKind } from '../core/evidence/evidence-kind.ts';
import type { OperatorAnswer, Person } from '../core/operator/operator-request.ts';
import { keys } from './authority-keys.ts';
import type { ControllerCore } from './controller-core.ts';
import type { GroupControl } from './group-control.ts';

/** One request of one person, and the ticket under which it is answered, once. */
export interface Asked {
  readonly person: Person;
  readonly ticket: number;
  readonly now: number;
  readonly wall: WallMs;
}

export interface Refusal {
  readonly code: string;
  readonly tried: string;
  readonly found: string;
  readonly next: string;
  readonly result?: Json;
}

/** What every desk needs: answers, evidence, and changes of the brakes under the leader's key. */
export class DeskService {
  readonly controller: ControllerCore;

  constructor(controller: ControllerCore) {
    this.controller = controller;
  }

  answer({ ticket }: Asked, answer: OperatorAnswer): void {
    this.controller.emit({ kind: 'answer', ticket, answer });
  }

  refuse(asked: Asked, { result = null, ...refusal }: Refusal): void {
    this.answer(asked, { kind: 'refused', ...refusal, result });
  }

  evidence(group: GroupControl, kind: EvidenceKind, data: Json, about: { readonly epoch?: number } = {}): void {
    this.controller.emit({
      kind: 'evidence',
      entry: {
        kind,
        group: group.group.id,
        run: null,
        epoch: (about.epoch ?? null) as never,
        term: this.controller.leadership.term,
        data,
      },
    });
  }

  /** Changes the brakes by compare-and-set under the leader's key; what has expired is dropped with it. */
  brakes(
    group: GroupControl,
    asked: Asked,
    change: (brakes: Brakes) => Brakes,
    then: (brakes: Brakes) => void = (brakes) =>
      this.answer(asked, { kind: 'ok', result: { brakes: brakes as unknown as Json } }),
  ): void {
    const facts = group.facts(asked.now, asked.wall);
    const key = keys.brakes(group.group.id);
    const { mirror, leadership } = this.controller;
    const value = change(stillValid(facts.brakes, asked.wall));
    const put = [{ key, value: value as unknown as Json }];
    this.controller.transact(
      { compare: [leadership.comparison(mirror), { key, revision: mirror.revisionOf(key) }], put },
      2000,
      (outcome, at) => {
        if (outcome.kind === 'committed') {
          mirror.change(put, outcome.revision, at);
          return then(value);
        }
        this.refuse(asked, {
          code: 'HF-4105',
          tried: 'change the brakes',
          found: `the authority answered ${outcome.kind}`,
          next: 'look at status, then try again',
        });
      },
    );
  }
}

/** Approvals and attestations that have not expired; everything else as it is. */
export function stillValid(brakes: Brakes, wall: WallMs): Brakes {
  const { attestations, ...rest } = brakes;
  const kept = attestations?.filter((each) => wall < each.until) ?? [];
  return {
    ...rest,
    approvals: brakes.approvals.filter((approval) => wall < approval.until),
    ...(kept.length > 0 ? { attestations: kept } : {}),
  };
}
