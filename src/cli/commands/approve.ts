import { HoldfastError } from '../../wire/holdfast-error.ts';
import { chooseGroup } from '../choose-group.ts';
import { type CommandContext, say } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { type Consent, confirmTarget } from '../confirm.ts';
import { led } from '../connect/session.ts';
import { exitCodes } from '../exit-code.ts';
import { followRun } from '../follow-run.ts';
import { readKnowledge } from '../read-knowledge.ts';
import { roleWarning } from '../role-warning.ts';
import { planScreen } from '../view/plan-screen.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { statusScreen } from '../view/status-screen.ts';
import { ended } from './move.ts';

export interface ApproveOptions {
  readonly digest: string;
  readonly minutes: number;
  readonly acceptDataLoss: string | null;
  readonly yes: boolean;
  readonly wait: boolean;
}

/** Says yes to exactly one plan, the one that waits, until a time; then follows the run that it allows. */
export async function approveCommand(context: CommandContext, options: ApproveOptions): Promise<CommandOutcome> {
  const { digest, minutes, acceptDataLoss } = options;
  const before = await readKnowledge(context.session.controllers);
  const group =
    before.status.groups.find(({ decision }) => decision?.digest === digest) ??
    chooseGroup(before.status, context.group);
  const attempted = `approve ${digest}`;
  const request = { kind: 'approve', group: group.group, digest, minutes, acceptDataLoss } as const;
  const decision = before.status.controller.leading && group.decision?.digest === digest ? group.decision : null;
  if (decision === null && !options.yes)
    throw new HoldfastError({
      code: 'HF-4104',
      attempted,
      found:
        group.decision === null ? 'no plan waits for an approval' : `the plan that waits is ${group.decision.digest}`,
      next: 'holdfast status shows the plan that waits',
    });
  if (decision !== null) {
    say(context, [
      ...statusScreen(before),
      '',
      ...planScreen(decision, `${decision.trigger} ${group.group}`),
      `        the approval holds for ${minutes} min`,
    ]);
    say(context, roleWarning(context, request));
    const consent: Consent = { yes: options.yes, digest };
    await confirmTarget(context, { consent, target: decision.toSite, attempted, hasPlan: true });
  }
  const answer = led(await context.session.controllers.ask(request), attempted);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  if (!options.wait)
    return {
      exitCode: exitCodes.ok,
      text: `approved ${digest} for ${minutes} min\nnext    holdfast status -w\n`,
      json: { ok: true, approved: digest, result: answer.result, exitCode: exitCodes.ok },
    };
  const run = await followRun(context, {
    group: group.group,
    isIt: (each) => each.plan.digest === digest,
    what: `the run of plan ${digest}`,
    appearsWithinMs: 15_000,
  });
  return ended(context, { run, tried: attempted });
}
