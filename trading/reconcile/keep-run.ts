import { isAccepted } from './break-history.ts';
import type { BreakStore } from './break-store.ts';
import type { Reconciliation, Verdict } from './reconciliation.ts';

/** What a run comes to beside what people have accepted before. */
export interface KeptRun {
  readonly verdict: Verdict;
  /** Beyond the tolerance, and accepted by nobody. */
  readonly counted: Reconciliation['breaks'];
}

/** Puts a run and its breaks on disk. */
export const keepRun = (run: Reconciliation, store: BreakStore, at: number): KeptRun => {
  const { breaks, reasons, timing, compared, thresholds } = run;
  const read = new Set(compared.books);
  const records = store.history.recordsOf({ at, breaks, looked: (book) => read.has('exchange') && read.has(book) });
  // What is younger than the settle window, or could not be looked at again, is neither found nor gone.
  const undecided = new Set(timing.inFlight.map((each) => each.id));
  store.append([
    ...records.filter((record) => record.k !== 'gone' || !undecided.has(record.id)),
    {
      k: 'run',
      at,
      verdict: run.verdict,
      reasons,
      books: compared.books,
      timing: timing.settled.length + timing.inFlight.length,
      thresholds,
      seen: breaks.map(({ id }) => id),
    },
  ]);
  const { history } = store;
  const counted = breaks.filter(({ id, severity }) => severity !== 'tolerated' && !isAccepted(history.find(id)));
  return { verdict: counted.length > 0 ? 'breaks' : reasons.length > 0 ? 'inconclusive' : 'clean', counted };
};
