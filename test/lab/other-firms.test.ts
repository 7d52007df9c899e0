import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { labDown } from '../../lab/cli.ts';
import { runDemo } from '../../lab/demo/demo.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { renderReport } from '../../src/cli/report/render-report.ts';
import { example, projectRoot, quick } from './lab-under-test.ts';

const minute = 60_000;
const name = 'suite-other-firm';
const acts = ['engine-crash', 'engine-freeze', 'host-freeze', 'site-loss', 'failback'];

describe('another firm plays the same demo, with nothing changed but its topology file', {
  timeout: 12 * minute,
}, () => {
  afterEach(async () => {
    await labDown({ root: projectRoot, name });
    rmSync(new LabDirectory(projectRoot, name).path, { recursive: true, force: true });
  });

  for (const firm of quick ? ['four-site.yaml'] : ['two-site.yaml', 'four-site.yaml'])
    it(firm, { timeout: 6 * minute }, async () => {
      const story: string[] = [];
      const result = await runDemo({
        root: projectRoot,
        name,
        topologyFile: example(firm),
        overlays: [example('demo-overlay.yaml')],
        ratePerSecond: 500,
        keep: false,
        narrate: (line) => {
          story.push(line);
          if (process.env['HOLDFAST_NARRATE'] !== undefined) process.stderr.write(`${firm} ${line}\n`);
        },
        renderReport,
      });
      assert.deepEqual(result.problems, [], story.join('\n'));
      assert.equal(result.ok, true, story.join('\n'));
      assert.deepEqual(
        result.faults.map((fault) => fault.name),
        acts,
      );
      for (const fault of result.faults) {
        const { ordersLost, commitsLost, staleWritesAccepted } = fault;
        assert.deepEqual(
          { ordersLost, commitsLost, staleWritesAccepted },
          { ordersLost: 0, commitsLost: 0, staleWritesAccepted: 0 },
          fault.name,
        );
        assert.ok(fault.epochTo! > fault.epochFrom!, fault.name);
      }
      assert.equal(result.evidence.verified, true);
      for (const left of [result.evidence.path, result.report]) assert.ok(existsSync(join(projectRoot, left)), left);
    });
});
