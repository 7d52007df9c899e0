/** One number of a benchmark, as a ratio to what no implementation goes below, or to a peer, measured in the same run. */
export interface Measurement {
  readonly name: string;
  /** Median of the rounds; null when nothing could be measured. */
  readonly value: number | null;
  readonly unit: string;
  /** Median of the floor or the peer; null when there is none. */
  readonly floor: number | null;
  /** Median of the rounds' own ratios of value to floor. */
  readonly ratio: number | null;
  /** Least and greatest of the rounds: of the ratio where the goal speaks of one, else of the value. */
  readonly spread: readonly [number, number] | null;
  /** In words; null = reported only. */
  readonly goal: string | null;
  /**
   * `inconclusive`: could not be measured, the median misses the goal and a round meets it, there were fewer than three rounds,
   * or the floor itself moved so much between them that the machine was doing other things. Null without a goal.
   */
  readonly met: boolean | 'inconclusive' | null;
  /** Why it is inconclusive, or what to know when reading it. */
  readonly note: string | null;
}

/** What a goal speaks of, and in which direction. */
export interface Goal {
  readonly of: 'value' | 'ratio';
  readonly is: 'at most' | 'at least';
  readonly bound: number;
}

export interface Round {
  readonly value: number;
  readonly floor: number | null;
}

/** A floor is the same work each time: one that moves by more than this says that the machine was not free. */
const RESTLESS = 1.5;
/** Of fewer nobody can say whether the machine was free. */
const JUDGED_FROM_ROUNDS = 3;

export const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
};

/** The value below which this share of the numbers lies. */
export const quantile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;

export const summarize = (options: {
  readonly name: string;
  readonly unit: string;
  readonly goal: Goal | null;
  readonly rounds: readonly Round[];
  readonly note?: string;
}): Measurement => {
  const { name, unit, goal, rounds } = options;
  const floors = rounds.flatMap(({ floor }) => (floor === null ? [] : [floor]));
  const ratios = rounds.flatMap(({ value, floor }) => (floor === null ? [] : [value / floor]));
  const judged = goal?.of === 'ratio' ? ratios : rounds.map(({ value }) => value);
  const meets = (number: number) => (goal?.is === 'at least' ? number >= goal.bound : number <= goal!.bound);
  const moved = floors.length === 0 ? 1 : Math.max(...floors) / Math.min(...floors);
  const restless = goal?.of === 'ratio' && moved > RESTLESS;
  const tooFew = goal !== null && rounds.length < JUDGED_FROM_ROUNDS;
  const verdict = goal === null ? null : meets(median(judged)) ? true : judged.some(meets) ? 'inconclusive' : false;
  const complaint = restless
    ? `the floor itself moved by a factor of ${moved.toPrecision(2)}: the machine was not free`
    : `not judged with fewer than ${JUDGED_FROM_ROUNDS} rounds`;
  return {
    name,
    unit,
    value: median(rounds.map(({ value }) => value)),
    floor: floors.length === 0 ? null : median(floors),
    ratio: ratios.length === 0 ? null : median(ratios),
    spread: [Math.min(...judged), Math.max(...judged)],
    goal: goal === null ? null : describeGoal(goal, unit),
    met: restless || tooFew ? 'inconclusive' : verdict,
    note:
      restless || tooFew
        ? [options.note, complaint].filter((text) => text !== undefined).join('; ')
        : (options.note ?? null),
  };
};

export const notMeasured = (options: {
  readonly name: string;
  readonly unit: string;
  readonly goal: Goal | null;
  readonly why: string;
}): Measurement => ({
  name: options.name,
  unit: options.unit,
  value: null,
  floor: null,
  ratio: null,
  spread: null,
  goal: options.goal === null ? null : describeGoal(options.goal, options.unit),
  met: options.goal === null ? null : 'inconclusive',
  note: options.why,
});

const describeGoal = ({ of, is, bound }: Goal, unit: string): string =>
  `${is === 'at most' ? '≤' : '≥'} ${bound}${of === 'ratio' ? ' ×' : ` ${unit}`}`;

const short = (number: number | null): string =>
  number === null ? '–' : Math.abs(number) >= 100 ? String(Math.round(number)) : String(Number(number.toPrecision(3)));

/** One line for people. */
export const describeMeasurement = (of: Measurement): string => {
  const verdict = of.met === null ? '' : of.met === true ? 'met' : of.met === false ? 'MISSED' : of.met;
  const spread = of.spread === null ? '' : `(${short(of.spread[0])} … ${short(of.spread[1])})`;
  const floor = of.floor === null ? '' : `floor ${short(of.floor)}, ratio ${short(of.ratio)}`;
  const parts = [
    of.name.padEnd(34),
    `${short(of.value)} ${of.unit}`.padEnd(16),
    floor.padEnd(30),
    spread.padEnd(20),
    (of.goal ?? '').padEnd(14),
    verdict,
  ];
  return `${parts.join('  ').trimEnd()}${of.note === null ? '' : `\n    ${of.note}`}`;
};
