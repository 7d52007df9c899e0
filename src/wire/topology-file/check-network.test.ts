import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseTopology } from './parse-topology.ts';
import { problemText } from './topology-problem.ts';

const firm = readFileSync(new URL('./fixtures/small-firm.yaml', import.meta.url), 'utf8');
const withNetwork = (section: string) => parseTopology(`${firm}network: ${section}\n`, 'firm.yaml');
const problems = (section: string): string => {
  const parsed = withNetwork(section);
  return parsed.ok ? '' : parsed.error.map(problemText).join('\n');
};

test('a topology that says nothing of its network asks for no measurement', () => {
  const parsed = parseTopology(firm, 'firm.yaml');
  assert.ok(parsed.ok);
  assert.equal('network' in parsed.value.topology, false);
});

test('an empty section asks for measurement with the documented defaults', () => {
  const parsed = withNetwork('{}');
  assert.ok(parsed.ok, problems('{}'));
  assert.deepEqual(parsed.value.topology.network, {
    everyMs: 500,
    answerWithinMs: 1000,
    windowMs: 60_000,
    raiseAfterMs: 5000,
    clearAfterMs: 30_000,
    budgets: [],
  });
});

test('a budget names its pair, its percentile and its class', () => {
  const parsed = withNetwork(
    '{budgets: {orders: {between: [east, west], limit: 12ms, loss: 1%, jitter: 2ms, class: order-path}}}',
  );
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value.topology.network?.budgets, [
    {
      id: 'orders',
      between: ['east', 'west'],
      percentile: 99,
      limitMs: 12,
      lossPercent: 1,
      jitterMs: 2,
      trafficClass: 'order-path',
    },
  ]);
});

test('what cannot be measured is refused with its place', () => {
  assert.match(problems('{every: 100ms}'), /firm\.yaml.*at least 250 ms/s);
  assert.match(problems('{every: 5s, window: 30s}'), /has 6 probes/);
  assert.match(problems('{answerWithin: 40s}'), /more than half of the window/);
  assert.match(problems('{budgets: {a: {between: [east, mars], limit: 9ms}}}'), /no site "mars"/);
  assert.match(problems('{budgets: {a: {between: [east, east], limit: 9ms}}}'), /with itself/);
  assert.match(problems('{budgets: {a: {between: [east, west], limit: 2s}}}'), /counts as lost/);
  assert.match(problems('{budgets: {a: {between: [east, west], limit: 9}}}'), /HF-2005/);
});
