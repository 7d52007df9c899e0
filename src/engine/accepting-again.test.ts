import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instanceId } from '../core/base/ids.ts';
import { wasStopped } from './accepting-again.ts';
import { type AgentMemory, blankMemory } from './agent-memory.ts';

const oms = instanceId('alfa-oms');
const remembers = (...keys: readonly string[]): AgentMemory => ({
  ...blankMemory,
  done: keys.map((key) => ({ key, outcome: { kind: 'ok', detail: {} }, proof: null })),
});
const STOP = 'trading-2/stop-accepting/stop-accepting/alfa-oms';

test('what a recovery stopped and nobody told to go on is stopped, whatever was done to others since', () => {
  assert.equal(wasStopped(remembers(), oms), false);
  assert.equal(wasStopped(remembers(STOP, 'trading-3/resume/resume/bravo-oms', 'trading-3/barrier/alfa-x'), oms), true);
});

test('told to go on, by its run, by the next one or by its agent, it is stopped no more, until it is stopped again', () => {
  const RESUMED = ['trading-2/resume/resume/alfa-oms', 'trading-3/resume/resume/alfa-oms', 'agent/17/resume/alfa-oms'];
  for (const key of RESUMED) assert.equal(wasStopped(remembers(STOP, key), oms), false);
  assert.equal(wasStopped(remembers(STOP, RESUMED[0]!, 'trading-4/stop-accepting/stop-accepting/alfa-oms'), oms), true);
});
