import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, it } from 'node:test';
import { labDown } from '../../lab/cli.ts';
import { lossesOf } from '../../lab/demo/assemble-report.ts';
import { readTopology, runDemo } from '../../lab/demo/demo.ts';
import { Platform } from '../../lab/demo/platform.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { renderReport } from '../../src/cli/report/render-report.ts';
import { anchored, damagesOf, readBundle, writeBundle } from './evidence-damage.ts';
import { example, LabUnderTest, projectRoot } from './lab-under-test.ts';
import { deleteAcknowledgedCommit, deleteAcknowledgedOrder, letStaleWriteThrough } from './sabotage.ts';

const minute = 60_000;
const shipped = { topologyFile: example('three-site.yaml'), overlays: [example('demo-overlay.yaml')] };

describe('the count on a running platform', { timeout: 6 * minute }, () => {
  let lab: LabUnderTest;
  before(async () => {
    lab = await LabUnderTest.open('suite-can-fail');
  });
  afterEach((context) => lab.noteResult(context));
  after(() => lab?.close());

  it('finds nothing while nothing is wrong', async () => {
    const { verdict, reasons } = await lab.verified();
    assert.deepEqual({ verdict, reasons }, { verdict: 'met', reasons: [] });
  });

  it('misses an acknowledged order that was deleted in order management, and names it', async () => {
    const { item } = await deleteAcknowledgedOrder(lab.platform);
    const found = await lab.verified();
    assert.equal(found.verdict, 'missed');
    assert.deepEqual(found['persistedMissing'], [item]);
    assert.ok(lossesOf(found).some((loss) => loss.of === 'orders' && loss.how === 'missing' && loss.id === item));
  });

  it('misses an acknowledged commit that was deleted in PostgreSQL, and names it', async () => {
    const { item } = await deleteAcknowledgedCommit(lab.platform);
    const found = await lab.verified();
    assert.equal(found.verdict, 'missed');
    assert.deepEqual(found['commitsLost'], [item]);
    assert.ok(lossesOf(found).some((loss) => loss.of === 'commits' && loss.how === 'missing' && loss.id === item));
  });

  it('counts a stale write that the exchange let through, and names the order', async () => {
    const { item } = await letStaleWriteThrough(lab.platform);
    const found = await lab.verified();
    assert.equal(found.verdict, 'missed');
    assert.equal(found.staleWritesAccepted, 1);
    assert.ok((found['ordersNeverSent'] as readonly string[]).includes(item));
    assert.ok(lossesOf(found).some((loss) => loss.of === 'stale-writes'));
  });

  it('finds evidence that was edited, reordered, removed or cut, and names the entry', async () => {
    const { path } = lab.directory;
    const file = join(path, 'bundle.json');
    const exported = () => {
      const done = holdfast('evidence', 'export', join(path, 'hosts'), join(path, 'sites'), '--out', file);
      assert.equal(done.status, 0, done.stderr);
      return readBundle(file);
    };
    let chain: string | undefined;
    await lab.eventually('an anchor has seen eight entries of an agent', 90_000, async () => {
      chain = [...anchored(exported())].find(([name, seen]) => name.startsWith('agent-') && seen >= 8)?.[0];
      return chain !== undefined;
    });
    const whole = readBundle(file);
    assert.equal(holdfast('evidence', 'verify', file).status, 0);
    for (const { what, bundle, sentence } of damagesOf(whole, chain!)) {
      writeBundle(file, bundle);
      const found = holdfast('evidence', 'verify', file);
      assert.equal(found.status, 1, `${what}: ${found.stdout}`);
      assert.ok(found.stdout.includes(sentence), `${what}, "${sentence}": ${found.stdout}`);
      lab.narrate(`${what}: ${sentence}`);
    }
  });
});

const holdfast = (...words: string[]) => spawnSync('bin/holdfast', words, { cwd: projectRoot, encoding: 'utf8' });

describe('the demo', { timeout: 8 * minute }, () => {
  const names = ['suite-demo-fails', 'suite-demo-exit'];
  after(async () => {
    for (const name of names) {
      await labDown({ root: projectRoot, name });
      rmSync(new LabDirectory(projectRoot, name).path, { recursive: true, force: true });
    }
  });

  it('does not hold when a commit was lost that the last count alone could see', async () => {
    let item = '';
    const result = await runDemo({
      root: projectRoot,
      name: names[0]!,
      ...shipped,
      ratePerSecond: 200,
      keep: false,
      acts: ['engine-crash'],
      narrate: () => {},
      renderReport,
      beforeLastCount: async (platform) => {
        item = (await deleteAcknowledgedCommit(platform)).item;
      },
    });
    assert.equal(result.ok, false);
    assert.deepEqual(
      result.faults.map((fault) => [fault.name, fault.ordersLost, fault.commitsLost, fault.staleWritesAccepted]),
      [['engine-crash', 0, 0, 0]],
    );
    assert.ok(
      result.problems.some((problem) => problem.includes('commits missing') && problem.includes(item)),
      `${item} is in none of ${JSON.stringify(result.problems)}`,
    );
  });

  it('exits with 1 and names what was lost behind its back', async () => {
    const child = spawn('bin/holdfast', ['demo', '--name', names[1]!, '--rate', '200', '--json'], {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
    let spoiled: Promise<{ readonly item: string }> | null = null;
    const story: string[] = [];
    createInterface(child.stderr).on('line', (line) => {
      story.push(line);
      if (!line.includes('── ')) return;
      const platform = new Platform({ root: projectRoot, name: names[1]! }, readTopology(shipped));
      spoiled ??= deleteAcknowledgedCommit(platform);
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    const code = await exited;
    assert.ok(spoiled, story.join('\n'));
    const { item } = await (spoiled as Promise<{ readonly item: string }>);
    assert.equal(code, 1);
    const result = JSON.parse(out) as { readonly ok: boolean; readonly problems: readonly string[] };
    assert.equal(result.ok, false, `${out}\n${story.join('\n')}`);
    assert.ok(result.problems.some((problem) => problem.includes(item)));
  });
});
