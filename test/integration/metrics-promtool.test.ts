import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from '../../src/adapters/gate/nftables-gate.ts';
import { exposition, type Sample } from '../../src/core/metrics/exposition.ts';
import { METRICS, type MetricName } from '../../src/core/metrics/metric-list.ts';
import { projectMetrics } from '../../src/engine/project-metrics.ts';
import { ControllerUnderTest } from '../builders/controller.ts';
import { NOW } from '../builders/facts.ts';

const present = (await runCommand('promtool', ['--version'], { input: '', deadlineMs: 20_000 })).code === 0;
const skip = present ? false : 'promtool is not installed (Debian: prometheus)';
const check = (text: string) => runCommand('promtool', ['check', 'metrics'], { input: text, deadlineMs: 20_000 });

test('what a controller tells is what promtool takes, without a remark', { skip }, async () => {
  const controller = new ControllerUnderTest().leads();
  const evidence = { chain: 'controller/bravo', sequence: 41 };
  const { code, stdout, stderr } = await check(
    exposition(projectMetrics(controller.core, { now: controller.now, wall: NOW, evidence })),
  );
  assert.deepEqual([code, stdout, stderr], [0, '', '']);
});

test('so is every metric of the list, with labels that have to be escaped', { skip }, async () => {
  const samples = Object.entries(METRICS).map(
    ([metric, { labels }]): Sample => ({
      metric: metric as MetricName,
      labels: Object.fromEntries(labels.map((label) => [label, 'a "b" \\ c\nd é'])),
      value: 1.5,
    }),
  );
  const { code, stdout, stderr } = await check(exposition(samples));
  assert.deepEqual([code, stdout, stderr], [0, '', '']);
});

test('promtool finds what is wrong: a name with a unit that is none', { skip }, async () => {
  const { code } = await check('# HELP x_milliseconds X.\n# TYPE x_milliseconds gauge\nx_milliseconds 1\n');
  assert.notEqual(code, 0);
});
