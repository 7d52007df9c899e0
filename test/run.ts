import { spawn } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { bothTries, type FilesPlayed, triedAgain } from './second-try.ts';

/**
 * `npm test`: every suite that needs neither root nor Debian packages. `-- --only PART` runs the files whose path contains PART;
 * `-- --lab` runs those that bring up whole labs instead, one after the other (20 minutes; with `--quick` one case of each kind, the
 * nine minutes of them that CI runs, without what the demo shows); `-- --list` names the files. Ends with totals in the runner's words. Files with real
 * processes that fail are played once more by themselves and counted apart (`second-try.ts`); `-- --once` leaves that out.
 */
const root = join(import.meta.dirname, '..');

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    lab: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const SUITES = [
  'src/**/*.test.ts',
  'trading/**/*.test.ts',
  'bench/**/*.test.ts',
  'lab/**/*.test.ts',
  'test/architecture/*.test.ts',
  'test/contract/*.test.ts',
  'test/integration/{command-line,firm,operator-api,peer-link,planted-breaks,reconciliation,two-exchanges-books}.test.ts',
  'test/hostile/*.test.ts',
  'test/kills/*.test.ts',
  'test/lab/{drawn-faults,server-faults,writer-turns}.test.ts',
  'test/simulation/*.test.ts',
];
const LAB_SUITES = ['test/lab/*.test.ts'];
/** Two cores: more at once only makes servers late. A lab has them all. */
const TOGETHER = values.lab ? 1 : 2;
/** Only for what hangs: ten times what an idle machine needs. */
const SUITE_WITHIN_MS = values.lab ? 1_800_000 : 900_000;
/** The exit status when a signal ended it. */
const STOPPED = 130;

function files(): readonly string[] {
  const patterns = values.lab ? LAB_SUITES : SUITES;
  const found = patterns.flatMap((pattern) => globSync(pattern, { cwd: root })).toSorted();
  const part = values.only;
  return part === undefined ? found : found.filter((file) => file.includes(part));
}

if (values.help) {
  process.stdout.write('npm test [-- --only PART] [-- --lab [--quick]] [-- --once] [-- --list]\n');
} else if (values.list) {
  process.stdout.write(`${files().join('\n')}\n`);
} else {
  const chosen = files();
  if (chosen.length === 0) {
    process.stderr.write(`HF-1002 no test file has "${values.only}" in its path; --list names them all\n`);
    process.exit(2);
  }
  const temporary = join(root, '.holdfast', 'test-tmp');
  mkdirSync(temporary, { recursive: true });
  // Under the checkout, so that nothing is ever left in the machine's own.
  const env: NodeJS.ProcessEnv = { ...process.env, TMPDIR: temporary };
  delete env['NODE_TEST_CONTEXT'];
  if (values.quick) env['HOLDFAST_SUITE'] = 'quick';
  process.stdout.write(
    `${chosen.length} files, ${TOGETHER} at a time; ${relative(root, temporary)} holds what they make\n`,
  );
  process.exitCode = await playAll(chosen, env, temporary).finally(() =>
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }),
  );
}

async function playAll(chosen: readonly string[], env: NodeJS.ProcessEnv, temporary: string): Promise<number> {
  const results = join(temporary, 'played.jsonl');
  const first = await play(chosen, TOGETHER, env, results);
  if (first.code === 0 || first.code === STOPPED) return first.code;
  const failedIn = [...first.played.failedIn.keys()];
  const again = values.once ? [] : triedAgain(failedIn);
  if (again.length === 0) return first.code;
  const seconds: FilesPlayed[] = [];
  for (const file of again) {
    process.stdout.write(`\nonce more, by itself: ${file}\n`);
    const second = await play([file], 1, env, results);
    if (second.code === STOPPED) return STOPPED;
    seconds.push(second.played);
    if (second.played.passed + second.played.failed === 0) return 1;
  }
  const both = bothTries(first.played, seconds);
  process.stdout.write(
    `\nBoth tries\nℹ pass ${both.passed}\nℹ fail ${both.failed}\nℹ skipped ${both.skipped}\n` +
      `ℹ second try ${both.again}\n${again.map((file) => `failed at first: ${file}\n`).join('')}`,
  );
  return both.failed === 0 ? 0 : 1;
}

function play(
  chosen: readonly string[],
  together: number,
  env: NodeJS.ProcessEnv,
  results: string,
): Promise<{ readonly code: number; readonly played: FilesPlayed }> {
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    `--test-concurrency=${together}`,
    `--test-timeout=${SUITE_WITHIN_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'test', 'played-reporter.ts')}`,
    `--test-reporter-destination=${results}`,
    ...chosen,
  ];
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' });
  const stop = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      for (const each of ['SIGINT', 'SIGTERM'] as const) process.off(each, stop);
      resolve({ code: signal === null ? (code ?? 1) : STOPPED, played: readPlayed(results) });
    });
  });
}

function readPlayed(results: string): FilesPlayed {
  const failedIn = new Map<string, number>();
  let counts = { passed: 0, failed: 0, cancelled: 0, skipped: 0 };
  for (const line of readFileSync(results, 'utf8').split('\n')) {
    if (line === '') continue;
    const said = JSON.parse(line) as { failedIn?: string; counts?: typeof counts };
    if (said.failedIn !== undefined) failedIn.set(said.failedIn, (failedIn.get(said.failedIn) ?? 0) + 1);
    counts = said.counts ?? counts;
  }
  return { passed: counts.passed, failed: counts.failed + counts.cancelled, skipped: counts.skipped, failedIn };
}
