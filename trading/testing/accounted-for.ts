import assert from 'node:assert/strict';
import type { Findings } from '../reconcile/reconcile.ts';

/** Each position's difference is the sum of what its breaks did to it. */
export const assertAccountedFor = (findings: Findings): void => {
  for (const { account, symbol, lots } of findings.positions)
    for (const book of findings.compared.books) {
      const sum = (name: string) =>
        findings.breaks
          .filter((each) => each.book === name)
          .flatMap(({ effects }) => effects)
          .filter((line) => line.account === account && line.symbol === symbol)
          .reduce((total, line) => total + line.lots, 0);
      assert.equal(lots[book]! - lots['exchange']!, sum(book) - sum('exchange'), `${book} ${account} ${symbol}`);
    }
};
