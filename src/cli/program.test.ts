import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectFileText, findConnection } from './connect/connect-file.ts';
import { parseAndRun } from './parse-and-run.ts';
import { Shell } from './shell.ts';
import { FakeTerminal } from './simulated-controllers.test.ts';
import { errorOutcome } from './view/error-outcome.ts';

const repository = join(import.meta.dirname, '..', '..');

async function holdfast(projectRoot: string, ...args: readonly string[]) {
  const terminal = new FakeTerminal();
  const shell = new Shell({ projectRoot, version: '1.2.3', environment: {}, terminal: () => terminal, nowMs: () => 0 });
  const exitCode = await parseAndRun(shell, args, []);
  return { exitCode, output: terminal.output, errors: terminal.errors };
}

function emptyProject(context: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'höld fast '));
  context.after(() => rmSync(root, { recursive: true }));
  return root;
}

const wrong: readonly (readonly [args: readonly string[], found: RegExp])[] = [
  [['statsu'], /unknown command 'statsu' \(Did you mean status\?\)/],
  [['status', '--jsno'], /unknown option '--jsno' \(Did you mean --json\?\)/],
  [['failover', '--overide', 'R-VERDICT'], /unknown option '--overide' \(Did you mean --override\?\)/],
  [['approve'], /missing required argument 'digest'/],
  [['status', '--max-age', '5'], /a duration with its unit is needed/],
  [['approve', 'abc', '--for', '30d'], /at most a week/],
  [['failover', '--accept-data-loss', 'yes'], /name what may be lost and how much/],
  [['plan', 'failover', 'a', 'b'], /too many arguments/],
  [['evidence', 'export', 'somewhere'], /required option '--out <file>' not specified/],
  [['plan', 'sideways'], /unknown command 'sideways'/],
];
for (const [args, found] of wrong)
  test(`"holdfast ${args.join(' ')}" is a usage error that says what is wrong: 2`, async () => {
    const { exitCode, errors, output } = await holdfast(repository, ...args);
    assert.equal(exitCode, 2);
    assert.equal(output, '');
    assert.match(errors, /^USAGE HF-8003 .* exit 2$/m);
    assert.match(errors.replaceAll(/\n +/g, ' '), found);
    assert.match(errors, /^next {4}holdfast .*--help$/m);
  });

test('a usage error with --json is one object on standard output', async () => {
  const { exitCode, output, errors } = await holdfast(repository, 'status', '--nonsense', '--json');
  assert.equal(exitCode, 2);
  assert.equal(errors, '');
  assert.equal(JSON.parse(output).error.code, 'HF-8003');
});

test('without a command the help is shown, and that is a usage error', async () => {
  const { exitCode, errors } = await holdfast(repository);
  assert.equal(exitCode, 2);
  assert.match(errors, /Usage: holdfast/);
});

test('a command that is unknown below another one leads to the help of that one', async () => {
  const { errors } = await holdfast(repository, 'plan', 'sideways');
  assert.match(errors, /^next {4}holdfast plan --help$/m);
});

test('every command that changes something can be tried dry', async () => {
  for (const command of [
    'failover',
    'switchover',
    'failback',
    'approve',
    'activate',
    'fence',
    'unfence',
    'freeze',
    'unfreeze',
    'maintenance',
    'ack',
    'authority adopt',
  ]) {
    const { output } = await holdfast(repository, ...command.split(' '), '--help');
    assert.match(output, /^ {2}--dry-run /m, command);
  }
});

test('help says defaults with their unit, and none where nothing is given', async () => {
  const help = async (...words: string[]) => (await holdfast(repository, ...words, '--help')).output;
  assert.match(await help('approve'), /the approval holds so long \(default: 30min\)/);
  assert.match(await help('status'), /\(default: 10s\)/);
  assert.doesNotMatch(await help('topology', 'check'), /default/);
});

test('every command teaches: an example, what it touches, its exit codes', async () => {
  const commands = [
    'status',
    'health',
    'plan failover',
    'plan switchover',
    'runs',
    'failover',
    'switchover',
    'failback',
    'approve',
    'activate',
    'fence',
    'unfence',
    'freeze',
    'unfreeze',
    'maintenance',
    'ack',
    'authority adopt',
    'topology check',
    'topology show',
    'evidence verify',
    'evidence export',
  ];
  for (const command of commands) {
    const { exitCode, output } = await holdfast(repository, ...command.split(' '), '--help');
    assert.equal(exitCode, 0, command);
    assert.match(output, /^Examples:\n {2}holdfast /m, command);
    assert.match(output, /^Touches: \S/m, command);
    assert.match(output, /^Exit codes: 0 ok · 1 failed · 2 usage/m, command);
  }
});

test('a topology file is checked without any controller', async () => {
  const sound = await holdfast(
    repository,
    'topology',
    'check',
    join(repository, 'examples', 'three-site.yaml'),
    '--json',
  );
  assert.equal(sound.exitCode, 0);
  assert.equal(JSON.parse(sound.output).ok, true);
  const absent = await holdfast(repository, 'topology', 'check', 'nowhere.yaml');
  assert.equal(absent.exitCode, 2);
  assert.match(absent.errors, /HF-2011/);
});

test('without a connection file and without a lab the error says what to do: 2', async (context) => {
  const { exitCode, errors } = await holdfast(emptyProject(context), 'status');
  assert.equal(exitCode, 2);
  assert.match(errors, /HF-8001/);
  assert.match(errors, /^next {4}name a connection file, or bring a lab up: holdfast lab up$/m);
});

const connection = (firm: string) =>
  connectFileText({
    firm,
    controllers: [{ id: 'ny4', host: '127.0.0.1', port: 1 }],
    ca: 'pki/ca.pem',
    people: [
      { name: 'Adam Admin', role: 'admin', cert: 'pki/adam.pem', key: 'pki/adam.key' },
      { name: 'Olivia Observer', role: 'observer', cert: 'pki/olivia.pem', key: 'pki/olivia.key' },
    ],
  });

test('the newest lab is found, its paths are relative to its file, and people are chosen by name', (context) => {
  const root = emptyProject(context);
  for (const [name, age] of [
    ['old', 60],
    ['new', 0],
  ] as const) {
    mkdirSync(join(root, '.holdfast', 'labs', name), { recursive: true });
    const file = join(root, '.holdfast', 'labs', name, 'connect.json');
    writeFileSync(file, connection(name));
    utimesSync(file, Date.now() / 1000 - age, Date.now() / 1000 - age);
  }
  const found = findConnection({ file: null, person: null, projectRoot: root });
  assert.equal(found.firm, 'new');
  assert.equal(found.person.name, 'Adam Admin');
  assert.equal(found.tls.cert, join(root, '.holdfast', 'labs', 'new', 'pki', 'adam.pem'));
  const named = findConnection({ file: null, person: 'olivia', projectRoot: root });
  assert.deepEqual(named.person, { name: 'Olivia Observer', role: 'observer' });
  assert.throws(
    () => findConnection({ file: null, person: 'eve', projectRoot: root }),
    /HF-8007 .*"Adam Admin" \(admin\), "Olivia Observer"/s,
  );
});

test('a connection file that cannot be used says what is wrong in it', (context) => {
  const root = emptyProject(context);
  const file = join(root, 'firm.json');
  const read = () => findConnection({ file, person: null, projectRoot: root });
  assert.throws(read, /HF-8002 .*ENOENT/s);
  for (const [text, found] of [
    ['nonsense', /is not JSON/],
    ['{"format":"holdfast-connect/9"}', /"format" must be one of holdfast-connect\/1/],
    [connection('x').replace('"port": 1', '"port": "1"'), /"controllers\[0\]\.port" must be a whole number/],
  ] as const) {
    writeFileSync(file, text);
    assert.throws(read, (error: Error) => /HF-8002/.test(error.message) && found.test(error.message), text);
  }
});

test('what is not an expected error is called a defect and keeps its stack', () => {
  const { exitCode, text } = errorOutcome(new Error('boom'));
  assert.equal(exitCode, 1);
  assert.match(text, /^HF-8000 .*defect.*\nError: boom\n +at /s);
});

test('the launcher passes the exit code and both streams on', () => {
  const wrongOption = spawnSync(join(repository, 'bin', 'holdfast'), ['status', '--nonsense'], { encoding: 'utf8' });
  assert.equal(wrongOption.status, 2, wrongOption.stderr);
  assert.match(wrongOption.stderr, /HF-8003/);
  const help = spawnSync(join(repository, 'bin', 'holdfast'), ['--help'], { encoding: 'utf8' });
  assert.equal(help.status, 0);
  for (const command of ['demo', 'start', 'lab', 'sim', 'report', 'status'])
    assert.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
});
