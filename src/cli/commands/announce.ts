import { choosing } from '../choosing.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { led } from '../connect/session.ts';
import { exitCodes } from '../exit-code.ts';
import { refusalOutcome } from '../view/refusal.ts';

/** Says that planned work is coming: the notice period of a planned move counts from then. */
export async function announceCommand(
  context: CommandContext,
  { ticket, reason }: { readonly ticket: string; readonly reason: string },
): Promise<CommandOutcome> {
  const { group } = await choosing(context);
  const answer = led(
    await context.session.controllers.ask({ kind: 'announce', group, ticket, reason }),
    `announce ${ticket} for ${group}`,
  );
  if (answer.kind === 'refused') return refusalOutcome(answer);
  return {
    exitCode: exitCodes.ok,
    text: `${group}: ${ticket} is announced: ${reason}\nnext    holdfast plan switchover --ticket ${ticket}\n`,
    json: { ok: true, group, ticket, result: answer.result, exitCode: exitCodes.ok },
  };
}
