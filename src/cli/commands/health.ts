import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { readKnowledge } from '../read-knowledge.ts';
import { healthExitCode, healthJson, healthScreen } from '../view/health-screen.ts';

/** Every instance at four depths, every host through every observer's eyes. */
export async function healthCommand({ session, terminal, group }: CommandContext): Promise<CommandOutcome> {
  const knowledge = await readKnowledge(session.controllers, group);
  const lines = healthScreen(knowledge, Math.max(110, terminal.columns));
  return { exitCode: healthExitCode(knowledge), text: `${lines.join('\n')}\n`, json: healthJson(knowledge) };
}
