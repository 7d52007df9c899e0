import type { Runbook, RunbookId } from '../core/plan/runbook.ts';

/** The same runbooks as another release ships them: other texts, longer deadlines, another digest. */
export const otherVersion = (runbooks: ReadonlyMap<RunbookId, Runbook>): ReadonlyMap<RunbookId, Runbook> =>
  new Map(
    [...runbooks].map(([id, runbook]) => [
      id,
      {
        ...runbook,
        version: runbook.version + 1,
        steps: runbook.steps.map((step) => ({
          ...step,
          ...(step.onExpiry === undefined ? {} : { onExpiry: 'go-on' as const }),
          deadlineMs: step.deadlineMs * 1.5,
        })),
      },
    ]),
  );
