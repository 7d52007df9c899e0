import type { Agreement } from '../../core/network/agreement.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { labelled, plural, table } from './text.ts';

const glyphs = { agree: '●', differ: '≠', unknown: '?' } as const;

export interface GroupAgreement {
  readonly group: string;
  readonly subjects: readonly Agreement[];
}

export function agreementExitCode(groups: readonly GroupAgreement[]): ExitCode {
  const verdicts = groups.flatMap(({ subjects }) => subjects.map(({ verdict }) => verdict));
  if (verdicts.includes('differ')) return exitCodes.failed;
  return verdicts.includes('unknown') || verdicts.length === 0 ? exitCodes.unknown : exitCodes.ok;
}

/** Who writes, subject by subject, and below it everybody who says otherwise or nothing. */
export function agreementScreen({ group, subjects }: GroupAgreement, columns: number): readonly string[] {
  const differing = subjects.filter(({ verdict }) => verdict === 'differ').length;
  const open = subjects.filter(({ verdict }) => verdict === 'unknown').length;
  const verdict =
    differing > 0
      ? `≠ ${plural(differing, 'subject')} disputed`
      : open > 0
        ? `? ${plural(open, 'subject')} not confirmed by everybody`
        : 'every vantage names the same';
  const heads = [
    { title: '  SUBJECT' },
    { title: 'WRITER', gives: 1 as const },
    { title: 'EPOCH', align: 'right' as const },
    { title: 'AGREE', align: 'right' as const },
    { title: 'DIFFER', align: 'right' as const },
    { title: 'UNKNOWN', align: 'right' as const },
  ];
  const rows = subjects.map((each) => [
    `${glyphs[each.verdict]} ${each.subject}`,
    each.agreed === null ? '?' : (each.agreed.writer ?? 'nobody'),
    each.agreed === null ? '?' : String(each.agreed.epoch),
    String(each.with.length),
    String(each.against.length),
    String(each.unknown.length),
  ]);
  return [
    `AGREEMENT  ${group}: ${verdict}`,
    ...table(heads, rows, columns),
    ...subjects.flatMap(({ subject, against }) =>
      against.flatMap(({ vantage, says }) => labelled('DIFFERS', `${vantage} on ${subject}: ${says}`, { columns })),
    ),
    ...unknownLines(subjects, columns),
  ];
}

/** Who is unknown for one reason on several subjects is said once. */
function unknownLines(subjects: readonly Agreement[], columns: number): readonly string[] {
  const about = new Map<string, string[]>();
  for (const { subject, unknown } of subjects)
    for (const { vantage, why } of unknown) {
      const key = `${vantage}: ${why}`;
      about.set(key, [...(about.get(key) ?? []), subject]);
    }
  return [...about].flatMap(([who, on]) => labelled('UNKNOWN', `${who} (${on.join(', ')})`, { columns }));
}
