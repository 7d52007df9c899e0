import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { LabError } from '../lab-error.ts';
import { waitFor } from '../wait.ts';
import { installPackages } from './install-packages.ts';

/** Plays apt-get: notes what it was asked and what packages would have heard, and does what each test writes into it. */
const standIn = (directory: string, work: string): string => `#!/bin/sh
echo "$*" >>${directory}/asked
case "$*" in
  *install*) ${directory}/policy-rc.d redis start; echo "policy $? $DEBIAN_FRONTEND" >>${directory}/asked
${work};;
esac
`;

describe('installing Debian packages', () => {
  const path = process.env['PATH'];
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'packages-'));
    process.env['PATH'] = [directory, path].join(delimiter);
  });
  after(() => {
    process.env['PATH'] = path;
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(() => playing('true'));
  afterEach(() => {
    for (const name of ['asked', 'policy-rc.d', 'policy-rc.d.before-holdfast'])
      rmSync(join(directory, name), { force: true });
  });

  const playing = (work: string) =>
    writeFileSync(join(directory, 'apt-get'), standIn(directory, work), { mode: 0o755 });
  const policyFile = () => join(directory, 'policy-rc.d');
  const logs = () => join(directory, 'logs');
  const asked = () => readFileSync(join(directory, 'asked'), 'utf8');
  const install = (say: (text: string) => void = () => {}, withinMs = 20_000) =>
    installPackages(['frr', 'patroni'], { directory: logs(), say, withinMs, policyFile: policyFile() });
  const refusal = async (pattern: RegExp, remedy: RegExp) => {
    const error = await install().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof LabError && error.code === 'HF-7014');
    assert.match(error.found, pattern);
    assert.match(error.next, remedy);
    assert.equal(existsSync(policyFile()), false, 'services of this machine may not start any more');
  };

  it('asks nothing, lets no service start meanwhile, and says how far it is', async () => {
    playing(
      'echo dlstatus:1:50.5:Retrieving >&3; echo pmstatus:frr:12.0:Unpacking >&3; echo pmstatus:patroni:100:Installed >&3; sleep 1',
    );
    const said: string[] = [];
    await install((text) => said.push(text));
    assert.match(asked(), /^policy 101 noninteractive$/m);
    assert.match(asked(), /-y .*--no-install-recommends install frr patroni$/m);
    assert.deepEqual(said, ['fetching: 40 %', 'installing: 100 %']);
    assert.equal(existsSync(policyFile()), false, 'services of this machine may not start any more');
  });

  it('what the owner of the machine had decided about services holds again afterwards, also after a killed installation', async () => {
    const own = '#!/bin/sh\nexit 0\n';
    writeFileSync(policyFile(), own, { mode: 0o755 });
    await install();
    assert.match(asked(), /^policy 101 /m);
    assert.equal(readFileSync(policyFile(), 'utf8'), own);

    // Killed half way, with its script.
    writeFileSync(join(directory, 'policy-rc.d.before-holdfast'), own, { mode: 0o755 });
    writeFileSync(policyFile(), '#!/bin/sh\n# by holdfast lab up\nexit 101\n', { mode: 0o755 });
    await install();
    assert.equal(readFileSync(policyFile(), 'utf8'), own);
  });

  it('without a network it says that no mirror can be reached, and what to do', async () => {
    playing('echo "E: Failed to fetch http://m/x.deb  Temporary failure resolving m"; exit 100');
    await refusal(/no Debian mirror can be reached: .*Temporary failure resolving/, /proxy/);
  });

  it('a package that apt does not know is named, and so is whoever else installs, and whatever else apt says', async () => {
    playing('echo "E: Unable to locate package patroni"; exit 100');
    await refusal(/Unable to locate package patroni/, /sources of apt/);
    playing('echo "E: Could not get lock /var/lib/dpkg/lock-frontend."; exit 100');
    await refusal(/another program installs/, /wait/);
    playing('echo "dpkg: error processing package frr"; exit 100');
    await refusal(/error processing package frr/, /apt-output\.log/);
  });

  it('one that takes too long is not killed', async () => {
    mkdirSync(logs(), { recursive: true });
    playing(`while [ ! -e ${directory}/go-on ]; do sleep 0.05; done; echo done >>${directory}/asked`);
    await assert.rejects(
      install(() => {}, 300),
      /goes on with it/,
    );
    writeFileSync(join(directory, 'go-on'), '');
    await waitFor('the installation to end', () => !existsSync(policyFile()) && /^done$/m.test(asked()), 10_000);
    rmSync(join(directory, 'go-on'));
  });

  it('goes on, and puts the policy back, when whoever asked for it is killed', async () => {
    playing(`while [ ! -e ${directory}/go-on ]; do sleep 0.05; done; echo done >>${directory}/asked`);
    const script = `const { installPackages } = await import(${JSON.stringify(join(import.meta.dirname, 'install-packages.ts'))});
      await installPackages(['frr'], { directory: ${JSON.stringify(logs())}, say() {}, policyFile: ${JSON.stringify(policyFile())} });`;
    const child = spawn(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      script,
    ]);
    await waitFor('apt-get to be asked', () => existsSync(join(directory, 'asked')) && /policy/.test(asked()), 10_000);
    child.kill('SIGKILL');
    await waitFor('it to be dead', () => child.signalCode !== null, 5_000);
    assert.equal(existsSync(policyFile()), true);
    writeFileSync(join(directory, 'go-on'), '');
    await waitFor('the installation to end', () => !existsSync(policyFile()) && /^done$/m.test(asked()), 10_000);
    rmSync(join(directory, 'go-on'));
  });

  it('without apt-get it says so', async () => {
    rmSync(join(directory, 'apt-get'));
    process.env['PATH'] = directory;
    try {
      await refusal(/no apt-get here/, /by other means/);
    } finally {
      process.env['PATH'] = [directory, path].join(delimiter);
    }
  });
});
