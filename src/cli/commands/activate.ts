import { chooseGroup } from '../choose-group.ts';
import { type CommandContext, say } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { confirmTarget } from '../confirm.ts';
import { led } from '../connect/session.ts';
import { readKnowledge } from '../read-knowledge.ts';
import { roleWarning } from '../role-warning.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { statusScreen } from '../view/status-screen.ts';
import { finish } from './move.ts';

/** The first grant of a group that nobody has ever held. Once in its life. */
export async function activateCommand(
  context: CommandContext,
  options: { readonly site: string; readonly yes: boolean; readonly wait: boolean },
): Promise<CommandOutcome> {
  const before = await readKnowledge(context.session.controllers);
  const { group } = chooseGroup(before.status, context.group);
  const { site, yes, wait } = options;
  const tried = `activate ${group} at ${site}`;
  say(context, [...statusScreen(before), '', `${tried}: the first epoch is granted to the instances there`]);
  const request = { kind: 'activate', group, site } as const;
  say(context, roleWarning(context, request));
  await confirmTarget(context, { consent: { yes, digest: null }, target: site, attempted: tried, hasPlan: false });
  const answer = led(await context.session.controllers.ask(request), tried);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  return finish(context, { group, tried, result: answer.result, wait });
}
