import { createHash } from 'node:crypto';
import type { Break, Thresholds } from './break.ts';

/** `corrected`: it should be gone by the next run. `accepted`: it stays, and is not counted any more. */
export type ResolvedAs = 'corrected' | 'accepted';

/** What a run found out, as far as it is kept. */
export interface RunRecord {
  readonly k: 'run';
  readonly at: number;
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly books: readonly string[];
  readonly timing: number;
  readonly thresholds: Thresholds;
  /** Ids of the breaks that were there. */
  readonly seen: readonly string[];
}

export type BreakRecord =
  | RunRecord
  /** For the first time, or again after it was gone or had been called corrected. */
  | { readonly k: 'found'; readonly at: number; readonly found: Break }
  | { readonly k: 'gone'; readonly at: number; readonly id: string }
  | {
      readonly k: 'resolved';
      readonly at: number;
      readonly id: string;
      readonly by: string;
      readonly why: string;
      readonly as: ResolvedAs;
    };

/** Of a file in which nothing stands yet. */
export const firstLink = '0'.repeat(32);

/** `LINK SP json LF`. A link covers the line's own text and the link before it: no line can be altered, moved or taken out alone. */
export const encodeBreakRecord = (
  record: BreakRecord,
  before: string,
): { readonly line: string; readonly link: string } => {
  const text = JSON.stringify(record);
  const link = linkOf(text, before);
  return { line: `${link} ${text}\n`, link };
};

/** null when the line is not the one that was written after `before`. */
export const decodeBreakRecord = (
  line: string,
  before: string,
): { readonly record: BreakRecord; readonly link: string } | null => {
  const [link, text] = [line.slice(0, linkLength), line.slice(linkLength + 1)];
  if (line[linkLength] !== ' ' || linkOf(text, before) !== link) return null;
  return { record: JSON.parse(text) as BreakRecord, link };
};

const linkLength = firstLink.length;

const linkOf = (text: string, before: string): string =>
  createHash('sha256').update(before).update('\n').update(text).digest('hex').slice(0, linkLength);
