import type { Json } from '../../core/base/canonical-json.ts';
import { choosing } from '../choosing.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { led } from '../connect/session.ts';
import { exitCodes } from '../exit-code.ts';
import { allProved, fateScreen, parseFateReport } from '../view/fate-screen.ts';
import { refusalOutcome } from '../view/refusal.ts';

/** What became of every order and request that was in doubt when an engine took over, as that engine says. Changes nothing. */
export async function fatesCommand(
  context: CommandContext,
  options: { readonly instance: string | null; readonly orders: readonly string[] },
): Promise<CommandOutcome> {
  const { group } = await choosing(context);
  const { instance, orders } = options;
  const answer = led(await context.session.controllers.ask({ kind: 'fates', group, instance }), 'tell the fates');
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const report = parseFateReport(answer.result);
  const shown = report.inDoubt.filter(({ id }) => orders.length === 0 || orders.includes(id));
  const absent = orders.filter((order) => !shown.some(({ id }) => id === order));
  const judged = orders.length === 0 ? allProved(report) : shown.every(({ proof }) => proof !== null);
  const exitCode = judged ? exitCodes.ok : exitCodes.unknown;
  const notes = absent.map((order) => `note    ${order} is not among those that were in doubt`);
  const lines = [...fateScreen(report, shown, Math.max(100, context.terminal.columns)), ...notes];
  const raw = answer.result as Readonly<Record<string, Json>>;
  const told = (raw['inDoubt'] as readonly Json[]).filter((_, at) => shown.includes(report.inDoubt[at]!));
  return { exitCode, text: `${lines.join('\n')}\n`, json: { ...raw, inDoubt: told, exitCode } };
}
