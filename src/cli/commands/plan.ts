import type { Json } from '../../core/base/canonical-json.ts';
import { choosing } from '../choosing.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { led } from '../connect/session.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { planScreen } from '../view/plan-screen.ts';
import { parseReceipt, type ReceiptView } from '../view/receipt-view.ts';
import { refusalOutcome } from '../view/refusal.ts';

export interface PlanOptions {
  readonly move: 'failover' | 'switchover';
  readonly toSite: string | null;
}

/** What would be done now, and whether it may be. Ends as the command itself would: 0, 3 or 4. Changes nothing. */
export async function planCommand(context: CommandContext, options: PlanOptions): Promise<CommandOutcome> {
  const group = await choosing(context);
  const asked = await askPlan(context, { ...options, group: group.group });
  if (asked.kind === 'refused') return asked.outcome;
  const { receipt, raw } = asked;
  const lines = planScreen(receipt, `${options.move} ${group.group}`);
  return {
    exitCode: exitCodeOfPlan(receipt),
    text: `${lines.join('\n')}\n`,
    json: { ...(raw as object), exitCode: exitCodeOfPlan(receipt) },
  };
}

export const exitCodeOfPlan = ({ verdict }: ReceiptView): ExitCode =>
  verdict === 'proceed' ? exitCodes.ok : verdict === 'ask-approval' ? exitCodes.needsApproval : exitCodes.refused;

export type AskedPlan =
  | { readonly kind: 'planned'; readonly receipt: ReceiptView; readonly raw: Json }
  | { readonly kind: 'refused'; readonly outcome: CommandOutcome };

/** @throws HoldfastError HF-8006 when no controller leads */
export async function askPlan(
  { session }: CommandContext,
  wish: PlanOptions & { readonly group: string },
): Promise<AskedPlan> {
  const answer = led(await session.controllers.ask({ kind: 'plan', ...wish }), `plan ${wish.move} ${wish.group}`);
  if (answer.kind === 'refused') return { kind: 'refused', outcome: refusalOutcome(answer) };
  return { kind: 'planned', receipt: parseReceipt(answer.result), raw: answer.result };
}
