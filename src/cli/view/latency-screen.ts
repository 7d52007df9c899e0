import { percentileName } from '../../core/network/budget.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import type { BudgetView, NetworkView, PathView } from './network-view.ts';
import { labelled, spread, table } from './text.ts';
import { ageText, clockText, elapsedText, liveUpToMs } from './time-text.ts';

/** Nobody asked for it to be measured, which is neither well nor wrong. */
export const notMeasured =
  'not measured: the topology has no "network:" section (docs/reference/topology.md), so nothing is probed';

const glyphs = { within: '●', exceeded: '✕', unknown: '?' } as const;

/** Over a budget or under an alert is worse than unknown; a path without a budget counts when it is not known. */
export function latencyExitCode({ measures, paths }: NetworkView): ExitCode {
  if (measures === null) return exitCodes.unknown;
  const budgets = paths.flatMap((path) => path.budgets);
  if (budgets.some(({ outcome, alert }) => outcome === 'exceeded' || alert !== null)) return exitCodes.failed;
  const open = budgets.some(({ outcome }) => outcome === 'unknown') || paths.some(({ unknown }) => unknown !== null);
  return open || paths.length === 0 ? exitCodes.unknown : exitCodes.ok;
}

export function latencyScreen(view: NetworkView, columns: number): readonly string[] {
  const { measures, paths, at, controller } = view;
  const right = `${clockText(at)} ${controller.id} ${controller.leading ? 'leads' : 'answers'}`;
  if (measures === null)
    return [spread('LATENCY  not measured', right, columns), ...labelled('', notMeasured, { columns })];
  const budgets = paths.flatMap((path) => path.budgets);
  const count = (outcome: BudgetView['outcome']) => budgets.filter((each) => each.outcome === outcome).length;
  const verdict = [
    `${count('within')} of ${budgets.length} budgets kept`,
    ...(count('exceeded') > 0 ? [`${count('exceeded')} exceeded`] : []),
    ...(count('unknown') > 0 ? [`${count('unknown')} unknown`] : []),
  ].join(', ');
  const heads = [
    { title: '  PATH' },
    { title: 'P50', align: 'right' as const },
    { title: 'P95', align: 'right' as const },
    { title: 'P99', align: 'right' as const },
    { title: 'MAX ms', align: 'right' as const },
    { title: 'JITTER', align: 'right' as const },
    { title: 'LOSS', align: 'right' as const },
    { title: 'PROBES', align: 'right' as const },
    { title: 'BUDGET', gives: 1 as const },
    { title: 'AGE', align: 'right' as const },
  ];
  const notes = [
    ...alertLines(paths, columns),
    ...paths.flatMap((path) => unknownLines(path, columns)),
    ...labelled(
      'PROBES',
      `one every ${elapsedText(measures.everyMs)} over ${elapsedText(measures.windowMs)}; without an answer in ${elapsedText(measures.answerWithinMs)} it is lost. Round trips, as the first site sees them.`,
      { columns },
    ),
  ];
  return [spread(`LATENCY  ${verdict}`, right, columns), ...table(heads, paths.flatMap(rowsOf), columns), ...notes];
}

function rowsOf(path: PathView): readonly (readonly string[])[] {
  const { from, to, trips, unknown, ageMs } = path;
  const age = ageMs === null ? 'never' : ageMs <= liveUpToMs ? elapsedText(ageMs) : ageText(ageMs);
  const known = unknown === null ? trips : null;
  const figures = [
    number(known?.p50Ms),
    number(known?.p95Ms),
    number(known?.p99Ms),
    number(known?.maxMs),
    number(known?.jitterMs),
    known?.lossPercent == null ? '?' : `${known.lossPercent} %`,
    known === null ? '?' : String(known.sent),
  ];
  if (path.budgets.length === 0)
    return [[`${unknown === null ? ' ' : '?'} ${from} → ${to}`, ...figures, 'none stated', age]];
  return path.budgets.map((budget, index) => [
    `${glyphs[budget.outcome]} ${from} → ${to}`,
    ...(index === 0 ? figures : figures.map(() => '')),
    `${percentileName(budget.percentile)} ≤ ${budget.limitMs} ${budget.trafficClass ?? budget.id}`,
    age,
  ]);
}

const number = (value: number | null | undefined): string => (value == null ? '?' : value.toFixed(1));

function alertLines(paths: readonly PathView[], columns: number): readonly string[] {
  return paths.flatMap(({ from, to, budgets }) =>
    budgets.flatMap(({ id, outcome, reasons, alert }) => {
      if (alert !== null) {
        const now = outcome === 'exceeded' ? reasons : alert.reasons;
        const still =
          outcome === 'exceeded' ? '' : outcome === 'within' ? '; kept now, not yet for long enough' : '; unknown now';
        const text = `${from} → ${to} ${id}: ${now.join(', ')}, since ${elapsedText(alert.sinceMsAgo)}${still}`;
        return labelled('ALERT', text, { columns });
      }
      if (outcome !== 'exceeded') return [];
      return labelled('OVER', `${from} → ${to} ${id}: ${reasons.join(', ')}; no alert yet`, { columns });
    }),
  );
}

/** Why a path is not known, with the last that was. */
function unknownLines({ from, to, unknown, trips, ageMs, budgets, answeredMsAgo }: PathView, columns: number) {
  const reasons =
    unknown === null ? budgets.flatMap((each) => (each.outcome === 'unknown' ? each.reasons : [])) : [unknown];
  const [why] = reasons;
  if (why === undefined) return [];
  const last =
    trips?.p50Ms == null || ageMs === null || unknown === null
      ? ''
      : `; p50 was ${trips.p50Ms} ms ${elapsedText(ageMs)} ago`;
  const heard =
    unknown === null && answeredMsAgo !== null
      ? `; last answer ${elapsedText(answeredMsAgo)} before that was told`
      : '';
  return labelled('UNKNOWN', `${from} → ${to}: ${why}${last}${heard}`, { columns });
}
