import { exposureIn, exposureText } from '../../core/authority/resume.ts';
import type { Json } from '../../core/base/canonical-json.ts';
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

export interface ResumeOptions {
  /** As the person names it; null = not named. */
  readonly acceptExposure: string | null;
  readonly reason: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

/** Ends a halt on one person's name: what stands still goes on without exactly those who are missing. */
export async function resumeCommand(context: CommandContext, options: ResumeOptions): Promise<CommandOutcome> {
  const { acceptExposure, reason, dryRun, yes } = options;
  const before = await readKnowledge(context.session.controllers);
  const { group, record } = chooseGroup(before.status, context.group);
  const exposure = record === null ? [] : exposureIn(record);
  const named = exposureText(exposure);
  const tried = `resume ${group} without a copy elsewhere`;
  const shown = [
    ...exposure.flatMap(({ component, holder, lost }, index) =>
      labelled(
        index === 0 ? 'RESUME' : '',
        `${component} on ${holder ?? 'nobody'} goes on without ${lost.join(', ') || 'a copy elsewhere'}`,
      ),
    ),
    ...labelled(
      'EXPOSED',
      'what is acknowledged from then on has no copy elsewhere until one of them has caught up; a failover to them needs an approval that names the loss',
    ),
  ];
  if (dryRun) {
    const text =
      exposure.length === 0
        ? labelled('RESUME', `nothing of ${group} is halted: there is nothing to resume`)
        : [...shown, ...labelled('NAMED', `--accept-exposure ${named}`)];
    return {
      exitCode: exitCodes.ok,
      text: `${text.join('\n')}\n`,
      json: {
        ok: true,
        dryRun: true,
        group,
        exposure: exposure as unknown as Json,
        acceptExposure: named,
        exitCode: exitCodes.ok,
      },
    };
  }
  if (acceptExposure === null || reason.trim() === '')
    throw new HoldfastError({
      code: 'HF-8003',
      attempted: tried,
      found: `no ${acceptExposure === null ? '--accept-exposure' : '--reason'}. Nothing was done`,
      next:
        exposure.length === 0
          ? 'nothing is halted: holdfast status'
          : `holdfast resume --dry-run shows it; then --accept-exposure ${named} --reason TEXT`,
    });
  say(context, [...statusScreen(before), '', ...shown]);
  const request = { kind: 'resume', group, acceptExposure, reason } as const;
  say(context, roleWarning(context, request));
  await confirmTarget(context, { consent: { yes, digest: null }, target: group, attempted: tried, hasPlan: false });
  const answer = led(await context.session.controllers.ask(request), tried);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  return {
    exitCode: exitCodes.ok,
    text: `${group}: goes on without ${named}, on your name\nnext    holdfast status -w\n`,
    json: { ok: true, group, accepted: acceptExposure, result: answer.result, exitCode: exitCodes.ok },
  };
}
