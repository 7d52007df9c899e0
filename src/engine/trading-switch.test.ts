import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentUnderTest } from '../../test/builders/agent.ts';
import { runId } from '../core/base/ids.ts';

const told = (agent: AgentUnderTest) =>
  agent.performed.flatMap(({ action }) => (action.kind === 'set-trading' ? [action.enabled] : []));

test('once no run has the group, the engine mirrors what the record says of new risk', () => {
  const agent = new AgentUnderTest().reigns();
  agent.hears({ run: null, tradingEnabled: false }).observes({ tradingEnabled: true }, true);
  assert.deepEqual(told(agent), [false]);
  agent.performedWith(agent.last('perform'));
  agent.now += 1;
  agent.hears({ tradingEnabled: true }).observes({ tradingEnabled: false }, true);
  assert.deepEqual(told(agent), [false, true]);
});

test('an engine that does as the record says, or whose run is open, is told nothing', () => {
  const agent = new AgentUnderTest().reigns();
  agent.hears({ run: null, tradingEnabled: true }).observes({ tradingEnabled: true }, true);
  agent.hears({ run: runId('trading-8'), tradingEnabled: false }).observes({ tradingEnabled: true }, true);
  assert.deepEqual(told(agent), []);
});

test('an engine that was drained does not follow a record older than the one it was drained under', () => {
  const agent = new AgentUnderTest().reigns();
  agent.hears({ run: null, tradingEnabled: true }).observes({ tradingEnabled: true }, true);
  for (const local of agent.core.locals.values()) local.tradingSince = Number.MAX_SAFE_INTEGER;
  agent.now += 1;
  agent.observes({ tradingEnabled: false }, true);
  assert.deepEqual(told(agent), []);
  for (const local of agent.core.locals.values()) local.tradingSince = 0;
  agent.now += 1;
  agent.observes({ tradingEnabled: false }, true);
  assert.deepEqual(told(agent), [true]);
});
