import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { STORY_BELOW } from '../core/drill/parse-scenario.ts';
import type { Scenario } from '../core/drill/scenario.ts';
import { causeText } from '../wire/holdfast-error.ts';
import { loadRunbooks } from '../wire/load-runbooks.ts';
import { loadScenario } from './load-scenario.ts';
import { playScenario } from './scenario-player.ts';

const help = `Plays scenarios/*.scenario on a simulated firm and compares what happens with the story below the dashes.

  npm run sim:scenario -- [FILE …]     all of them, or these
  … --rewrite                          writes what happened into the files; read the difference before keeping it
  … --trace                            one line per event

Exit 0 every expectation held and every story was told as it stands · 1 not · 2 usage, or a file that cannot be played.
`;

const directory = join(import.meta.dirname, '../../scenarios');
const say = (text: string) => void process.stdout.write(`${text}\n`);
const complain = (text: string) => void process.stderr.write(`${text}\n`);

interface Options {
  readonly rewrite: boolean;
  readonly trace: boolean;
}

function play(path: string, options: Options): 0 | 1 | 2 {
  const name = relative(process.cwd(), path);
  let scenario: Scenario;
  try {
    scenario = loadScenario(path, name);
  } catch (error) {
    complain(causeText(error));
    return 2;
  }
  const trace = options.trace ? { trace: say } : {};
  const { story, failures } = playScenario(scenario, { runbooks: loadRunbooks(), ...trace });
  for (const { line, found } of failures) {
    const words = scenario.lines.find(({ number }) => number === line)?.text;
    complain(`HF-1207 ${name}${line === null ? '' : `:${line}`}: ${words === undefined ? '' : `"${words}": `}${found}`);
  }
  if (options.rewrite) writeFileSync(path, `${scenario.script.trimEnd()}\n${STORY_BELOW}\n${story.join('\n')}\n`);
  const differs = options.rewrite ? null : difference(scenario, story);
  if (differs !== null) complain(`HF-1208 ${name}:${differs}`);
  const failed = failures.length > 0 || differs !== null;
  say(`${failed ? '✕' : '✓'} ${basename(path, '.scenario')}: ${scenario.title}`);
  return failed ? 1 : 0;
}

/** Place and words of the first line that is told otherwise. */
function difference({ script, story: expected }: Scenario, happened: readonly string[]): string | null {
  const at = Array.from({ length: Math.max(expected.length, happened.length) }).findIndex(
    (_, index) => happened[index] !== expected[index],
  );
  if (at < 0) return null;
  const line = script.split('\n').length + 2 + at;
  return `${line}: the story is another one from here on\n  stands here  ${expected[at] ?? '(nothing)'}\n  happened     ${happened[at] ?? '(nothing)'}\nnext    find out why; if it is right so, --rewrite`;
}

function main(): number {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        rewrite: { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const files = positionals.length > 0 ? positionals : shipped();
    return Math.max(0, ...files.map((file) => play(file, values)));
  } catch (error) {
    if (!(error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')))
      throw error;
    complain(`${error.message}\n${help}`);
    return 2;
  }
}

const shipped = () =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.scenario'))
    .toSorted()
    .map((name) => join(directory, name));

process.exitCode = main();
