import type { Json } from '../../core/base/canonical-json.ts';
import { CHECKS, type CheckId, type CheckOutcome, type CheckResult } from '../../core/validation/check.ts';
import { Fields } from '../../wire/fields.ts';
import { choosing } from '../choosing.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { led } from '../connect/session.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { prerequisiteLines } from '../view/prerequisite-lines.ts';
import { unmet } from '../view/receipt-view.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { labelWidth, screenColumns, spread, wrap } from '../view/text.ts';
import { askPlan } from './plan.ts';

type Verdict = 'pass' | 'fail' | 'inconclusive';

const GLYPH: Readonly<Record<CheckOutcome, string>> = {
  pass: '✓',
  fail: '✕',
  inconclusive: '?',
  'not-applicable': '–',
};

const exitCodeOf: Readonly<Record<Verdict, ExitCode>> = {
  pass: exitCodes.ok,
  fail: exitCodes.failed,
  inconclusive: exitCodes.unknown,
};

/** The list after a recovery, at any time: ten checks with what was measured, and one verdict. Changes nothing. */
export async function validateCommand(context: CommandContext): Promise<CommandOutcome> {
  const { group } = await choosing(context);
  const answer = led(await context.session.controllers.ask({ kind: 'validate', group }), `validate ${group}`);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const fields = Fields.of(answer.result, 'validation');
  const verdict = fields.oneOf('verdict', ['pass', 'fail', 'inconclusive']);
  const checks = fields.list('checks', checkOf);
  const exitCode = exitCodeOf[verdict];
  return {
    exitCode,
    text: `${[spread(`VERDICT ${verdict}: ${group}`, `exit ${exitCode}`), ...checkLines(checks)].join('\n')}\n`,
    json: { ...(answer.result as object), exitCode },
  };
}

/** The list before a planned move: its prerequisites as things are now, and one verdict. Changes nothing. */
export async function beforeMoveCommand(
  context: CommandContext,
  options: { readonly toSite: string | null; readonly ticket: string | null },
): Promise<CommandOutcome> {
  const { group } = await choosing(context);
  const asked = await askPlan(context, { move: 'switchover', group, ...options });
  if (asked.kind === 'refused') return asked.outcome;
  const { prerequisites, toSite } = asked.receipt;
  const open = unmet(asked.receipt);
  const verdict: Verdict = open.some(({ outcome }) => outcome === 'fail')
    ? 'fail'
    : open.length > 0
      ? 'inconclusive'
      : 'pass';
  const exitCode = exitCodeOf[verdict];
  const head = spread(`VERDICT ${verdict}: before a switchover of ${group} to ${toSite}`, `exit ${exitCode}`);
  return {
    exitCode,
    text: `${[head, ...prerequisiteLines(prerequisites)].join('\n')}\n`,
    json: { group, toSite, verdict, prerequisites: prerequisites as unknown as Json, exitCode },
  };
}

function checkOf(value: unknown, at: string): CheckResult {
  const fields = Fields.of(value, at);
  return {
    check: fields.text<CheckId & string>('check'),
    outcome: fields.oneOf('outcome', ['pass', 'fail', 'inconclusive', 'not-applicable']),
    measured: fields.words('measured', ''),
  };
}

function checkLines(checks: readonly CheckResult[]): readonly string[] {
  const width = Math.max(0, ...Object.keys(CHECKS).map((check) => check.length));
  return checks.flatMap(({ check, outcome, measured }, index) => {
    const said = outcome === 'not-applicable' ? `not applicable: ${measured}` : measured;
    const head = `${(index === 0 ? 'CHECKS' : '').padEnd(labelWidth)}${GLYPH[outcome]} ${check.padEnd(width)}  `;
    const [first = '', ...rest] = wrap(said, screenColumns - head.length);
    return [`${head}${first}`, ...rest.map((line) => `${' '.repeat(head.length)}${line}`)];
  });
}
