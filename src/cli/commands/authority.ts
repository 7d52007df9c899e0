import { Fields } from '../../wire/fields.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import { chooseGroup } from '../choose-group.ts';
import { type CommandContext, say } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { confirmTarget } from '../confirm.ts';
import { led } from '../connect/session.ts';
import { exitCodes } from '../exit-code.ts';
import { readKnowledge } from '../read-knowledge.ts';
import { roleWarning } from '../role-warning.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { statusScreen } from '../view/status-screen.ts';
import { labelled } from '../view/text.ts';

/** Believes an authority that was restored from a backup, on one person's name. What follows is decided by the usual rules. */
export async function adoptCommand(
  context: CommandContext,
  options: { readonly reason: string; readonly yes: boolean },
): Promise<CommandOutcome> {
  const { reason, yes } = options;
  const before = await readKnowledge(context.session.controllers);
  const { group, record } = chooseGroup(before.status, context.group);
  const tried = `adopt the restored authority for ${group}`;
  if (reason.trim() === '')
    throw new HoldfastError({
      code: 'HF-8003',
      attempted: tried,
      found: 'no --reason. Nothing was done',
      next: 'say which backup it is and why it may be believed with --reason TEXT',
    });
  say(context, [
    ...statusScreen(before),
    '',
    ...labelled('ADOPT', `${group}: the authority is ${before.status.authority.incarnation ?? 'unknown'}`),
    ...labelled('', `the record was written under ${record?.incarnation ?? 'none'}, epoch ${record?.epoch ?? 'none'}`),
    ...labelled(
      '',
      'every grant is taken and the epoch is raised far above; what the backup does not know of is forgotten',
    ),
  ]);
  const request = { kind: 'adopt', group, reason } as const;
  say(context, roleWarning(context, request));
  await confirmTarget(context, { consent: { yes, digest: null }, target: group, attempted: tried, hasPlan: false });
  const answer = led(await context.session.controllers.ask(request), tried);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const fields = Fields.of(answer.result, 'adoption');
  const doubted = fields.texts('doubted', []);
  const lines = [
    ...labelled(
      'ADOPTED',
      `${group}: epoch ${fields.number('epochTo')}, was ${fields.numberOrNull('epochFrom') ?? 'none'}`,
    ),
    ...labelled('', `believed: ${fields.texts('believed', []).join(', ') || 'no component'}`),
    ...labelled(
      '',
      doubted.length === 0
        ? 'doubted: no component'
        : `doubted: ${doubted.join(', ')}: nobody is known to have everything, so a grant needs an accepted loss`,
    ),
    ...labelled('next', 'a controller leads anew in some seconds: holdfast status -w'),
    ...(doubted.length === 0
      ? []
      : labelled('', 'then look at what it would cost: holdfast plan failover SITE --accept-data-loss=CLASS:unknown')),
  ];
  return {
    exitCode: exitCodes.ok,
    text: `${lines.join('\n')}\n`,
    json: { ok: true, group, adopted: answer.result, exitCode: exitCodes.ok },
  };
}
