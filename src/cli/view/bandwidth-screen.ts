import { megabitsPerSecond } from '../../core/network/throughput.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import type { NetworkView, TestView } from './network-view.ts';
import { labelled, plural, spread, table } from './text.ts';
import { clockText, elapsedText } from './time-text.ts';

export const bandwidthExitCode = (tests: readonly TestView[]): ExitCode =>
  tests.length === 0 || tests.some(({ tookMs }) => tookMs === null) ? exitCodes.unknown : exitCodes.ok;

/** What measurements on demand came to. A rate is of so many bytes over one connection, not what the path could take at most. */
export function bandwidthScreen(
  { at, controller }: NetworkView,
  tests: readonly TestView[],
  columns: number,
): readonly string[] {
  const right = `${clockText(at)} ${controller.id} ${controller.leading ? 'leads' : 'answers'}`;
  if (tests.length === 0)
    return [
      spread('BANDWIDTH  not measured', right, columns),
      ...labelled(
        'NEXT',
        'holdfast network test FROM TO measures one path; its result is kept until the controller restarts',
        { columns },
      ),
    ];
  const heads = [
    { title: '  PATH' },
    { title: 'Mb/s', align: 'right' as const },
    { title: 'BYTES', align: 'right' as const },
    { title: 'TOOK', align: 'right' as const },
    { title: 'P50', align: 'right' as const },
    { title: 'P95', align: 'right' as const },
    { title: 'MAX ms', align: 'right' as const },
    { title: 'MEASURED', align: 'right' as const },
  ];
  const rows = tests.map((test) => [
    `${test.tookMs === null ? '?' : '●'} ${test.from} → ${test.to}`,
    text(megabitsPerSecond(test)),
    String(test.bytes),
    test.tookMs === null ? '?' : `${Math.round(test.tookMs)} ms`,
    text(test.trips?.p50Ms),
    text(test.trips?.p95Ms),
    text(test.trips?.maxMs),
    `${elapsedText(test.ageMs)} ago`,
  ]);
  return [
    spread(`BANDWIDTH  ${plural(tests.length, 'path')} measured on demand`, right, columns),
    ...table(heads, rows, columns),
    ...tests.flatMap(({ from, to, problem }) =>
      problem === null ? [] : labelled('UNKNOWN', `${from} → ${to}: ${problem}`, { columns }),
    ),
    ...labelled(
      'NOTE',
      'one connection, with the way of the last byte and of the word that it arrived: what this measurement got, not the most that the path takes',
      { columns },
    ),
  ];
}

const text = (value: number | null | undefined): string => (value == null ? '?' : value.toFixed(1));
