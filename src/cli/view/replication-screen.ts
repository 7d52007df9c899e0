import type { Amount } from '../../core/replication/amount.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import type { PathView, ReplicationGroupView, ReplicationView } from './replication-view.ts';
import { type Column, labelled, spread, table } from './text.ts';
import { ageText, clockText, elapsedText } from './time-text.ts';

/** Beside the word, as on the status screen. */
const pathGlyph: Readonly<Record<PathView['state'], string>> = {
  'in-sync': '●',
  following: '●',
  connecting: '▶',
  'catching-up': '▶',
  lost: '✕',
  unknown: '?',
};

const heads: readonly Column[] = [
  { title: '  PATH', gives: 1 },
  { title: 'POLICY' },
  { title: 'STATE' },
  { title: 'ACKS' },
  { title: 'BEHIND', align: 'right' },
  { title: 'TIME', align: 'right' },
  { title: 'TRANSACTIONS', align: 'right' },
  { title: 'GEN', align: 'right' },
  { title: 'AGE', align: 'right' },
];

/** Every copy and how far behind it is; below, why something is not counted, and the worst that was seen. */
export function replicationScreen(view: ReplicationView, columns = 110): readonly string[] {
  const reader = `${clockText(view.at)} ${view.controller.id}${view.controller.leading ? ' leads' : ''}`;
  return view.groups.flatMap((group) => [
    spread(`REPLICATION  ${group.group}, epoch ${group.epoch ?? '–'}`, reader, columns),
    ...group.holders
      .filter(({ component }) => group.paths.some((path) => path.component === component))
      .flatMap(({ component, holder, mode }) =>
        labelled(
          'PRIMARY',
          `${component}: ${holder ?? '✕ nobody'}, ${mode === 'strict' ? 'strict' : mode.toUpperCase()}`,
          {
            columns,
          },
        ),
      ),
    ...(group.paths.length === 0
      ? ['nothing of this group has a copy']
      : table(heads, group.paths.map(rowOf), columns)),
    ...whyLines(group, columns),
    ...worstLines(view, group, columns),
  ]);
}

const rowOf = (path: PathView): readonly string[] => [
  `${pathGlyph[path.state]} ${path.from ?? 'nobody'} → ${path.to}`,
  path.leg === 'cascade' ? `${path.policy}, cascade` : path.policy,
  path.state,
  path.acknowledging === null ? '?' : path.acknowledging ? 'yes' : 'no',
  amountText(path.behind, (value) => countText(value, path.unit)),
  amountText(path.behindMs, timeText),
  amountText(path.transactions, (value) => value.toLocaleString('en')),
  path.from === null || path.fromGeneration === path.toGeneration
    ? `${path.toGeneration ?? '?'}`
    : `${path.fromGeneration ?? '?'}≠${path.toGeneration ?? '?'}`,
  path.lookedMsAgo === null ? '? never' : ageText(path.lookedMsAgo),
];

const countText = (value: number, unit: PathView['unit']): string => `${value.toLocaleString('en')} ${unit}`;

/** Lags of milliseconds matter here. */
export const timeText = (ms: number): string => (ms === 0 ? '0' : ms < 1000 ? `${Math.round(ms)} ms` : elapsedText(ms));

/** `12`, `~12` estimated, `>12` at least that, `?` unknown with the last value where there is one. */
export function amountText({ certainty, value }: Amount, text: (value: number) => string): string {
  if (value === null) return '?';
  if (certainty === 'unknown') return `? was ${text(value)}`;
  return `${{ counted: '', estimated: '~', 'at-least': '>' }[certainty]}${text(value)}`;
}

/** Why something is not counted, each reason once, with the copies that it is so of. */
function whyLines({ paths }: ReplicationGroupView, columns: number): readonly string[] {
  const all = paths.flatMap(({ to, behind, behindMs, transactions }) =>
    (
      [
        ['how far', behind],
        ['how long', behindMs],
        ['transactions', transactions],
      ] as const
    ).flatMap(([what, amount]) => (amount.why === null ? [] : [{ to, what, amount }])),
  );
  const reasons = Map.groupBy(
    all,
    ({ amount }) => `${amount.certainty === 'unknown' ? 'unknown' : 'not counted'}: ${amount.why}`,
  );
  return [...reasons].flatMap(([reason, each]) => {
    const copies = [...new Set(each.map(({ to }) => to))].join(', ');
    const what = [...new Set(each.map((one) => one.what))].join(', ');
    const bounds = each.flatMap(({ what, amount }) => (what === 'how long' ? (amount.atMost ?? []) : []));
    const atMost = bounds.length === 0 ? '' : ` (at most ${timeText(Math.max(...bounds))})`;
    return labelled('', `${what} ${reason}${atMost}: ${copies}`, { columns });
  });
}

function worstLines(view: ReplicationView, group: ReplicationGroupView, columns: number): readonly string[] {
  if (view.watchedSince === null) return labelled('WORST', '? unknown: this controller has heard of no instance yet');
  const seen = group.paths.flatMap((path) => (path.worst === null ? [] : [{ ...path, worst: path.worst }]));
  const watched = elapsedText(view.at - view.watchedSince);
  if (seen.length === 0)
    return labelled('WORST', `no copy of a primary was seen in the ${watched} that ${view.controller.id} watches`);
  return seen.flatMap(({ to, unit, worst }, index) =>
    labelled(
      index === 0 ? 'WORST' : '',
      `${to}: ${countText(worst.behind, unit)}${worst.behind === 0 ? '' : ` at ${clockText(worst.behindAt)}`}, ${worst.behindMs === 0 ? '' : '~'}${timeText(worst.behindMs)}${worst.behindMs === 0 ? '' : ` at ${clockText(worst.behindMsAt)}`}${index === 0 ? ` (in the ${watched} that ${view.controller.id} watches, as reports came)` : ''}`,
      { columns },
    ),
  );
}

/** 0 every copy is where it should be · 1 one is lost, or a synchronous one is not in step · 5 one is not known, nothing worse. */
export function replicationExitCode(view: ReplicationView): ExitCode {
  const paths = view.groups.flatMap((group) => group.paths);
  const wrong = paths.some(
    ({ state, policy }) => state === 'lost' || (policy === 'sync' && !['in-sync', 'unknown'].includes(state)),
  );
  if (wrong) return exitCodes.failed;
  return paths.some(({ state }) => state === 'unknown') ? exitCodes.unknown : exitCodes.ok;
}
