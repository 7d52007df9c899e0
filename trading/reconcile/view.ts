import type { Break } from './break.ts';
import { isAccepted, type KnownBreak } from './break-history.ts';
import type { Reconciliation } from './reconciliation.ts';

/** A run as a table for people. `known` gives what is stored about a break. */
export const runText = (run: Reconciliation, known: (id: string) => KnownBreak | null, nowMs: number): string => {
  const { compared, passes, elapsedMs, timing, thresholds } = run;
  const lines = [
    verdictLine(run, known),
    ...run.reasons.map((reason) => `  ${reason}`),
    '',
    `compared   ${compared.books.join(', ') || 'nothing'}: ${compared.positions} positions, ${compared.orders} orders, ${compared.fills} executions`,
    `tolerance  ${thresholds.toleranceLots} lots, alert above ${thresholds.alertAboveLots}`,
    `took       ${Math.round(elapsedMs)} ms, ${passes} ${passes === 1 ? 'pass' : 'passes'}; timing: ${timing.settled.length} settled, ${timing.inFlight.length} in flight`,
  ];
  const apart = run.positions.filter(({ inFlight }) => !inFlight);
  const moving = run.positions.length - apart.length;
  if (moving > 0) lines.push(`           ${moving} positions differ by nothing but what is in flight`);
  if (apart.length > 0) lines.push('', ...positionTable(apart, compared.books));
  if (run.breaks.length > 0)
    lines.push(
      '',
      ...table(
        ['break', 'severity', 'kind', 'book', 'account', 'symbol', 'lots', 'age', 'executions', 'what'],
        run.breaks.map((each) => {
          const stored = known(each.id);
          const severity = isAccepted(stored) ? `accepted by ${stored?.resolution?.by}` : each.severity;
          const age = stored === null ? '' : ageText(nowMs - stored.sinceMs);
          return [each.id, severity, ...breakCells(each), age, executions(each), each.what];
        }),
      ),
    );
  return `${lines.join('\n')}\n`;
};

/** Stored breaks as a table for people. */
export const historyText = (breaks: readonly KnownBreak[], nowMs: number): string => {
  if (breaks.length === 0) return 'no breaks\n';
  const rows = breaks.map(({ found, sinceMs, goneAtMs, resolution, reopened }) => [
    found.id,
    ...breakCells(found),
    new Date(sinceMs).toISOString(),
    ageText((goneAtMs ?? nowMs) - sinceMs),
    stateText({ goneAtMs, resolution, reopened }),
    found.what,
  ]);
  const heads = ['break', 'kind', 'book', 'account', 'symbol', 'lots', 'found', 'age', 'state', 'what'];
  return `${table(heads, rows).join('\n')}\n`;
};

const verdictLine = ({ verdict, breaks }: Reconciliation, known: (id: string) => KnownBreak | null): string => {
  const counted = breaks.filter(({ severity }) => severity !== 'tolerated');
  const open = counted.filter(({ id }) => !isAccepted(known(id)));
  const accepted = counted.length === open.length ? '' : `, but for ${counted.length - open.length} accepted by name`;
  if (verdict === 'clean') return `clean: nothing differs beyond the tolerance${accepted}`;
  if (verdict === 'inconclusive') return `inconclusive: not everything could be compared${accepted}`;
  const alerts = open.filter(({ severity }) => severity === 'alert').length;
  return `breaks: ${open.length} found, ${alerts} above the alert threshold${accepted}`;
};

const stateText = ({
  goneAtMs,
  resolution,
  reopened,
}: Pick<KnownBreak, 'goneAtMs' | 'resolution' | 'reopened'>): string => {
  const again = reopened === 0 ? '' : ` (reopened ${reopened} times)`;
  if (goneAtMs !== null) return `gone${again}`;
  if (resolution === null) return `open${again}`;
  const { as, by, at, why } = resolution;
  return `${as} by ${by}, ${new Date(at).toISOString()}: ${why}${again}`;
};

const breakCells = (each: Break): string[] => [
  each.kind,
  each.book,
  each.account,
  each.symbol,
  each.effects.map(({ lots }) => signed(lots)).join(' ') || `(${each.atStakeLots})`,
];

const executions = ({ fills, explained }: Break): string => {
  if (explained !== 'exact') return 'unexplained';
  const shown = fills.slice(0, shownExecutions).map(({ exec, qty, price }) => `${exec} ${qty}@${price}`);
  return fills.length > shownExecutions
    ? `${shown.join(', ')} and ${fills.length - shownExecutions} more`
    : shown.join(', ');
};

const positionTable = (positions: Reconciliation['positions'], books: readonly string[]): string[] =>
  table(
    ['account', 'symbol', ...books, 'alone'],
    positions.map(({ account, symbol, lots, alone }) => [
      account,
      symbol,
      ...books.map((book) => String(lots[book])),
      alone ?? '',
    ]),
  );

const signed = (lots: number): string => (lots > 0 ? `+${lots}` : String(lots));

const ageText = (ms: number): string => {
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`;
};

const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string[] => {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ');
  return [heads, ...rows].map(line);
};

const shownExecutions = 3;
