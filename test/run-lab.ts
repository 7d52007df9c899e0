import { createWriteStream, globSync, mkdirSync, rmSync, type WriteStream } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { parseArgs } from 'node:util';
import { labDown } from '../lab/cli.ts';
import { messageOf } from '../lab/lab-error.ts';
import { installPackages } from '../lab/netns/install-packages.ts';
import { findKernelFacts } from '../lab/netns/kernel-facts.ts';
import { missingPackages } from '../lab/netns/packages.ts';
import { countsText, exitCodeOf, type LabSuite, labSuites, type SuiteTotals, totalsText } from './lab-suites.ts';
import { bothTries, type FilesPlayed, fileOf, triedAgain } from './second-try.ts';

/**
 * `npm run test:lab`: brings labs up and exercises every driver against its real server, and whole labs. As root it installs the Debian
 * packages that are missing, after saying so. `-- --only PART` plays the suites whose name contains PART (may be given again), `-- --quick`
 * leaves out those for which CI has no time, `-- --list` names them. One suite after the other; the last line has the totals. Files that fail are played once more (`second-try.ts`); `-- --once` leaves that out. Exit 0 all hold, 1 one does not, 5 not everything could be tried.
 */
const root = join(import.meta.dirname, '..');
const logs = join(root, '.holdfast', 'test-lab');
const temporary = join(root, '.holdfast', 'test-tmp');

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);
const chosen = labSuites.filter(
  ({ name, notInCi }) =>
    (values.only.length === 0 || values.only.some((part) => name.includes(part))) && !(values.quick && notInCi),
);
const stopped = new AbortController();

async function playAll(): Promise<number> {
  const begun = performance.now();
  const secondsSo = () => (performance.now() - begun) / 1000;
  const obstacle = await obstacleToNamespaces();
  const totals: SuiteTotals[] = [];
  for (const [index, suite] of chosen.entries()) {
    const notTried = stopped.signal.aborted ? 'it was interrupted' : reasonAgainst(suite, obstacle);
    say(`\n== ${index + 1} of ${chosen.length}: ${suite.name}, ${suite.about} (${Math.round(secondsSo())} s)`);
    if (notTried !== null) say(`   not tried: ${notTried}`);
    totals.push(notTried === null ? await play(suite) : { passed: 0, failed: 0, skipped: 0, again: 0, notTried });
  }
  say('');
  for (const [index, each] of totals.entries())
    say(
      `${chosen[index]!.name.padEnd(16)}${each.notTried === null ? countsText(each) : `not tried: ${each.notTried}`}`,
    );
  say(totalsText(totals, secondsSo()));
  return exitCodeOf(totals);
}

const reasonAgainst = ({ needs }: LabSuite, obstacle: string | null): string | null =>
  needs === 'nothing' ? null : process.getuid?.() !== 0 ? 'it needs root' : needs === 'root' ? null : obstacle;

/** Why no lab of network namespaces can be had; null where it can, after what was missing has been installed. */
async function obstacleToNamespaces(): Promise<string | null> {
  if (!chosen.some(({ needs }) => needs !== 'nothing')) return null;
  if (process.getuid?.() !== 0) return 'it needs root';
  const install = async (names: readonly string[]) => {
    if (names.length > 0) say(`installing Debian packages that are not here: ${names.join(', ')}`);
    await installPackages(names, { directory: join(root, '.holdfast', 'packages'), say });
  };
  try {
    await install(missingPackages({ servers: 'all', facts: null }));
    await install(missingPackages({ servers: 'all', facts: await findKernelFacts(`hf-test-${process.pid}`) }));
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** Plays one suite, tells each test as it ends, and takes down what it had up. */
async function play(suite: LabSuite): Promise<SuiteTotals> {
  mkdirSync(logs, { recursive: true });
  mkdirSync(temporary, { recursive: true });
  // Under the checkout, so that nothing is ever left in the machine's own.
  process.env['TMPDIR'] = temporary;
  process.env['HOLDFAST_SUITE'] = 'quick';
  const log = createWriteStream(join(logs, `${suite.name}.log`));
  const told = (line: string) => {
    say(`   ${line}`);
    log.write(`${line}\n`);
  };
  const takenDown = async () => {
    for (const name of suite.labs)
      await labDown({ root, name }).catch((error: unknown) => told(`✗ ${name} ${messageOf(error)}`));
  };
  const within = AbortSignal.any([stopped.signal, AbortSignal.timeout(suite.withinMs)]);
  try {
    const files = suite.files.flatMap((pattern) => globSync(pattern, { cwd: root })).toSorted();
    const first = await playFiles(suite.name, files, within, log, told).finally(takenDown);
    const seconds: FilesPlayed[] = [];
    if (!values.once && !within.aborted)
      for (const file of triedAgain([...first.failedIn.keys()])) {
        told(`once more: ${file}`);
        seconds.push(await playFiles(suite.name, [file], within, log, told).finally(takenDown));
      }
    const both = bothTries(first, seconds);
    if (first.failed > 0) say(`   what was said: ${relative(root, join(logs, `${suite.name}.log`))}`);
    return { ...both, notTried: null };
  } finally {
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
    log.end();
  }
}

async function playFiles(
  name: string,
  files: readonly string[],
  signal: AbortSignal,
  log: WriteStream,
  told: (line: string) => void,
): Promise<FilesPlayed> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failedIn = new Map<string, number>();
  try {
    const events = run({
      cwd: root,
      files: [...files],
      concurrency: 1,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      signal,
    });
    for await (const { type, data } of events) {
      if (type === 'test:stdout' || type === 'test:stderr') log.write(data.message);
      else if (type === 'test:diagnostic' && data.nesting > 0) log.write(`  ${data.message}\n`);
      else if (type === 'test:pass' || type === 'test:fail') {
        const isSuite = data.details.type === 'suite';
        const seconds = ` (${(data.details.duration_ms / 1000).toFixed(1)} s)`;
        if (data.skip !== undefined) {
          counts.skipped += 1;
          told(`﹣ ${data.name} skipped: ${typeof data.skip === 'string' ? data.skip : 'no reason given'}`);
        } else if (type === 'test:fail') {
          const { error } = data.details;
          if (error.failureType === 'subtestsFailed') continue;
          const file = fileOf(data);
          counts.failed += 1;
          failedIn.set(file, (failedIn.get(file) ?? 0) + 1);
          told(`✗ ${data.name}${seconds}\n${messageOf(error.cause ?? error).replace(/^/gm, '       ')}`);
        } else if (!isSuite) {
          counts.passed += 1;
          told(`● ${data.name}${seconds}`);
        }
      }
    }
  } catch (error) {
    counts.failed += 1;
    told(`✗ ${name} ${messageOf(error)}`);
  }
  return { ...counts, failedIn };
}

if (values.help) {
  say('npm run test:lab [-- --only PART]... [-- --quick] [-- --once] [-- --list]');
} else if (values.list) {
  for (const { name, about, needs } of chosen)
    say(
      `${name.padEnd(16)}${about}${needs === 'nothing' ? '' : ` (root${needs === 'root' ? '' : ', network namespaces'})`}`,
    );
} else if (chosen.length === 0) {
  process.stderr.write(`HF-1002 no suite has "${values.only.join('" or "')}" in its name; --list names them all\n`);
  process.exitCode = 2;
} else {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopped.abort());
  process.exitCode = await playAll();
}
