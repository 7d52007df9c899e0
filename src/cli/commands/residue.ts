import type { ResidueFinding } from '../../core/residue/finding.ts';
import { RESIDUE_LOOKS, type ResidueAnswer, type ResidueVerdict } from '../../core/residue/residue.ts';
import { Fields } from '../../wire/fields.ts';
import { choosing } from '../choosing.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { led } from '../connect/session.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { labelWidth, screenColumns, spread, wrap } from '../view/text.ts';

const VERDICTS = ['clean', 'residue', 'inconclusive'] as const;
const GLYPH: Readonly<Record<ResidueVerdict, string>> = { clean: '✓', residue: '✕', inconclusive: '?' };
const exitCodeOf: Readonly<Record<ResidueVerdict, ExitCode>> = {
  clean: exitCodes.ok,
  residue: exitCodes.failed,
  inconclusive: exitCodes.unknown,
};

/** Whether anything of an earlier reign is left, look by look, each finding with its place and a remedy. Changes nothing. */
export async function residueCommand(context: CommandContext): Promise<CommandOutcome> {
  const { group } = await choosing(context);
  const answer = led(await context.session.controllers.ask({ kind: 'residue', group }), `look for residue of ${group}`);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const fields = Fields.of(answer.result, 'residue');
  const verdict = fields.oneOf('verdict', VERDICTS);
  const exitCode = exitCodeOf[verdict];
  const lines = fields.list('looks', lookOf).flatMap((look, index) => lookLines(look, index === 0 ? 'LOOKS' : ''));
  return {
    exitCode,
    text: `${[spread(`VERDICT ${verdict}: ${group}`, `exit ${exitCode}`), ...lines].join('\n')}\n`,
    json: { ...(answer.result as object), exitCode },
  };
}

function lookOf(value: unknown, at: string): ResidueAnswer {
  const fields = Fields.of(value, at);
  return {
    look: fields.text<ResidueAnswer['look']>('look'),
    outcome: fields.oneOf('outcome', VERDICTS),
    findings: fields.list('findings', findingOf),
  };
}

function findingOf(value: unknown, at: string): ResidueFinding {
  const fields = Fields.of(value, at);
  return {
    certainty: fields.oneOf('certainty', ['residue', 'inconclusive']),
    place: fields.text('place'),
    found: fields.text('found'),
    remedy: fields.text('remedy'),
  };
}

function lookLines({ look, outcome, findings }: ResidueAnswer, label: string): readonly string[] {
  const width = Math.max(0, ...Object.keys(RESIDUE_LOOKS).map((each) => each.length));
  const head = `${label.padEnd(labelWidth)}${GLYPH[outcome]} ${look.padEnd(width)}  `;
  const indent = ' '.repeat(head.length);
  const said =
    findings.length === 0
      ? [RESIDUE_LOOKS[look]]
      : findings.flatMap(({ certainty, place, found, remedy }) => [
          `${certainty === 'residue' ? '✕' : '?'} ${place}: ${found}`,
          `  remedy  ${remedy}`,
        ]);
  const lines = said.flatMap((text) => wrap(text, screenColumns - head.length));
  return lines.map((line, index) => `${index === 0 ? head : indent}${line}`);
}
