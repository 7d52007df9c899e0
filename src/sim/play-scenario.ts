import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { parseScenario, STORY_BELOW } from '../core/drill/scenario.ts';
import { loadRunbooks } from './load-runbooks.ts';
import { playScenario } from './scenario-player.ts';

const help = `Plays scenarios/*.scenario on a simulated firm and compares what happens with the story below the dashes.

  npm run sim:scenario -- [FILE …]     all of them, or these
  … --rewrite                          writes what happens into the files; look at the difference before keeping it
  … --trace                            one line per event

Exit 0 every expectation held and every story was told as expected · 1 not · 2 usage or a file that cannot be read.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rewrite: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const directory = join(import.meta.dirname, '../../scenarios');
const say = (text: string) => void process.stdout.write(`${text}\n`);

function play(file: string): 0 | 1 | 2 {
  const name = basename(file, '.scenario');
  const parsed = parseScenario(readFileSync(file, 'utf8'));
  if (!parsed.ok) {
    for (const { line, message } of parsed.error) say(`HF-1205 ${relative(process.cwd(), file)}:${line}: ${message}`);
    return 2;
  }
  const { script, story: expected } = parsed.value;
  const trace = values.trace ? { trace: say } : {};
  const { story, failures } = playScenario(parsed.value, { runbooks: loadRunbooks(), ...trace });
  for (const failure of failures) say(`✕ ${name}: ${failure}`);
  if (values.rewrite) writeFileSync(file, `${script.trimEnd()}\n${STORY_BELOW}\n${story.join('\n')}\n`);
  const at = story.findIndex((line, index) => line !== expected[index]);
  const differs = at >= 0 || story.length !== expected.length;
  if (differs && !values.rewrite)
    say(
      `✕ ${name}: the story differs from line ${at < 0 ? story.length + 1 : at + 1} on:\n  expected ${expected[at] ?? '(nothing more)'}\n  happened ${story[at] ?? '(nothing more)'}`,
    );
  const failed = failures.length > 0 || (differs && !values.rewrite);
  if (!failed) say(`✓ ${name}: ${parsed.value.title}`);
  return failed ? 1 : 0;
}

if (values.help) process.stdout.write(help);
else {
  const files =
    positionals.length > 0
      ? positionals
      : readdirSync(directory)
          .filter((name) => name.endsWith('.scenario'))
          .toSorted()
          .map((name) => join(directory, name));
  process.exitCode = Math.max(0, ...files.map(play));
}
