import { chooseGroup } from '../choose-group.ts';
import { type CommandContext, say } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { confirmTarget } from '../confirm.ts';
import { led } from '../connect/session.ts';
import { readKnowledge } from '../read-knowledge.ts';
import { roleWarning } from '../role-warning.ts';
import { planScreen } from '../view/plan-screen.ts';
import { parseReceipt } from '../view/receipt-view.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { finish } from './move.ts';

export interface RecoverOptions {
  readonly component: string;
  /** Name of the recovery plan; null = the one of its kind. */
  readonly runbook: string | null;
  readonly reason: string;
  readonly yes: boolean;
  /** Follow the run to its end. */
  readonly wait: boolean;
}

/** Recovers one component by its own plan: shows the plan and every rule, asks for the component's name, follows the run. */
export async function recoverCommand(context: CommandContext, options: RecoverOptions): Promise<CommandOutcome> {
  const { component, runbook, reason, yes, wait } = options;
  const { status } = await readKnowledge(context.session.controllers);
  const { group } = chooseGroup(status, context.group);
  const tried = `recover ${component}`;
  const { controllers } = context.session;
  const planned = led(await controllers.ask({ kind: 'plan-recovery', group, component, runbook }), tried);
  if (planned.kind === 'refused') return refusalOutcome(planned);
  const receipt = parseReceipt(planned.result);
  say(context, planScreen(receipt, tried));
  const request = { kind: 'recover', group, component, runbook, digest: receipt.digest, reason } as const;
  say(context, roleWarning(context, request));
  await confirmTarget(context, {
    consent: { yes, digest: receipt.digest },
    target: component,
    attempted: tried,
    hasPlan: true,
  });
  const answer = led(await controllers.ask(request), tried);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  return finish(context, { group, tried, result: answer.result, wait });
}
