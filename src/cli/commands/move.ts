import type { Json } from '../../core/base/canonical-json.ts';
import { PREREQUISITE_IDS } from '../../core/decision/prerequisites.ts';
import type { RunState } from '../../core/run/run.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import type { OperatorRequest } from '../../wire/operator-api.ts';
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
import { isPrerequisite } from '../view/prerequisite-lines.ts';
import { type ReceiptView, receiptIn, stopping, unmet } from '../view/receipt-view.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { isRuleId, mayBeOverridden, ruleWords } from '../view/rule-words.ts';
import { statusScreen } from '../view/status-screen.ts';
import { askPlan } from './plan.ts';
import { exitCodeOfRun } from './runs.ts';

export interface MoveOptions {
  /** What was typed, for messages: failback is a switchover with the target chosen by preference. */
  readonly verb: 'failover' | 'switchover' | 'failback';
  readonly toSite: string | null;
  readonly overrides: readonly string[];
  readonly reason: string;
  /** E.g. `orders:12`: names the loss that is accepted. */
  readonly acceptDataLoss: string | null;
  readonly consent: Consent;
  /** Change ticket of a planned move. */
  readonly ticket?: string | null;
  /** Follow the run to its end. */
  readonly wait: boolean;
}

/**
 * Topology, plan and rules, typed target, live steps, topology again. Only the plan that was shown is asked for: when the facts
 * change in between, the controller refuses and the new plan is shown.
 */
export async function moveCommand(context: CommandContext, wish: MoveOptions): Promise<CommandOutcome> {
  // Shown as to somebody who would be asked: `--yes` passes what the rules say on to the controllers, and here nobody asks them.
  const options = context.dryRun === true ? { ...wish, consent: { ...wish.consent, yes: false } } : wish;
  checkOverrides(options);
  const { verb } = options;
  const move = verb === 'failover' ? 'failover' : 'switchover';
  const before = await readKnowledge(context.session.controllers);
  const { group } = chooseGroup(before.status, context.group);
  const { acceptDataLoss, overrides, ticket = null } = options;
  const asked = await askPlan(context, { move, toSite: options.toSite, group, acceptDataLoss, overrides, ticket });
  if (asked.kind === 'refused') return asked.outcome;
  say(context, [...statusScreen(before), '']);
  if (verb === 'failback')
    say(context, [
      `failback is a switchover to the most preferred serving site that is not active: ${asked.receipt.toSite}`,
      '',
    ]);
  let { receipt } = asked;
  for (let round = 1; ; round += 1) {
    const tried = `${verb} ${group} → ${receipt.toSite}`;
    say(context, planScreen(receipt, `${verb} ${group}`));
    const hopeless = dryRefusal(receipt, options, tried);
    if (hopeless !== null) return hopeless;
    const consent = round === 1 ? options.consent : { yes: false, digest: null };
    checkDigest(receipt, options.consent, tried);
    const request = requestOf({ group, move, receipt }, options);
    say(context, roleWarning(context, request));
    await confirmTarget(context, { consent, target: receipt.toSite, attempted: tried, hasPlan: true });
    const answer = led(await context.session.controllers.ask(request), `${verb} ${group}`);
    const changed = answer.kind === 'refused' && answer.code === 'HF-4104' ? receiptIn(answer.result) : null;
    if (changed !== null && round < 4 && !options.consent.yes && context.terminal.interactive && !context.json) {
      say(context, ['', `The plan is another one now: ${changed.digest}. Nothing was done.`]);
      receipt = changed;
      continue;
    }
    if (answer.kind === 'refused') return refusalOutcome(answer);
    return finish(context, { group, tried, result: answer.result, wait: options.wait });
  }
}

const requestOf = (
  about: { readonly group: string; readonly move: 'failover' | 'switchover'; readonly receipt: ReceiptView },
  { consent, overrides, reason, acceptDataLoss, ticket = null }: MoveOptions,
): OperatorRequest => ({
  kind: 'move',
  group: about.group,
  move: about.move,
  toSite: about.receipt.toSite,
  digest: consent.digest ?? about.receipt.digest,
  overrides,
  reason,
  acceptDataLoss,
  ticket,
});

/** Follows the run that an answer names, then shows the topology again. Also used by activate. */
export async function finish(
  context: CommandContext,
  about: { readonly group: string; readonly tried: string; readonly result: Json; readonly wait: boolean },
): Promise<CommandOutcome> {
  const { result, group, tried, wait } = about;
  const id = (result as { readonly run?: string } | null)?.run ?? null;
  if (id === null || !wait)
    return {
      exitCode: exitCodes.ok,
      text: `${tried}: begun as ${id}\nnext    holdfast runs ${id}\n`,
      json: { ok: true, run: id, decision: result, exitCode: exitCodes.ok },
    };
  const run = await followRun(context, {
    group,
    isIt: (each) => each.run === id,
    what: `${tried} (${id})`,
    appearsWithinMs: 15_000,
  });
  return ended(context, { run, tried });
}

/** The end of a followed run for people and scripts: the topology once more, and how it went. */
export async function ended(
  context: CommandContext,
  { run, tried }: { readonly run: RunState; readonly tried: string },
): Promise<CommandOutcome> {
  const exitCode = exitCodeOfRun(run.result);
  const after = await readKnowledge(context.session.controllers).catch(() => null);
  const screen =
    after === null ? ['? the topology afterwards is unknown: no controller answered'] : statusScreen(after);
  const end =
    run.result === 'completed'
      ? `${tried}: completed as ${run.run}`
      : `${tried}: ${run.result ?? 'unknown'}: ${run.reason ?? ''}`;
  return {
    exitCode,
    text: `\n${[...screen, '', end].join('\n')}\n`,
    json: { ok: exitCode === 0, run: run as unknown as Json, after: after?.raw ?? null, exitCode },
  };
}

/** What the dry run with these flags says no to is not even asked for. */
function dryRefusal(receipt: ReceiptView, { consent }: MoveOptions, tried: string): CommandOutcome | null {
  const [rule] = stopping(receipt);
  const first = rule ?? unmet(receipt)[0];
  if (first === undefined || consent.yes) return null;
  const code = rule === undefined ? 'HF-4122' : isRuleId(rule.rule) ? ruleWords[rule.rule].code : 'HF-4100';
  return refusalOutcome({
    kind: 'refused',
    code,
    tried,
    found: first.reason,
    next: first.next ?? 'holdfast status',
    result: receipt as unknown as Json,
  });
}

function checkDigest(receipt: ReceiptView, { digest, yes }: Consent, attempted: string): void {
  if (digest === null || digest === receipt.digest || yes) return;
  throw new HoldfastError({
    code: 'HF-4104',
    attempted,
    found: `the plan is now ${receipt.digest}, not ${digest}: the facts have changed. Nothing was done`,
    next: 'look at the plan above; then give its digest, or leave --plan out and type the target',
  });
}

/** @throws HoldfastError HF-8008 */
export function checkOverrides({ overrides, reason, verb }: Pick<MoveOptions, 'overrides' | 'reason' | 'verb'>): void {
  for (const rule of overrides) {
    if (isPrerequisite(rule)) continue;
    const found = !isRuleId(rule)
      ? `there is no rule ${rule}`
      : mayBeOverridden(rule)
        ? null
        : `no flag overrides ${rule}: ${ruleWords[rule].so}`;
    if (found === null) continue;
    throw new HoldfastError({
      code: 'HF-8008',
      attempted: `${verb} with --override ${rule}`,
      found: `${found}. Nothing was done`,
      next: `only these can be overridden: ${[...Object.keys(ruleWords).filter(mayBeOverridden), ...PREREQUISITE_IDS].join(', ')}`,
    });
  }
  if (overrides.length > 0 && reason.trim() === '')
    throw new HoldfastError({
      code: 'HF-8008',
      attempted: `${verb} with --override ${overrides.join(' --override ')}`,
      found: 'no --reason. Nothing was done',
      next: 'say why with --reason TEXT: it stands beside your name in the evidence',
    });
}
