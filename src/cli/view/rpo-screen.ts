import type { ExposureInterval, ExposureLedger } from '../../core/objective/durability-exposure.ts';
import { durationText } from '../../core/topology/duration-text.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { amountText, timeText } from './replication-screen.ts';
import type { ClassView, LossView, RpoView } from './rpo-view.ts';
import { type Column, labelled, plural, spread, table } from './text.ts';
import { clockText, elapsedText } from './time-text.ts';

/** Stretches in which writes were acknowledged without the copy that the policy wants, and where that is known from. */
export interface Exposures {
  /** Null: the history could not be read, which is not "never". */
  readonly ledger: ExposureLedger | null;
  readonly source: string;
}

const verdictGlyph = { kept: '●', missed: '✕', unknown: '?' } as const;
const mostStretches = 10;

/** Every class of data against its objective, what the loss of the active site would cost, and when copies were missing. */
export function rpoScreen(view: RpoView, exposures: Exposures, columns = 110): readonly string[] {
  const reader = `${clockText(view.at)} ${view.controller.id}${view.controller.leading ? ' leads' : ''}`;
  const count = (verdict: ClassView['verdict']) => view.classes.filter((each) => each.verdict === verdict).length;
  const sum = `${count('kept')} kept, ${count('missed')} missed, ${count('unknown')} unknown`;
  return [
    spread(`RPO     ${plural(view.classes.length, 'class', 'classes')} of data: ${sum}`, reader, columns),
    ...classLines(view, exposures, columns),
    ...view.groups.flatMap(({ group, activeSite, components }) => [
      `LOSS    of ${group}, if ${activeSite ?? 'the active site'} vanished now:`,
      ...components.flatMap((each) => labelled('', lossText(each), { columns })),
    ]),
    ...exposureLines(exposures, view, columns),
  ];
}

const heads: readonly Column[] = [
  { title: '  CLASS', gives: 1 },
  { title: 'OBJECTIVE', align: 'right' },
  { title: 'KEPT BY', gives: 2 },
  { title: 'NOW', align: 'right' },
  { title: 'KNOWN' },
  { title: 'WORST KEPT', align: 'right' },
  { title: 'VERDICT' },
];

function classLines(view: RpoView, exposures: Exposures, columns: number): readonly string[] {
  if (view.classes.length === 0)
    return labelled('', 'the controllers were told of no promise: dataClasses of the topology file', { columns });
  const rows = view.classes.map((each) => [
    `${verdictGlyph[each.verdict]} ${each.id}`,
    durationText(each.rpoMs),
    `${each.keptBy}, ${each.of.join('+') || each.store}${each.stated ? '' : ' (not stated)'}`,
    amountText(each.now, timeText),
    each.proof === null ? each.now.certainty : 'proved',
    worstText(each, view, exposures),
    each.verdict,
  ]);
  const reasons = Map.groupBy(
    view.classes.filter(({ proof, now }) => proof === null && now.why !== null),
    ({ now }) => now.why!,
  );
  return [
    ...table(heads, rows, columns),
    ...[...reasons].flatMap(([why, each]) =>
      labelled('', `${each.map(({ id }) => id).join(', ')}: ${why}`, { columns }),
    ),
  ];
}

/** Of what is waited for the longest stretch without it; of what is copied afterwards the farthest that it was seen behind. */
function worstText({ keptBy, of, now }: ClassView, view: RpoView, { ledger }: Exposures): string {
  if (keptBy === 'outside' || keptBy === 'backup' || (now.certainty === 'unknown' && of.length === 0))
    return '? unknown';
  if (keptBy === 'asynchronous' || keptBy === 'cascade') {
    const seen = view.groups.flatMap(({ components }) => components.filter(({ component }) => of.includes(component)));
    const worst = seen.flatMap(({ worstMs }) => worstMs ?? []);
    return worst.length === 0 ? '? unknown' : timeText(Math.max(...worst));
  }
  if (ledger === null) return '? unknown';
  const stretches = ledger.intervals.filter(({ component }) => of.includes(component));
  return stretches.length === 0
    ? 'none seen'
    : `at most ${timeText(Math.max(...stretches.map(({ elapsedMs }) => elapsedMs)))}`;
}

function lossText({ component, amount, ms, unit, proof, mode, best }: LossView): string {
  const what = `${component}${mode === null ? '' : mode === 'strict' ? '' : ` (${mode.toUpperCase()})`}`;
  if (proof !== null) return `${what}: nothing. ${proof}`;
  if (amount.value === null) return `${what}: ? unknown: ${amount.why}`;
  const count = amountText(amount, (value) => `${value.toLocaleString('en')} ${unit}`);
  const time = ms.value === null ? '' : `, ${amountText(ms, timeText)}`;
  const bound = ms.atMost === null || ms.atMost === ms.value ? '' : ` (at most ${timeText(ms.atMost)})`;
  return `${what}: ${count} of the log more than ${best}${time}${bound}: ${amount.why}`;
}

function exposureLines({ ledger, source }: Exposures, view: RpoView, columns: number): readonly string[] {
  if (ledger === null) return labelled('EXPOSED', `? unknown: ${source}`, { columns });
  const { intervals } = ledger;
  if (intervals.length === 0)
    return labelled('EXPOSED', `never without a second copy, as far as ${source} goes back`, { columns });
  const shown = intervals.slice(-mostStretches).toReversed();
  return [
    ...labelled(
      'EXPOSED',
      `${plural(intervals.length, 'stretch', 'stretches')}, ${elapsedText(ledger.totalMs)} in sum, from ${source}${ledger.totalAtRisk === null ? '; timed, how much was acknowledged meanwhile is not counted there' : ''}`,
      {
        columns,
      },
    ),
    ...shown.flatMap((each) => labelled('', stretchText(each, view.at, unitOf(view, each.component)), { columns })),
    ...(shown.length < intervals.length ? labelled('', `… ${intervals.length - shown.length} earlier: --json`) : []),
  ];
}

const unitOf = (view: RpoView, id: string): string =>
  view.groups.flatMap(({ components }) => components).find(({ component }) => component === id)?.unit ?? 'positions';

function stretchText(
  { component, sinceMs, untilMs, elapsedMs, lost, epoch, atRisk }: ExposureInterval,
  at: number,
  unit: string,
): string {
  const until = untilMs === null ? `▶ since ${clockText(sinceMs)}` : `${clockText(sinceMs)} to ${clockText(untilMs)}`;
  const risk = atRisk === null ? '' : `; at most ${atRisk.toLocaleString('en')} ${unit} of the log acknowledged alone`;
  const day = at - sinceMs > 86_400_000 ? ` on ${new Date(sinceMs).toISOString().slice(0, 10)}` : '';
  return `${component} ${until}${day}, ${elapsedText(elapsedMs)}, epoch ${epoch}: without ${lost.join(', ') || 'a copy elsewhere'}${risk}`;
}

/** 0 every class is kept · 1 one is missed · 5 one is not known, none missed; also where nothing was promised. */
export function rpoExitCode({ classes }: RpoView): ExitCode {
  if (classes.some(({ verdict }) => verdict === 'missed')) return exitCodes.failed;
  return classes.length === 0 || classes.some(({ verdict }) => verdict === 'unknown')
    ? exitCodes.unknown
    : exitCodes.ok;
}
