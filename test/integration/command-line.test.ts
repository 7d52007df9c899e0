import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { demo, start } from '../../bin/commands/demo-actions.ts';
import { play } from '../../bin/commands/play-actions.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { launcher } from '../../lab/lab-standing.ts';
import { createPki, type LabPki } from '../../lab/pki.ts';
import { connectFileText } from '../../src/cli/connect/connect-file.ts';
import { parseAndRun } from '../../src/cli/parse-and-run.ts';
import { Shell } from '../../src/cli/shell.ts';
import { FakeTerminal, SimulatedFirm } from '../../src/cli/simulated-controllers.test.ts';
import { OperatorApi } from '../../src/controller/operator-api.ts';
import { readTlsFiles } from '../../src/wire/peer-identity.ts';

let directory: string;
let api: OperatorApi;
const firm = new SimulatedFirm();

const connectFile = (name: string, people: LabPki): string => {
  const file = join(directory, `${name}.json`);
  const { ca } = ours.identity('operator/Omar');
  const { cert, key } = people.identity('operator/Omar');
  const controllers = [{ id: 'alfa', host: '127.0.0.1', port: api.port }];
  writeFileSync(
    file,
    connectFileText({ firm: 'test', controllers, ca, people: [{ name: 'Omar', role: 'operator', cert, key }] }),
  );
  return file;
};
let ours: LabPki;
let others: LabPki;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'höld fast '));
  const plan = {
    organisation: 'test',
    machines: [{ name: 'controller/alfa', role: 'controller' as const, ips: [] }],
    operators: [{ name: 'Omar', role: 'operator' as const }],
    evidenceOwners: [],
  };
  ours = await createPki({ directory: join(directory, 'ours'), ...plan });
  others = await createPki({ directory: join(directory, 'others'), ...plan });
  api = await OperatorApi.listen({
    host: '127.0.0.1',
    port: 0,
    identity: readTlsFiles(ours.identity('controller/alfa')),
    ask: (request) => firm.ask(request),
    history: () => [],
    metrics: null,
    turnedAway: () => {},
  });
});
after(async () => {
  await api.close();
  rmSync(directory, { recursive: true, force: true });
});

async function holdfast(...args: readonly string[]) {
  const terminal = new FakeTerminal();
  const surroundings = { projectRoot: directory, version: '0', environment: {}, nowMs: () => firm.nowMs };
  const shell = new Shell({ ...surroundings, terminal: () => terminal });
  const exitCode = await parseAndRun(shell, args, []);
  return { exitCode, output: terminal.output, errors: terminal.errors };
}

const changes = () => firm.asked.filter(({ kind }) => kind !== 'status' && kind !== 'plan');

test('--dry-run on the command line sends nothing that changes anything, and the same command without it does', async () => {
  const freeze = ['freeze', '--reason', 'test', '--connect', connectFile('firm', ours)];
  const dry = await holdfast(...freeze, '--dry-run');
  assert.deepEqual([dry.exitCode, dry.errors], [0, '']);
  assert.match(dry.output, /^DRY RUN would freeze trading, as Omar\. Nothing was asked for/);
  const object = await holdfast(...freeze, '--dry-run', '--json');
  assert.deepEqual([object.exitCode, JSON.parse(object.output).would], [0, 'freeze trading']);
  assert.deepEqual(changes(), []);
  assert.equal((await holdfast(...freeze)).exitCode, 0);
  assert.deepEqual(
    changes().map(({ kind }) => kind),
    ['freeze'],
  );
});

test('a group that does not exist is a usage error, also for those who only look', async () => {
  for (const command of ['status', 'health', 'runs', 'freeze']) {
    const { exitCode, errors } = await holdfast(command, '--group', 'nope', '--connect', connectFile('firm', ours));
    assert.equal(exitCode, 2, command);
    assert.match(errors, /^USAGE HF-8007/, command);
    assert.match(errors, /^next {4}--group one of: trading$/m, command);
  }
});

test('a certificate that another authority issued is turned away, and the person is told so', async () => {
  const { exitCode, errors } = await holdfast('status', '--connect', connectFile('stranger', others));
  assert.equal(exitCode, 1);
  assert.match(errors, /^FAILED HF-3106/);
  assert.match(errors.replaceAll(/\n +/g, ' '), /was not issued by the authority in the connection file/);
});

test('demo and start leave a lab of their name alone: refused where nobody can be asked, and where another name is typed', async () => {
  const lab = new LabDirectory(directory, 'mine');
  lab.create();
  lab.claim({
    format: 1,
    id: lab.id,
    name: 'mine',
    firm: 'test',
    topologyFile: null,
    createdAt: new Date().toISOString(),
    control: null,
    block: null,
    broughtUpBy: launcher(),
    startedBy: { command: 'holdfast start', user: 'somebody', attended: true },
    complete: false,
  });
  const before = readFileSync(lab.recordFile, 'utf8');
  const wish = {
    root: directory,
    name: 'mine',
    topologyFile: join(import.meta.dirname, '../../examples/two-site.yaml'),
    overlays: [join(import.meta.dirname, '../../examples/demo-overlay.yaml')],
    ratePerSecond: 1,
    keep: false,
    replace: false,
  };
  for (const play of [demo, start]) {
    for (const surroundings of [
      { terminal: new FakeTerminal(), json: false },
      { terminal: new FakeTerminal({ interactive: true, answers: ['mine'] }), json: true },
    ])
      await assert.rejects(
        play(wish, surroundings),
        /^LabError: HF-7002 .*is coming up since .*brought up by "holdfast start" of somebody[\s\S]*--replace/,
      );
    const terminal = new FakeTerminal({ interactive: true, answers: ['other'] });
    await assert.rejects(play(wish, { terminal, json: false }), /HF-8005 .*"other" was typed/);
    assert.match(terminal.questions.join(), /lab mine \(test\) is coming up since [\s\S]*Type its name to end it/);
  }
  assert.equal(readFileSync(lab.recordFile, 'utf8'), before);
});

test('scenarios that a lab cannot play are named with their line and reason, start nothing, and are not passed', async () => {
  const root = join(directory, 'plays');
  const wish = { root, name: 'play', pace: 1, ground: 'loopback' as const, ratePerSecond: 1 };
  const shipped = (name: string) => join(import.meta.dirname, '../../scenarios', `${name}.scenario`);
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const { exitCode, text, json } = await play(
    { ...wish, files: [shipped('rogue-promotion'), shipped('servers-follow')] },
    say,
  );
  assert.equal(exitCode, 5);
  assert.match(text, /HF-7023 .*rogue-promotion\.scenario:6: /);
  assert.match(text, /HF-7023 .*servers-follow\.scenario: a lab on loopback has no proxies/);
  assert.match(text, /0 held, 0 failed, 0 inconclusive, 2 not played here/);
  assert.deepEqual((json as { readonly totals: object }).totals, {
    held: 0,
    failed: 0,
    inconclusive: 0,
    'not-played': 2,
  });
  const wrong = join(directory, 'wrong.scenario');
  writeFileSync(wrong, 'title: t\nfirm: two sites, two engines each\nfault: kill primary of nothing\n');
  said.length = 0;
  const unusable = await play({ ...wish, files: [shipped('rogue-promotion'), wrong, join(directory, 'none')] }, say);
  assert.equal(unusable.exitCode, 2);
  assert.match(unusable.text, /HF-1205 .*wrong\.scenario:3/);
  assert.match(unusable.text, /HF-1206/);
  assert.deepEqual(said, [], 'every file is read before anything is played');
  assert.throws(() => accessSync(root));
});

test('a reader that has left ends a command as a broken pipe does, and nothing is said of it', async () => {
  const child = spawn(process.execPath, ['bin/holdfast', '--help'], { cwd: join(import.meta.dirname, '../..') });
  child.stdout.destroy();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  assert.deepEqual({ code, said }, { code: 141, said: '' });
});

test('every command that the package offers is a file of it that can be run', () => {
  const root = join(import.meta.dirname, '../..');
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> };
  for (const file of Object.values(bin)) accessSync(join(root, file), constants.X_OK);
});
