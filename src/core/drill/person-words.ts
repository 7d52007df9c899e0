import { exposureIn, exposureText } from '../authority/resume.ts';
import type { OperatorAnswer, OperatorRequest } from '../operator/operator-request.ts';
import { type Moment, siteMeant } from './meant.ts';
import type { PersonRequest } from './scenario.ts';

/** What a person of a scenario has before them. */
export interface PersonView extends Moment {
  readonly group: string;
  /** Of the plan of the last decision; null = there is none. */
  readonly waitingDigest: string | null;
}

const LOSS = 'orders: whatever is missing';

/** What is asked of a controller, in the operators' own terms. */
export function wordsOf(request: PersonRequest, view: PersonView): OperatorRequest {
  const { group, record } = view;
  switch (request.kind) {
    case 'freeze':
      return { kind: 'freeze', group, lift: false, reason: 'somebody looks first', minutes: null };
    case 'unfreeze':
      return { kind: 'freeze', group, lift: true, reason: 'over', minutes: null };
    case 'acknowledge':
      return { kind: 'acknowledge', group };
    case 'adopt':
      return { kind: 'adopt', group, reason: 'the copy of a moment ago' };
    case 'resume':
      return {
        kind: 'resume',
        group,
        acceptExposure: record === null ? '' : exposureText(exposureIn(record)),
        reason: 'trading must go on',
      };
    case 'approve':
      return { kind: 'approve', group, digest: view.waitingDigest ?? '', minutes: 5, acceptDataLoss: null };
    case 'approve-loss':
      // Which plan it would be is in the refusal of an approval that names none.
      return { kind: 'approve', group, digest: '?', minutes: 5, acceptDataLoss: LOSS };
    case 'move':
      return {
        kind: 'move',
        group,
        move: request.move,
        toSite: siteMeant(request.site, view),
        digest: null,
        overrides: [],
        reason: 'planned',
        acceptDataLoss: null,
      };
    case 'recover':
      return {
        kind: 'recover',
        group,
        component: request.component,
        runbook: null,
        digest: null,
        reason: 'odd figures',
      };
  }
}

/** The same approval with the plan that the refusal names; null = nothing of that kind was asked, or no plan is named. */
export function namedApproval(asked: OperatorRequest, answer: OperatorAnswer): OperatorRequest | null {
  if (asked.kind !== 'approve' || asked.digest !== '?' || answer.kind !== 'refused') return null;
  const digest = /the plan is now (\w+)/.exec(answer.found)?.[1];
  return digest === undefined ? null : { ...asked, digest };
}
