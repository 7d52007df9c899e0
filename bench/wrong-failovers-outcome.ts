import type { FreezeJudged, RunSeen, Standstill, WrongFailover } from './wrong-failovers-judge.ts';
import type { Delays } from './wrong-failovers-surroundings.ts';

/** What was seen in the whole time; printed as it is by `--json`. */
export interface Outcome {
  readonly verdict: 'met' | 'missed' | 'inconclusive';
  readonly minutes: number;
  readonly load: number;
  readonly processors: number;
  readonly privileged: boolean;
  readonly goalMs: number;
  readonly leaseBoundMs: number;
  readonly wrong: readonly (WrongFailover & { readonly recorded: readonly string[] })[];
  readonly freezes: readonly FreezeJudged[];
  readonly runs: readonly RunSeen[];
  /** Suspected and taken back, with nothing broken. */
  readonly withdrawn: readonly Withdrawn[];
  /** How near a detector came to calling a living instance silent: its longest gap as a share of its bound, and both. */
  readonly nearest: readonly Nearness[];
  /** What agents and controllers did by themselves with nothing broken, by kind. */
  readonly byThemselves: Readonly<Record<string, number>>;
  /** Longest pause between two accepted orders with nothing broken, by the client's clock. */
  readonly steadyPauseMs: number | null;
  readonly delays: Delays;
  readonly standstills: readonly Standstill[];
  readonly cpu: readonly { readonly who: string; readonly share: number }[];
  readonly busyEnded: number;
  /** What the comparison of ledgers and platform said after all of it. */
  readonly counted: string;
  readonly problems: readonly string[];
}

export interface Withdrawn {
  readonly kind: string;
  readonly about: string;
  readonly count: number;
  readonly longestMs: number;
  readonly summary: string;
}

export interface Nearness {
  readonly instance: string;
  readonly gapMs: number;
  readonly boundMs: number;
}

const time = (atMs: number): string => new Date(atMs).toISOString().slice(11, 23);
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const standing = ({ processor, endedAtMs, lastedMs }: Standstill): string =>
  `processor ${processor} for ${lastedMs} ms until ${time(endedAtMs)}`;

/** For people. */
export function describeOutcome(of: Outcome): string {
  const { wrong, freezes, delays, standstills } = of;
  const outages = freezes.flatMap(({ outageMs }) => (outageMs === null ? [] : [outageMs])).toSorted((a, b) => a - b);
  const middle = outages[Math.floor(outages.length / 2)];
  const lines = [
    `wrong failovers in ${Number(of.minutes.toFixed(1))} min with ${of.load} busy processes on ${of.processors} processors (${of.privileged ? 'as root' : 'as an ordinary user'}): ${wrong.length}`,
    ...wrong.flatMap(describeWrong),
    ...freezes.map(
      ({ name, instance, outageMs, met, problem, excusedBy }) =>
        `${name.padEnd(12)} ${instance.padEnd(16)} ${outageMs === null ? 'no outage measured' : `${Math.round(outageMs)} ms, ${(outageMs / of.leaseBoundMs).toFixed(2)} × lease bound`}  ${met === true ? 'met' : met === false ? 'MISSED' : met}${problem === null ? '' : ` (${problem})`}${excusedBy.map((each) => `\n    stood still: ${standing(each)}`).join('')}`,
    ),
    middle === undefined
      ? 'freezes: none was measured'
      : `freezes: ${outages.length}, median ${Math.round(middle)} ms, worst ${Math.round(outages.at(-1)!)} ms (goal ${of.goalMs} ms; lease bound ${of.leaseBoundMs} ms)`,
    ...of.withdrawn.map(
      ({ about, count, longestMs, summary }) =>
        `suspected and taken back: ${about}, ${count} times, longest ${Math.round(longestMs)} ms (${summary})`,
    ),
    ...of.nearest.map(
      ({ instance, gapMs, boundMs }) =>
        `nearest to silence: ${instance} ${Math.round(gapMs)} ms of ${Math.round(boundMs)} (${percent(gapMs / boundMs)})`,
    ),
    ...Object.entries(of.byThemselves).map(([kind, count]) => `with nothing broken: ${kind}, ${count} times`),
    `longest pause of service with nothing broken: ${of.steadyPauseMs === null ? 'not known' : `${Math.round(of.steadyPauseMs)} ms`}`,
    `longest delays: a busy process ${delays.busyNotRunMs} ms, a sleeper ${delays.lateMs} ms, one that goes first ${delays.firstLateMs} ms`,
    standstills.length === 0
      ? 'no processor stood still'
      : `processors stood still ${standstills.length} times:\n${standstills.map((each) => `    ${standing(each)}`).join('\n')}`,
    `processors: ${of.cpu.map(({ who, share }) => `${who} ${percent(share)}`).join(', ')}`,
    ...(of.busyEnded === 0 ? [] : [`${of.busyEnded} processes of the surroundings ended early: the load was less`]),
    `counted at the end: ${of.counted}`,
    ...of.problems,
    `verdict: ${of.verdict}`,
  ];
  return `${lines.join('\n')}\n`;
}

function describeWrong({ run, why, excusedBy, recorded }: Outcome['wrong'][number]): string[] {
  const what =
    run === null
      ? why
      : `${run.run} (${run.runbook}, ${run.trigger}, opened ${time(run.openedAtMs)}, ${run.moves.map(({ from, to }) => `${from ?? 'nobody'} → ${to}`).join(', ')}): ${why}`;
  return [
    `  WRONG ${what}`,
    ...excusedBy.map((each) => `    in doubt, since one stood still: ${standing(each)}`),
    ...recorded.map((line) => `    ${line}`),
  ];
}
