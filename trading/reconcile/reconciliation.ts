import { monoNowMs } from '../base/mono-clock.ts';
import type { Book } from './book.ts';
import type { BookSources } from './book-source.ts';
import { type Break, type Severity, severityOf, type Thresholds } from './break.ts';
import type { PositionDifference } from './position-grid.ts';
import { type Findings, reconcile } from './reconcile.ts';

export interface ReconciliationSettings extends Thresholds {
  /** A difference that is gone within this time was a matter of timing. Longer than the way to the exchange and back. */
  readonly settleMs: number;
  readonly deadlineMs: number;
}

export type Verdict = 'clean' | 'breaks' | 'inconclusive';

export interface Reconciliation {
  /** `breaks` as soon as one was found that is beyond the tolerance, whatever else could not be read. */
  readonly verdict: Verdict;
  /** What could not be read, or not be looked at again; one sentence each. */
  readonly reasons: readonly string[];
  readonly breaks: readonly (Break & { readonly severity: Severity })[];
  /** Differences that were gone when they were looked at again, and those that are younger than the settle window. */
  readonly timing: { readonly settled: readonly Break[]; readonly inFlight: readonly Break[] };
  /** `inFlight`: nothing but timing makes it differ. */
  readonly positions: readonly (PositionDifference & { readonly inFlight: boolean })[];
  readonly compared: Findings['compared'];
  readonly thresholds: Thresholds;
  readonly passes: number;
  readonly elapsedMs: number;
}

/** Time, so that tests need not wait. */
export interface Pace {
  nowMs(): number;
  wait(ms: number): Promise<void>;
}

export const realPace: Pace = {
  nowMs: monoNowMs,
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/**
 * Reads all books and compares them. What differs is looked at again until it is gone, at the latest when the settle window has
 * passed: what was there each time is a break. What cannot be read makes the result inconclusive, never clean.
 */
export const runReconciliation = async (
  sources: BookSources,
  settings: ReconciliationSettings,
  pace: Pace = realPace,
): Promise<Reconciliation> => {
  const startedAt = pace.nowMs();
  const first = await pass(sources, settings);
  const seen = new Map(first.findings.breaks.map((each) => [each.id, each]));
  let carried = new Set(seen.keys());
  let last = first;
  let passes = 1;
  for (const since = pace.nowMs(); carried.size > 0; ) {
    const left = since + settings.settleMs - pace.nowMs();
    if (passes > 1 && left <= 0) break;
    await pace.wait(Math.max(0, Math.min(left, settings.settleMs / recheckTimes)));
    last = await pass(sources, settings);
    passes += 1;
    const present = new Set(last.findings.breaks.map(({ id }) => id));
    carried = new Set([...carried].filter((id) => present.has(id) || !last.looked(seen.get(id)!.book)));
  }
  return conclude({ first, last, carried, settings, passes, elapsedMs: pace.nowMs() - startedAt });
};

interface Pass {
  readonly findings: Findings;
  readonly reasons: readonly string[];
  /** Was this book compared with the exchange, or the exchange itself read? */
  readonly looked: (book: string) => boolean;
}

/** The engine first, because the others are waited for until they are as far; the exchange last, because it is ahead of all. */
const pass = async (sources: BookSources, { deadlineMs, toleranceLots }: ReconciliationSettings): Promise<Pass> => {
  const reasons: string[] = [];
  const attempt = async <Value>(name: string, read: () => Promise<Value>): Promise<Value | null> => {
    try {
      return await read();
    } catch (error) {
      reasons.push(`${name} could not be read: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  };
  const { engine } = sources;
  const own = engine === null ? null : await attempt(engine.name, () => engine.read({ deadlineMs }));
  const atLeast = own?.end ?? null;
  const others = await Promise.all(
    sources.books.map((source) => attempt(source.name, () => source.read({ deadlineMs, atLeast }))),
  );
  const exchange = await attempt(sources.exchange.name, () => sources.exchange.read({ deadlineMs }));
  const firm = [own?.book ?? null, ...others].filter((book): book is Book => book !== null);
  const read = new Set([...firm.map(({ name }) => name), ...(exchange === null ? [] : [exchange.name])]);
  return {
    findings: reconcile({ exchange, firm }, { toleranceLots }),
    reasons,
    looked: (book) => exchange !== null && read.has(book),
  };
};

const conclude = (options: {
  readonly first: Pass;
  readonly last: Pass;
  readonly carried: ReadonlySet<string>;
  readonly settings: ReconciliationSettings;
  readonly passes: number;
  readonly elapsedMs: number;
}): Reconciliation => {
  const { first, last, carried, settings, passes, elapsedMs } = options;
  const { toleranceLots, alertAboveLots } = settings;
  const thresholds = { toleranceLots, alertAboveLots };
  const present = new Set(last.findings.breaks.map(({ id }) => id));
  const breaks = last.findings.breaks
    .filter(({ id }) => carried.has(id))
    .map((each) => ({ ...each, severity: severityOf(each, thresholds) }));
  const unchecked = first.findings.breaks.filter(({ id }) => carried.has(id) && !present.has(id));
  const reasons = [...new Set(last.reasons)];
  if (unchecked.length > 0) reasons.push(`${unchecked.length} differences could not be looked at again`);
  const counted = breaks.some(({ severity }) => severity !== 'tolerated');
  return {
    verdict: counted ? 'breaks' : reasons.length > 0 ? 'inconclusive' : 'clean',
    reasons,
    breaks,
    timing: {
      settled: first.findings.breaks.filter(({ id }) => !carried.has(id)).map(asTiming),
      inFlight: [...last.findings.breaks.filter(({ id }) => !carried.has(id)), ...unchecked].map(asTiming),
    },
    positions: last.findings.positions.map((position) => {
      return { ...position, inFlight: !position.breaks.some((id) => carried.has(id)) };
    }),
    compared: last.findings.compared,
    thresholds,
    passes,
    elapsedMs,
  };
};

const asTiming = (each: Break): Break => ({ ...each, kind: 'timing' });

const recheckTimes = 8;
