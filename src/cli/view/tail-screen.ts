import { countTail, type TailAnswer, type TailEntry } from '../../core/replication/divergent-tail.ts';
import { labelled, spread, table } from './text.ts';

const WORDS: Readonly<Record<TailEntry['atNewPrimary'], string>> = {
  absent: 'not there',
  same: 'there, the same',
  differs: 'there, another',
  present: 'still there',
};

/** What stood in a tail, then every row of it with what the new primary has. */
export function tailScreen(tail: TailAnswer, columns = 100): readonly string[] {
  const { instance, comparedWith, entries, entryCount, inconclusive, transactions, from, to } = tail;
  const counts = countTail(entries).map(([kind, count]) => `${count} ${kind}`);
  const titles = ['KIND', 'ID', 'TABLE', 'CHANGE', `AT ${comparedWith}`];
  const rows = entries.map(({ kind, id, table: of, change, atNewPrimary }) => [
    ...[kind, id, of, change],
    WORDS[atNewPrimary],
  ]);
  return [
    spread(`TAIL    ${instance}, compared with ${comparedWith}`, `${from} to ${to}`, columns),
    ...labelled('ROWS', `${entryCount} by ${transactions} transactions: ${counts.join(', ') || 'none'}`),
    ...labelled('WHOLE', inconclusive.length === 0 ? 'yes: that is all' : '? inconclusive, there may be more:'),
    ...inconclusive.flatMap((why) => labelled('', why)),
    ...labelled('LIST', tail.file),
    ...labelled('SHA-256', tail.digest),
    ...(rows.length === 0
      ? []
      : [
          '',
          ...table(
            titles.map((title) => ({ title })),
            rows,
            columns,
          ),
        ]),
    ...(entries.length < entryCount ? [`the first ${entries.length} of ${entryCount}: all are in the list`] : []),
  ];
}
