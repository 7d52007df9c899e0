import { ruleWords } from '../../src/cli/view/rule-words.ts';
import { SAFETY_RULES } from '../../src/core/decision/rules/index.ts';
import { RULE_IDS, type RuleAnswer } from '../../src/core/decision/safety-rule.ts';
import { DIAGNOSES } from '../../src/core/diagnosis/diagnosis.ts';
import { METRICS } from '../../src/core/metrics/metric-list.ts';
import { AUTHORITY_STEPS, type Runbook, STEP_KINDS } from '../../src/core/plan/runbook.ts';
import { expectedCoverage } from '../../src/sim/coverage.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';

/** A Markdown table; what a cell says may contain bars. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

const diagnoses = (): string =>
  table(
    ['diagnosis', 'means'],
    Object.entries(DIAGNOSES).map(([kind, meaning]) => [`\`${kind}\``, meaning]),
  );

const OUTCOMES: readonly RuleAnswer['outcome'][] = ['pass', 'block', 'cannot-evaluate'];

function rules(): string {
  const { impossible } = expectedCoverage();
  const answers = (rule: string) =>
    OUTCOMES.filter((outcome) => !(`${rule} ${outcome}` in impossible))
      .map((outcome) => `\`${outcome}\``)
      .join(' ');
  return table(
    ['rule', 'passes when', 'code', 'if it were ignored', 'a person may override it', 'answers'],
    SAFETY_RULES.map(({ id, title, overridable }) => [
      `\`${id}\``,
      title,
      ruleWords[id].code,
      ruleWords[id].so,
      overridable ? 'yes: a risk officer, with a reason' : 'no',
      answers(id),
    ]),
  );
}

const impossible = (): string =>
  table(
    ['what', 'why it cannot occur'],
    Object.entries(expectedCoverage().impossible)
      .toSorted(([left], [right]) => orderOf(left) - orderOf(right))
      .map(([answer, why]) => [`\`${answer}\``, why]),
  );

const orderOf = (answer: string): number => RULE_IDS.findIndex((id) => answer.startsWith(`${id} `));

const steps = (): string =>
  table(
    ['step', 'what it is for', 'made by'],
    Object.entries(STEP_KINDS).map(([kind, meaning]) => [
      `\`${kind}\``,
      meaning,
      AUTHORITY_STEPS.some((each) => each === kind) ? 'one transaction at the authority' : 'the leading controller',
    ]),
  );

function runbooks(): string {
  const shipped = [...loadRunbooks().values()].toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const deadline = (runbook: Runbook, kind: string) => {
    const those = runbook.steps.filter((each) => each.kind === kind);
    const ms = those.reduce((sum, step) => sum + step.deadlineMs, 0);
    if (those.length === 0) return '–';
    return kind === 'act' ? `${those.map(({ action }) => `\`${action}\``).join(' ')}: ${ms} ms` : `${ms} ms`;
  };
  return [
    table(
      ['runbook', 'version', 'for'],
      shipped.map(({ id, version, title }) => [`\`${id}\``, String(version), title]),
    ),
    '',
    'Deadline of each step; `–` where a runbook does not have it; of `act` the actions in order and their deadlines together:',
    '',
    table(
      ['step', ...shipped.map(({ id }) => `\`${id}\``)],
      Object.keys(STEP_KINDS).map((kind) => [`\`${kind}\``, ...shipped.map((runbook) => deadline(runbook, kind))]),
    ),
  ].join('\n');
}

const metrics = (): string =>
  table(
    ['metric', 'type', 'labels', 'says'],
    Object.entries(METRICS).map(([name, { type, labels, help }]) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(' ') || '–',
      help,
    ]),
  );

/** Tables of the reference that follow from the code, by the name that a page's marker gives. */
export const generatedTables: Readonly<Record<string, () => string>> = {
  diagnoses,
  rules,
  impossible,
  steps,
  runbooks,
  metrics,
};

const MARKED = /<!-- generated: ([a-z-]+) -->\n[\s\S]*?<!-- end -->/g;

/** Names of the tables that a page has room for. */
export const markersIn = (page: string): readonly string[] => [...page.matchAll(MARKED)].map(([, name]) => name ?? '');

/** The page with every marked table as the code has it now. @throws when a marker names no table */
export const withCurrentTables = (page: string): string =>
  page.replaceAll(MARKED, (_whole, name: string) => {
    const make = generatedTables[name];
    if (make === undefined)
      throw new Error(`no table is called "${name}"; there are ${Object.keys(generatedTables).join(', ')}`);
    return `<!-- generated: ${name} -->\n${make()}\n<!-- end -->`;
  });
