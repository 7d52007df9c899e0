import { Fields, ShapeError } from '../../wire/fields.ts';
import { labelled, spread, table } from './text.ts';

/** What an engine says of its take-over (component contract, `takeover`). */
export interface FateReport {
  readonly epoch: number;
  readonly instance: string;
  readonly at: string;
  readonly settledAfterMs: number | null;
  readonly venues: readonly {
    readonly name: string;
    readonly session: string | null;
    readonly missedReports: number;
    readonly cancelled: number;
  }[];
  readonly orders: Readonly<Record<string, number>>;
  /** How many of those in doubt had which fate, in words. */
  readonly fates: Readonly<Record<string, number>>;
  readonly inDoubt: readonly Fate[];
  /** All of them; an answer holds as many as fit. */
  readonly inDoubtCount: number;
}

export interface Fate {
  readonly id: string;
  readonly kind: string;
  readonly client: string;
  readonly symbol: string;
  readonly venue: string;
  readonly fate: string;
  /** In words; null = nothing has proved it yet. */
  readonly proof: string | null;
}

/** @throws ShapeError */
export function parseFateReport(value: unknown): FateReport {
  const fields = Fields.of(value, 'takeover');
  const venues = fields.map('venues', (venue, at) => Fields.of(venue, at), {});
  const inDoubt = fields.list('inDoubt', fateOf);
  return {
    epoch: fields.count('epoch'),
    instance: fields.text('instance'),
    at: fields.text('at'),
    settledAfterMs: fields.numberOrNull('settledAfterMs'),
    venues: Object.entries(venues).map(([name, venue]) => ({
      name,
      session: venue.textOrNull('session'),
      missedReports: venue.count('missedReports', 0),
      cancelled: venue.count('cancelled', 0),
    })),
    orders: fields.map('orders', countOf, {}),
    fates: fields.map('fates', countOf, {}),
    inDoubt,
    inDoubtCount: fields.count('inDoubtCount', inDoubt.length),
  };
}

function countOf(value: unknown, at: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new ShapeError(at, 'must be a whole number');
}

function fateOf(value: unknown, at: string): Fate {
  const fields = Fields.of(value, at);
  const proof = fields.fieldsOrNull('proof');
  return {
    id: fields.text('id'),
    kind: fields.text('kind'),
    client: fields.words('client', ''),
    symbol: fields.words('symbol', ''),
    venue: fields.words('venue', ''),
    fate: fields.text('fate'),
    proof: proof === null ? null : inWords(proof),
  };
}

function inWords(proof: Fields): string {
  const by = proof.text('by');
  switch (by) {
    case 'missed-report':
      return `report ${proof.count('report')}, missed`;
    case 'report-after-resend':
      return `report ${proof.count('report')}, after it was sent again`;
    case 'refusal':
      return `refused: ${proof.words('code', '')}`;
    case 'withdrawal':
      return 'taken back before anybody was told';
    default:
      return by;
  }
}

/** Nothing shown is without a proof, nor anything that did not fit into the answer. */
export const allProved = ({ inDoubt, inDoubtCount, settledAfterMs }: FateReport): boolean =>
  inDoubt.every(({ proof }) => proof !== null) && (inDoubt.length === inDoubtCount || settledAfterMs !== null);

/** What a take-over came to, then every order and request that was in doubt. */
export function fateScreen(report: FateReport, shown: readonly Fate[], columns = 100): readonly string[] {
  const { epoch, instance, at, settledAfterMs, venues, orders, fates, inDoubt, inDoubtCount } = report;
  const open = inDoubt.filter(({ proof }) => proof === null).length;
  const counts = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ') || 'none';
  const rows = shown.map(({ id, kind, client, symbol, venue, fate, proof }) => [
    ...[id, kind, client, symbol, venue, fate],
    proof ?? '? nothing yet',
  ]);
  const titles = ['ORDER', 'KIND', 'CLIENT', 'SYMBOL', 'EXCHANGE', 'FATE', 'PROOF'];
  return [
    spread(`FATES   ${instance} took over in epoch ${epoch}`, at, columns),
    ...labelled(
      'SETTLED',
      settledAfterMs === null ? '? not yet, or the reign ended before' : `after ${settledAfterMs} ms`,
    ),
    ...labelled('ORDERS', counts(orders)),
    ...labelled(
      'DOUBT',
      `${inDoubtCount} in doubt${open === 0 ? '' : `, ? ${open} without a proof`}: ${counts(fates)}`,
    ),
    ...venues.map(({ name, session, missedReports, cancelled }) =>
      labelled(
        '',
        `${name}: session proven by ${session ?? 'nothing yet'}, ${missedReports} reports missed, ${cancelled} cancelled by policy`,
      ).join('\n'),
    ),
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
    ...(inDoubt.length < inDoubtCount
      ? [`the first ${inDoubt.length} of ${inDoubtCount}: all are in takeover-${epoch}.json of its data directory`]
      : []),
  ];
}
