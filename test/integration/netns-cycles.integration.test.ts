import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { labDown } from '../../lab/cli.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { findLabProcesses } from '../../lab/lab-processes.ts';
import { namespacePrefix, planNetwork } from '../../lab/netns/network-plan.ts';
import { findResidue } from '../../lab/netns/residue.ts';
import { tryCommand } from '../../lab/netns/run-command.ts';
import { monitoringNode, prometheusAddress } from '../../lab/netns/servers/monitoring.ts';
import { waitFor } from '../../lab/wait.ts';
import { compileCacheOf } from '../../lab/warm-compile-cache.ts';
import { exampleFirm, NamespaceLabUnderTest, projectRoot, reasonToSkipNamespaces } from './netns-lab.under-test.ts';

/**
 * A whole lab, servers and platform, up and down again and again. `HOLDFAST_LAB_ROUNDS` of them (1), and as many whose launcher is killed at a
 * random moment (`HOLDFAST_LAB_SEED`).
 */
const rounds = Number(process.env['HOLDFAST_LAB_ROUNDS'] ?? 1);
const seed = Number(process.env['HOLDFAST_LAB_SEED'] ?? Date.now() % 100_000);
/** What the firm may wait for once everything is installed. */
const upWithinMs = 60_000;
const givenUpAfterMs = 180_000;

const skip = await reasonToSkipNamespaces();
const lab = { root: projectRoot, name: 'suite-cycles' };
const { id, path } = new LabDirectory(lab.root, lab.name);

interface Launched {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: () => boolean;
}

const figuresWithinMs = 20_000;
const topology = exampleFirm();

/** The program itself: whoever chooses a Node for it would be killed in its place. */
function launch(): Launched {
  const overlay = join(projectRoot, 'test', 'lab', 'metrics.yaml');
  const words = ['lab', 'up', '--ground', 'netns', '--name', lab.name, '--overlay', overlay];
  const args = [join(projectRoot, 'bin', 'main.ts'), ...words];
  const env = { ...process.env, NODE_COMPILE_CACHE: compileCacheOf(projectRoot) };
  const child = spawn(process.execPath, args, { cwd: projectRoot, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => {
      said += bytes.toString('utf8');
    });
  return { child, said: () => said, ended: () => child.exitCode !== null || child.signalCode !== null };
}

/** Steps with the time at which each began. */
const stepsIn = (said: string): string =>
  [...said.matchAll(/^ *([\d.]+) s {2}(\S+(?: \S+)?)/gm)].map(([, seconds, words]) => `${words} ${seconds}`).join(', ');

/** Resolves when Prometheus has every controller's figures, by which one of them leads. */
async function figuresRead(): Promise<void> {
  const under = new NamespaceLabUnderTest(lab);
  const home = monitoringNode({ topology, plan: under.context.plan })!;
  const figure = async (query: string) => {
    const said = await under.run(home.id, 'promtool', 'query', 'instant', `http://${prometheusAddress}`, query);
    return Number(/=> (\S+) /.exec(said)?.[1]);
  };
  const voters = topology.sites.filter(({ voter }) => voter).length;
  const areRead = async () =>
    (await figure('count(holdfast_controller_leading)')) === voters &&
    (await figure('sum(holdfast_controller_leading)')) === 1;
  await waitFor('figures of every controller in Prometheus', areRead, figuresWithinMs);
}

async function assertNothingLeft(): Promise<void> {
  assert.deepEqual(findResidue(id), { namespaces: [], controlGroups: [] });
  assert.deepEqual(findLabProcesses({ id, directory: path }), []);
  const kept = ['evidence', 'report'].filter((name) => existsSync(join(path, name)));
  assert.ok(!existsSync(path) || kept.length > 0, `${path} is still there`);
  for (const name of ['lab.json', 'machines', 'logs', 'pki', 'secrets'])
    assert.ok(!existsSync(join(path, name)), `${name} is still there`);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const prefix = namespacePrefix(id);
  assert.deepEqual(
    mounts.filter((line) => line.includes(path) || line.includes(prefix)),
    [],
  );
  const own = new Set(planNetwork(topology, { prefix }).wires.flatMap(({ ends }) => ends.map((end) => end.interface)));
  const links = (await tryCommand('ip', ['-j', 'link'])).stdout;
  const here = (JSON.parse(links || '[]') as readonly { readonly ifname: string }[]).map(({ ifname }) => ifname);
  assert.deepEqual(
    here.filter((name) => own.has(name)),
    [],
  );
}

/** Numbers from 0 to 1 that a seed gives again (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe(`a whole lab comes up and goes, ${rounds} times; seed ${seed}`, {
  skip,
  timeout: rounds * 2 * givenUpAfterMs,
}, () => {
  let longestMs = 30_000;
  after(() => labDown(lab));

  for (let round = 1; round <= rounds; round += 1)
    it(`healthy in time, and nothing is left afterwards: ${round}`, async (context) => {
      const begun = performance.now();
      const { child, said, ended } = launch();
      await waitFor('the lab to be up', ended, givenUpAfterMs);
      const tookMs = performance.now() - begun;
      if (child.exitCode === 0) await figuresRead();
      longestMs = Math.max(longestMs, tookMs);
      const downBegun = performance.now();
      const { processesEnded } = await labDown(lab);
      const downMs = performance.now() - downBegun;
      const text = `up ${(tookMs / 1000).toFixed(1)} s (${stepsIn(said())}); down ${(downMs / 1000).toFixed(1)} s, ${processesEnded} processes`;
      (context as TestContext).diagnostic(text);
      process.stderr.write(`round ${round}: ${text}\n`);
      assert.equal(child.exitCode, 0, said());
      await assertNothingLeft();
      assert.ok(tookMs <= upWithinMs, `${Math.round(tookMs)} ms`);
    });

  const random = randomFrom(seed);
  for (let round = 1; round <= rounds; round += 1)
    it(`nothing is left by one whose launcher is killed on the way: ${round}`, async (context) => {
      const afterMs = Math.round(random() * longestMs);
      const { child, said, ended } = launch();
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      const was = ended() ? 'was done' : 'killed';
      child.kill('SIGKILL');
      await waitFor('the launcher to be dead', ended, 10_000);
      const downBegun = performance.now();
      const { processesEnded } = await labDown(lab);
      const text = `${was} after ${(afterMs / 1000).toFixed(1)} s (${stepsIn(said())}); down ${((performance.now() - downBegun) / 1000).toFixed(1)} s, ${processesEnded} processes`;
      (context as TestContext).diagnostic(text);
      process.stderr.write(`killed ${round}: ${text}\n`);
      await assertNothingLeft();
    });
});
