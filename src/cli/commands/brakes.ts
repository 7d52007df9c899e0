import type { Json } from '../../core/base/canonical-json.ts';
import type { Brake, KnownTail } from '../../core/decision/brakes.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import type { OperatorRequest } from '../../wire/operator-api.ts';
import { choosing } from '../choosing.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { led } from '../connect/session.ts';
import { exitCodes } from '../exit-code.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { momentText } from '../view/time-text.ts';

export interface BrakeOptions {
  readonly what: 'freeze' | 'maintenance';
  /** Take it away again. */
  readonly lift: boolean;
  readonly reason: string;
  /** Null = until somebody lifts it. */
  readonly minutes: number | null;
}

/** Puts a human brake on automation, or takes it off. People's own commands still work under both. */
export async function brakeCommand(context: CommandContext, options: BrakeOptions): Promise<CommandOutcome> {
  const { what, lift, reason, minutes } = options;
  const { group } = await choosing(context);
  const attempted = `${lift ? 'end' : 'begin'} ${what} of ${group}`;
  if (!lift && reason.trim() === '')
    throw new HoldfastError({
      code: 'HF-8003',
      attempted,
      found: 'no --reason',
      next: 'say why with --reason TEXT: whoever meets the brake tonight will read it',
    });
  const request: OperatorRequest =
    what === 'freeze'
      ? { kind: 'freeze', group, lift, reason, minutes }
      : { kind: 'maintenance', group, end: lift, reason, minutes };
  const answer = led(await context.session.controllers.ask(request), attempted);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const brakes = (
    answer.result as {
      readonly brakes?: { readonly freeze?: Brake | null; readonly maintenance?: Brake | null };
    } | null
  )?.brakes;
  const brake = (what === 'freeze' ? brakes?.freeze : brakes?.maintenance) ?? null;
  const until =
    brake === null ? '' : brake.until === null ? 'until lifted' : `until ${momentText(brake.until, context.nowMs())}`;
  const name = what === 'freeze' ? 'automation' : 'maintenance';
  const text =
    brake === null
      ? `${group}: ${what === 'freeze' ? 'automation is no longer frozen' : 'maintenance has ended'}`
      : `${group}: ${what === 'freeze' ? 'automation is frozen' : 'in maintenance'} by ${brake.by} ${until}: ${brake.reason}`;
  const next =
    brake === null ? '' : `next    ${what === 'freeze' ? 'holdfast unfreeze' : 'holdfast maintenance --end'}\n`;
  return {
    exitCode: exitCodes.ok,
    text: `${text}\n${next}`,
    json: { ok: true, group, [name]: answer.result, exitCode: exitCodes.ok },
  };
}

/** A person has looked at the finished runs: they no longer hold anything up (cool-down, flapping). */
export async function acknowledgeCommand(context: CommandContext, run: string | null): Promise<CommandOutcome> {
  const group = await choosing(context);
  const known = group.brakes.history.map((finished) => finished.run as string);
  if (run !== null && !known.includes(run))
    throw new HoldfastError({
      code: 'HF-8012',
      attempted: `acknowledge ${run}`,
      found: known.length === 0 ? `${group.group} has no finished run` : `${group.group} remembers ${known.join(', ')}`,
      next: 'holdfast runs lists them; without an id all are acknowledged',
    });
  const answer = led(
    await context.session.controllers.ask({ kind: 'acknowledge', group: group.group }),
    `acknowledge runs of ${group.group}`,
  );
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const { brakes } = answer.result as unknown as { readonly brakes: { readonly tails?: readonly KnownTail[] } };
  const tails = brakes.tails ?? [];
  const tailsText =
    tails.length === 0
      ? ''
      : `diverged tails that you have looked at: ${tails.map(({ instance, file, count }) => `${instance}, ${count} in ${file}`).join('; ')}\n`;
  const which = known.length === 0 ? 'there was none' : `all that the group remembers: ${known.join(', ')}`;
  return {
    exitCode: exitCodes.ok,
    text: `${group.group}: finished runs acknowledged, ${which}\n${tailsText}`,
    json: {
      ok: true,
      group: group.group,
      acknowledged: known,
      tails: tails as unknown as Json,
      exitCode: exitCodes.ok,
    },
  };
}
