import type { Scenario } from '../../src/core/drill/scenario.ts';
import type { PlayGround } from './ground-switches.ts';

/**
 * `done`: a fault, a wait or a person's word, which is no claim. `inconclusive`: it could not be judged, which is neither held nor
 * failed.
 */
export type LineVerdict = 'done' | 'held' | 'failed' | 'inconclusive';

export interface LineResult {
  /** Of the file, counted from 1; null = what every play is judged by at its end. */
  readonly line: number | null;
  readonly text: string;
  readonly verdict: LineVerdict;
  readonly found: string;
  /** UTC, ISO 8601: when it was judged. */
  readonly at: string;
  /** Since the first line began. */
  readonly elapsedMs: number;
}

/** One scenario as a lab played it. `not-played`: nothing was started, for the reason that stands in `reason`. */
export interface PlayResult {
  readonly file: string;
  readonly title: string;
  readonly verdict: 'held' | 'failed' | 'inconclusive' | 'not-played';
  readonly reason: string | null;
  readonly pace: number;
  readonly ground: PlayGround;
  readonly lines: readonly LineResult[];
  /** As the order flow saw it since the first fault, in milliseconds; null = not measured. */
  readonly outageMs: number | null;
  readonly counted: { readonly orders: number | null; readonly commits: number | null } | null;
  /** From the project's root; null = none was kept. */
  readonly evidence: string | null;
  readonly wallMs: number;
}

export type Totals = Readonly<Record<PlayResult['verdict'], number>>;

export function totalsOf(results: readonly PlayResult[]): Totals {
  const count = (verdict: PlayResult['verdict']) => results.filter((each) => each.verdict === verdict).length;
  return {
    held: count('held'),
    failed: count('failed'),
    inconclusive: count('inconclusive'),
    'not-played': count('not-played'),
  };
}

/** What all lines come to; what was not judged is never held. */
export const verdictOf = (lines: readonly LineResult[]): 'held' | 'failed' | 'inconclusive' =>
  lines.some(({ verdict }) => verdict === 'failed')
    ? 'failed'
    : lines.some(({ verdict }) => verdict === 'held') && !lines.some(({ verdict }) => verdict === 'inconclusive')
      ? 'held'
      : 'inconclusive';

/** Of a scenario that was not played to its end, or not at all. */
export const unplayed = (
  file: string,
  scenario: Scenario,
  known: Pick<PlayResult, 'verdict' | 'reason' | 'pace' | 'ground' | 'wallMs'>,
): PlayResult => ({
  file,
  title: scenario.title,
  lines: [],
  outageMs: null,
  counted: null,
  evidence: null,
  ...known,
});
