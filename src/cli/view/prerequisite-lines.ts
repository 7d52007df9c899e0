import {
  PREREQUISITE_IDS,
  type PrerequisiteId,
  type PrerequisiteOutcome,
  type PrerequisiteResult,
} from '../../core/decision/prerequisites.ts';
import { cut, labelWidth, screenColumns, wrap } from './text.ts';
import { elapsedText } from './time-text.ts';

export const isPrerequisite = (text: string): text is PrerequisiteId => PREREQUISITE_IDS.some((id) => id === text);

const GLYPH: Readonly<Record<PrerequisiteOutcome, string>> = {
  pass: '✓',
  fail: '✕',
  'cannot-evaluate': '?',
  'not-applicable': '–',
};

/** Every prerequisite on a line of its own; of what does not pass nothing is cut. */
export function prerequisiteLines(
  results: readonly PrerequisiteResult[],
  overridden: readonly string[] = [],
): readonly string[] {
  const width = Math.max(0, ...results.map(({ prerequisite }) => prerequisite.length));
  return results.flatMap(({ prerequisite, outcome, reason }, index) => {
    const said =
      outcome === 'cannot-evaluate'
        ? `cannot be evaluated: ${reason}`
        : outcome === 'not-applicable'
          ? `not applicable: ${reason}`
          : reason;
    const note = overridden.includes(prerequisite) ? `OVERRIDDEN: ${said}` : said;
    const head = `${(index === 0 ? 'BEFORE' : '').padEnd(labelWidth)}${GLYPH[outcome]} ${prerequisite.padEnd(width)}  `;
    if (outcome === 'pass') return [cut(`${head}${note}`, screenColumns)];
    const [first = '', ...rest] = wrap(note, screenColumns - head.length);
    return [`${head}${first}`, ...rest.map((line) => `${' '.repeat(head.length)}${line}`)];
  });
}

/** What would meet it, and that a person may act in spite of it. */
export const prerequisiteWay = ({ prerequisite, next, passesInMs }: PrerequisiteResult): readonly string[] => [
  ...(next === undefined ? [] : [next]),
  ...(passesInMs === undefined ? [] : [`it passes by itself in ${elapsedText(passesInMs)}`]),
  `--override ${prerequisite} --reason TEXT acts in spite of it, on the name of a risk officer`,
];
