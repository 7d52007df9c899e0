import type { RequestCounts, RequestKind } from './books-check.ts';

export interface KillReport {
  readonly seed: number;
  readonly rounds: number;
  readonly kills: number;
  readonly kinds: Readonly<Record<string, number>>;
  /** What clients asked for, and were told. */
  readonly requests: Readonly<Record<RequestKind, RequestCounts>>;
  /** Replaces of which clients were told that they took effect. */
  readonly replacedTold: number;
  /** What the exchange reported, by kind. */
  readonly reports: Readonly<Record<string, number>>;
  /**
   * Sent again by a successor, and refused by the exchange as known. Missed reports are read before anything is sent: there are
   * some only where the exchange itself asks for what it knows, over FIX.
   */
  readonly duplicatesRefused: number;
  readonly staleWritesAccepted: number;
  readonly tornTailsCut: number;
  readonly divergedTails: number;
  readonly startsFromCheckpoint: number;
  readonly takeOverMs: { readonly median: number; readonly most: number };
  readonly elapsedMs: number;
  /** How often, and how long at the most, this process had no turn, by cause. */
  readonly stops: Readonly<Record<string, { readonly count: number; readonly mostMs: number }>>;
  readonly asksRepeated: number;
  /** Comparisons made again because this process was stopped during the first. */
  readonly checksRepeated: number;
}

const REPORTS = ['accepted', 'rejected', 'fill', 'cancelled', 'cancel-rejected', 'replaced', 'replace-rejected'];

/** What must occur under the load and did not: then the run says nothing about it. */
export const missingFrom = ({ requests, reports, replacedTold }: KillReport): string[] => {
  const missing = REPORTS.filter((kind) => (reports[kind] ?? 0) === 0).map((kind) => `${kind} by the exchange`);
  for (const [kind, { acknowledged, rejected }] of Object.entries(requests)) {
    if (acknowledged === 0) missing.push(`${kind} acknowledged`);
    if (rejected === 0) missing.push(`${kind} rejected by an engine`);
  }
  if (replacedTold === 0) missing.push('replaced, told to a client');
  return missing;
};
