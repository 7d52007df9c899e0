import type { GroupView } from '../demo/status-view.ts';
import type { LineResult, LineVerdict } from './play-result.ts';

const MARKS: Readonly<Record<LineVerdict, string>> = { done: ' ', held: '●', failed: '✕', inconclusive: '?' };

/** What happens in a lab while a scenario is played: one line each, with UTC and the time since the first line began. */
export class Story {
  readonly lines: string[] = [];
  readonly results: LineResult[] = [];
  readonly #say: (line: string) => void;
  #beganAt = performance.now();
  #seen: GroupView | null = null;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  begin(group: GroupView): void {
    this.#beganAt = performance.now();
    this.#seen = group;
  }

  tell(text: string, mark = ' '): void {
    const line = `${new Date().toISOString().slice(11, 23)} ${`+${(this.elapsedMs / 1000).toFixed(1)}`.padStart(6)} ${mark} ${text}`;
    this.lines.push(line);
    this.#say(line);
  }

  judge(line: { readonly number: number | null; readonly text: string }, verdict: LineVerdict, found: string): void {
    this.results.push({
      line: line.number,
      text: line.text,
      verdict,
      found,
      at: new Date().toISOString(),
      elapsedMs: Math.round(this.elapsedMs),
    });
    this.tell(`${line.text}: ${found}`, MARKS[verdict]);
  }

  get elapsedMs(): number {
    return performance.now() - this.#beganAt;
  }

  /** Tells what is another than at the look before. */
  look(group: GroupView): void {
    const before = this.#seen;
    this.#seen = group;
    if (before === null) return;
    for (const told of changes(before, group)) this.tell(told);
  }
}

function changes(before: GroupView, after: GroupView): readonly string[] {
  const kinds = ({ diagnoses }: GroupView) => [...new Set(diagnoses.map(({ kind }) => kind))].toSorted().join(', ');
  const run = ({ run: seen }: GroupView) =>
    seen === null ? null : `run ${seen.run} ${seen.result === null ? 'is open' : `${seen.result}: ${seen.reason}`}`;
  const decision = ({ decision: made }: GroupView) => {
    const against = made?.rules.filter(({ outcome }) => outcome !== 'pass').map(({ rule }) => rule) ?? [];
    if (made === null || made.verdict === 'stand-down') return null;
    return `decision: ${made.verdict}${against.length === 0 ? '' : ` because of ${against.join(', ')}`}`;
  };
  const place = ({ record }: GroupView) => `epoch ${record?.epoch ?? '?'}, active site ${record?.activeSite ?? 'none'}`;
  const modes = ({ record }: GroupView) =>
    Object.values(record?.grants ?? {})
      .map(({ component, holder, mode }) => `${component} ${holder ?? 'nobody'} ${mode.kind}`)
      .join(', ');
  return [
    kinds(before) === kinds(after) ? null : `diagnosed: ${kinds(after) || 'nothing is wrong'}`,
    decision(before) === decision(after) ? null : decision(after),
    run(before) === run(after) ? null : run(after),
    place(before) === place(after) ? null : place(after),
    modes(before) === modes(after) ? null : `held: ${modes(after)}`,
  ].filter((each) => each !== null);
}
