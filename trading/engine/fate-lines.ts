import type { DoubtfulFate, FateProof, TakeoverReport } from './venue/takeover.ts';

/** A takeover report for people: what it came to, then every order and request that was in doubt. */
export const fateLines = (report: TakeoverReport, shown: readonly DoubtfulFate[]): readonly string[] => {
  const { epoch, instance, at, settledAfterMs, venues, orders, inDoubt } = report;
  const counts = Object.entries(orders).map(([state, count]) => `${count} ${state}`);
  const open = inDoubt.filter(({ proof }) => proof === null).length;
  const exchanges = Object.entries(venues).map(
    ([name, { session, missedReports, cancelled }]) =>
      `${name.padEnd(10)}  session proven by ${session ?? 'nothing yet'}, ${missedReports} reports missed, ${cancelled} cancelled by policy`,
  );
  return [
    `takeover   epoch ${epoch} by ${instance}, ${at}`,
    settledAfterMs === null ? 'settled    not yet, or the reign ended before' : `settled    after ${settledAfterMs} ms`,
    `orders     ${counts.join(', ') || 'none'}`,
    `in doubt   ${inDoubt.length}${open === 0 ? '' : `, ${open} of them without a proof`}`,
    ...exchanges,
    ...(shown.length === 0 ? [] : ['', ...table(shown)]),
  ];
};

const table = (fates: readonly DoubtfulFate[]): readonly string[] => {
  const rows = fates.map(({ id, kind, client, symbol, venue, fate, proof }) => [
    ...[id, kind, client, symbol, venue, fate],
    inWords(proof),
  ]);
  const all = [['id', 'kind', 'client', 'symbol', 'exchange', 'fate', 'proof'], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
};

const inWords = (proof: FateProof | null): string => {
  switch (proof?.by) {
    case undefined:
      return 'nothing yet';
    case 'missed-report':
      return `report ${proof.report}, missed`;
    case 'report-after-resend':
      return `report ${proof.report}, after it was sent again`;
    case 'refusal':
      return `refused: ${proof.code}`;
    case 'withdrawal':
      return 'taken back before anybody was told';
  }
};
