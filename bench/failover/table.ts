import { leaseBounds } from '../../src/core/authority/lease-arithmetic.ts';
import type { Timing } from '../../src/core/topology/topology.ts';
import { type Goal, type Measurement, notMeasured, summarize } from '../measurement.ts';
import { type Counts, describeCounts, type FaultName, faultNames, type Series } from './failover-run.ts';

/** Of issue 5. */
export interface FaultRow {
  readonly fault: FaultName;
  readonly what: string;
  /** Seconds, at most; null = reported only. */
  readonly goalS: number | null;
  /** Whom the servers go by alone; absent where there is nobody to compare with. */
  readonly peer?: string;
}

/** @param timing of the firm that is measured: two goals are stated in its terms */
export function faultRows(timing: Timing): readonly FaultRow[] {
  const { holderBoundMs, successorWaitMs } = leaseBounds(timing);
  const rows: Readonly<Record<FaultName, Omit<FaultRow, 'fault'>>> = {
    'database-killed': { what: 'database primary killed', goalS: 5, peer: 'patroni' },
    'database-isolated': {
      what: 'site of the database’s primary isolated',
      goalS: (holderBoundMs + 5_000) / 1000,
      peer: 'patroni',
    },
    'database-moved': { what: 'database moved as planned, there and back', goalS: 4 },
    'site-lost': { what: 'whole site dark, first accepted order', goalS: 15 },
    'engine-killed': { what: 'engine killed', goalS: 0.5 },
    'host-frozen': { what: 'host of the engine frozen', goalS: (successorWaitMs + 1_000) / 1000 },
    'redis-killed': { what: 'Redis primary killed', goalS: 2, peer: 'sentinel' },
    'planned-move': { what: 'planned switchover, pause', goalS: 5 },
    'gateway-silent': { what: 'router that has the shared address silent', goalS: null, peer: 'keepalived' },
    'link-silent': { what: 'preferred link silent', goalS: null, peer: 'bgp' },
  };
  return faultNames.map((fault) => ({ fault, ...rows[fault] }));
}

const secondsOf = ({ rounds }: Series): readonly number[] => rounds.flatMap(({ seconds }) => seconds ?? []);

/**
 * The row of a fault, ours last. Theirs have no goal; ours have, and the first of theirs as their peer, round by round.
 * @param leftOut why a side was not measured although it can be
 */
export function measurementsOf(row: FaultRow, series: readonly Series[], leftOut: string): readonly Measurement[] {
  const of = series.filter(({ fault }) => fault === row.fault);
  const theirs = of.filter(({ side }) => side === 'theirs');
  const [ours] = of.filter(({ side }) => side === 'ours');
  const goal: Goal | null = row.goalS === null ? null : { of: 'value', is: 'at most', bound: row.goalS };
  const absent = (by: string, of: Goal | null, why: string): Measurement => ({
    ...notMeasured({ name: `${row.fault}-${by}`, unit: 's', goal: of, why }),
    met: 'inconclusive',
  });
  return [
    ...(theirs.length === 0 && row.peer !== undefined ? [absent(row.peer, null, leftOut)] : []),
    ...theirs.map((each) => measurementOf(each, null, [])),
    ours === undefined
      ? absent('holdfast', goal, leftOut)
      : measurementOf(ours, goal, theirs[0] === undefined ? [] : secondsOf(theirs[0])),
  ];
}

function measurementOf(series: Series, goal: Goal | null, peers: readonly number[]): Measurement {
  const name = `${series.fault}-${series.by}`;
  const seconds = secondsOf(series);
  const note = noteOf(series);
  const silent = series.rounds.filter((each) => each.seconds === null);
  if (silent.length > 0 || seconds.length === 0) {
    const why = `${silent.length} of ${series.rounds.length} rounds were not measured: ${silent[0]?.why ?? 'none was played'}`;
    return {
      ...notMeasured({ name, unit: 's', goal, why: [why, note].filter((each) => each !== '').join('; ') }),
      met: 'inconclusive',
    };
  }
  const rounds = seconds.map((value, index) => ({ value, floor: peers[index] ?? null }));
  return summarize({ name, unit: 's', goal, rounds, ...(note === '' ? {} : { note }) });
}

/** Its timers, and what became of the writes of all rounds. */
function noteOf({ timers, rounds }: Series): string {
  const counts = rounds.flatMap((each) => each.counts ?? []);
  const uncounted = rounds.length - counts.length;
  return [
    timers ?? 'timers not known',
    ...(counts.length === 0 ? [] : [describeCounts(counts.reduce(added))]),
    ...(counts.length > 0 && uncounted > 0 ? [`the writes of ${uncounted} rounds were not counted`] : []),
  ].join('; ');
}

const added = (left: Counts, right: Counts): Counts => ({
  acknowledged: left.acknowledged + right.acknowledged,
  missing: left.missing + right.missing,
  stale: left.stale === null || right.stale === null ? null : left.stale + right.stale,
});

const seconds = (value: number | null): string => (value === null ? 'inconclusive' : `${value.toFixed(2)} s`);

/** For people: one line for a fault, then what was running and what was counted, a line each. */
export function describeFault(row: FaultRow, measurements: readonly Measurement[]): string {
  const [ours, theirs] = [measurements.at(-1)!, measurements.slice(0, -1)];
  const verdict = ours.met === true ? 'met' : ours.met === false ? 'MISSED' : (ours.met ?? '');
  const peer = theirs[0] === undefined ? '–' : seconds(theirs[0].value);
  const goal = ours.goal === null ? '–' : ours.goal;
  const head = [row.what.padEnd(42), peer.padEnd(14), seconds(ours.value).padEnd(14), goal.padEnd(10), verdict];
  const details = measurements.map(({ name, value, spread, note }) => {
    const range = spread === null || value === null ? '' : ` (${spread.map((each) => each.toFixed(2)).join(' … ')})`;
    return `    ${name}: ${seconds(value)}${range}; ${note ?? ''}`;
  });
  return [head.join('  ').trimEnd(), ...details].join('\n');
}

export const tableHead = ['fault'.padEnd(42), 'theirs'.padEnd(14), 'ours'.padEnd(14), 'goal'.padEnd(10)]
  .join('  ')
  .trimEnd();
