import { namedApproval, type PersonView, wordsOf } from '../../src/core/drill/person-words.ts';
import type { PersonRequest } from '../../src/core/drill/scenario.ts';
import {
  type OperatorAnswer,
  type OperatorRequest,
  type Role,
  roleNeeded,
} from '../../src/core/operator/operator-request.ts';
import type { Platform } from '../demo/platform.ts';
import { defaultOperators } from '../lab-up.ts';

/** What came of asking. `answer` null: nobody answered in time, and it may have been done. */
export interface Asked {
  readonly person: string;
  readonly answer: OperatorAnswer | null;
  readonly found: string;
}

/** Asks as whoever of the lab's people has just the role that it needs, over their own certificate. */
export async function askAs(
  platform: Platform,
  request: PersonRequest,
  view: PersonView,
  deadlineMs: number,
): Promise<Asked> {
  const asked = wordsOf(request, view);
  const first = await askOnce(platform, asked, deadlineMs);
  const named = first.answer === null ? null : namedApproval(asked, first.answer);
  return named === null ? first : askOnce(platform, named, deadlineMs);
}

async function askOnce(platform: Platform, request: OperatorRequest, deadlineMs: number): Promise<Asked> {
  const person = whoMay(roleNeeded(request));
  try {
    const answer = await platform.ask(person, request, deadlineMs);
    return { person, answer, found: answerText(answer) };
  } catch (error) {
    return { person, answer: null, found: error instanceof Error ? error.message : String(error) };
  }
}

const whoMay = (role: Role): string => defaultOperators.find((each) => each.role === role)!.name;

function answerText(answer: OperatorAnswer): string {
  switch (answer.kind) {
    case 'ok':
      return 'accepted';
    case 'refused':
      return `refused, ${answer.code}: ${answer.found}`;
    case 'not-leading':
      return 'nobody leads';
  }
}
