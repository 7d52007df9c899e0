import { parseTailAnswer } from '../../wire/tail-answer.ts';
import { choosing } from '../choosing.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { led } from '../connect/session.ts';
import { exitCodes } from '../exit-code.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { tailScreen } from '../view/tail-screen.ts';

/** What a divergent tail was decoded to, as the instance that keeps it says. Changes nothing. */
export async function tailCommand(context: CommandContext, instance: string | null): Promise<CommandOutcome> {
  const { group } = await choosing(context);
  const answer = led(
    await context.session.controllers.ask({ kind: 'tail', group, instance }),
    'tell the divergent tail',
  );
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const tail = parseTailAnswer(answer.result);
  const exitCode = tail.inconclusive.length === 0 ? exitCodes.ok : exitCodes.unknown;
  const lines = tailScreen(tail, Math.max(100, context.terminal.columns));
  return { exitCode, text: `${lines.join('\n')}\n`, json: { ...(answer.result as object), exitCode } };
}
