import type { Json } from '../../core/base/canonical-json.ts';
import { choosing } from '../choosing.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { led } from '../connect/session.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { planScreen } from '../view/plan-screen.ts';
import { parseReceipt, type ReceiptView } from '../view/receipt-view.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { labelled } from '../view/text.ts';

export interface PlanOptions {
  readonly move: 'failover' | 'switchover';
  readonly toSite: string | null;
  /** Preview: as if this loss were accepted. */
  readonly acceptDataLoss?: string | null;
  /** Preview: as if these were overridden. */
  readonly overrides?: readonly string[];
  /** Of a planned move. */
  readonly ticket?: string | null;
}

/** What would be done now, and whether it may be. Ends as the command itself would: 0, 3 or 4. Changes nothing. */
export async function planCommand(context: CommandContext, options: PlanOptions): Promise<CommandOutcome> {
  const group = await choosing(context);
  const asked = await askPlan(context, { ...options, group: group.group });
  if (asked.kind === 'refused') return asked.outcome;
  const { receipt, raw } = asked;
  const lines = [...planScreen(receipt, `${options.move} ${group.group}`), ...previewLines(receipt, options)];
  return {
    exitCode: exitCodeOfPlan(receipt),
    text: `${lines.join('\n')}\n`,
    json: { ...(raw as object), exitCode: exitCodeOfPlan(receipt) },
  };
}

/** What was only assumed for this dry run, and what doing it would take. */
export function previewLines(
  receipt: ReceiptView,
  { acceptDataLoss = null, overrides = [] }: PlanOptions,
): readonly string[] {
  const assumed = [
    ...(acceptDataLoss === null ? [] : [`the loss of ${acceptDataLoss} accepted`]),
    ...(overrides.length === 0 ? [] : [`${overrides.join(', ')} overridden`]),
  ];
  if (assumed.length === 0) return [];
  const needless = acceptDataLoss !== null && receipt.lossBound.kind === 'none';
  return labelled(
    'DRY RUN',
    `shown with ${assumed.join(' and ')}. Nothing was done or accepted${needless ? '; no loss has to be accepted for this plan' : ''}. Doing it needs the role risk-officer`,
  );
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
  const { move, toSite, group, acceptDataLoss = null, overrides = [], ticket = null } = wish;
  const answer = led(
    await session.controllers.ask({ kind: 'plan', group, move, toSite, acceptDataLoss, overrides, ticket }),
    `plan ${move} ${group}`,
  );
  if (answer.kind === 'refused') return { kind: 'refused', outcome: refusalOutcome(answer) };
  return { kind: 'planned', receipt: parseReceipt(answer.result), raw: answer.result };
}
