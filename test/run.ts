import { spawn } from 'node:child_process';
import { globSync, mkdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * `npm test`: every suite that needs neither root nor Debian packages. `-- --only PART` runs the files whose path contains PART;
 * `-- --lab` runs those that bring up whole labs instead, one after the other (20 minutes; with `--quick` one case of each kind, the
 * nine minutes of them that CI runs, without what the demo shows); `-- --list` names the files. Ends with the runner's own totals.
 */
const root = join(import.meta.dirname, '..');

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    lab: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
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
  'test/simulation/*.test.ts',
];
const LAB_SUITES = ['test/lab/*.test.ts'];
/** Two cores: more at once only makes servers late. A lab has them all. */
const TOGETHER = values.lab ? 1 : 2;
/** Only for what hangs: ten times what an idle machine needs. */
const SUITE_WITHIN_MS = values.lab ? 1_800_000 : 900_000;

function files(): readonly string[] {
  const patterns = values.lab ? LAB_SUITES : SUITES;
  const found = patterns.flatMap((pattern) => globSync(pattern, { cwd: root })).toSorted();
  const part = values.only;
  return part === undefined ? found : found.filter((file) => file.includes(part));
}

if (values.help) {
  process.stdout.write('npm test [-- --only PART] [-- --lab [--quick]] [-- --list]\n');
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
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    `--test-concurrency=${TOGETHER}`,
    `--test-timeout=${SUITE_WITHIN_MS}`,
    '--test-reporter=spec',
    ...chosen,
  ];
  process.stdout.write(
    `${chosen.length} files, ${TOGETHER} at a time; ${relative(root, temporary)} holds what they make\n`,
  );
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
    process.exit(signal === null ? (code ?? 1) : 1);
  });
}
