import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { labDown, labStatus } from '../../lab/cli.ts';
import { readTopology } from '../../lab/demo/demo.ts';
import { Platform } from '../../lab/demo/platform.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { findLabProcesses } from '../../lab/lab-processes.ts';
import { readSharedMemory } from '../../lab/shared-memory.ts';
import { example, LabUnderTest, projectRoot } from './lab-under-test.ts';

const minute = 60_000;
const names = ['suite-down-one', 'suite-down-two'] as const;
const lab = (name: string) => ({ root: projectRoot, name });
const living = (name: string) => {
  const directory = new LabDirectory(projectRoot, name);
  return findLabProcesses({ id: directory.id, directory: directory.path });
};

describe('a lab is brought down', { timeout: 8 * minute }, () => {
  after(async () => {
    for (const name of names) {
      await labDown(lab(name));
      rmSync(new LabDirectory(projectRoot, name).path, { recursive: true, force: true });
    }
  });

  it('completely after kill -9 of the demo in the middle of a fault, beside another lab that does not notice', async () => {
    const segmentsBefore = new Set(readSharedMemory().map(({ id }) => id));
    const other = await LabUnderTest.open(names[1], { ratePerSecond: null });
    try {
      const epoch = (await other.settled()).record!.epoch;
      const child = spawn('bin/holdfast', ['demo', '--name', names[0], '--rate', '200'], {
        cwd: projectRoot,
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      });
      await said(child, /── .*freezes/);
      const platform = new Platform(
        lab(names[0]),
        readTopology({ topologyFile: example('three-site.yaml'), overlays: [example('demo-overlay.yaml')] }),
      );
      assert.notEqual(platform.context.book.layout.block, other.platform.context.book.layout.block);
      const gone = new Promise((resolve) => child.once('exit', resolve));
      // The launcher and the Node that it chose: a signal to the former alone would leave the demo alive.
      process.kill(-child.pid!, 'SIGKILL');
      await gone;
      const orphans = living(names[0]);
      assert.ok(orphans.length > 20, `only ${orphans.length} processes were left to end`);

      const ended = await labDown(lab(names[0]));
      assert.ok(ended.processesEnded >= orphans.length);
      assert.deepEqual(living(names[0]), []);
      const directory = new LabDirectory(projectRoot, names[0]);
      assert.deepEqual(
        ended.kept.filter((path) => !path.startsWith(directory.evidence) && !path.startsWith(directory.report)),
        [],
      );
      assert.equal(existsSync(directory.registryFile) || existsSync(directory.logs), false);
      assert.equal((await labDown(lab(names[0]))).processesEnded, 0, 'a second time there is nothing to end');

      const { state } = await labStatus(lab(names[1]), { measure: false });
      assert.ok(state.processes.every((process_) => process_.alive));
      assert.equal((await other.settled()).record!.epoch, epoch, 'the other lab was disturbed');
    } finally {
      await other.close();
    }
    assert.deepEqual(living(names[1]), []);
    const creators = new Map(readSharedMemory().map(({ id, creator }) => [id, creator]));
    const left = [...creators].filter(([id, creator]) => !segmentsBefore.has(id) && !existsSync(`/proc/${creator}`));
    assert.deepEqual(left, [], 'shared memory whose maker is gone');
  });
});

async function said(child: ChildProcess, words: RegExp): Promise<void> {
  const story: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stderr!).on('line', (line) => {
      story.push(line);
      if (words.test(line)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the demo ended (${code}) before that:\n${story.join('\n')}`)));
  });
}
