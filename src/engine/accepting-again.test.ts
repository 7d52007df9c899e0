import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentUnderTest } from '../../test/builders/agent.ts';
import { runId } from '../core/base/ids.ts';

const acted = (agent: AgentUnderTest) =>
  agent.performed.flatMap(({ action }) => (action.kind === 'act' ? [action.action] : []));

/** An agent that was told to have its instance stop accepting, while a run had the group. */
const stopped = (): AgentUnderTest => {
  const agent = new AgentUnderTest().reigns();
  agent.hears({ run: runId('trading-8') }).observes({}, true);
  for (const local of agent.core.locals.values()) agent.core.rememberStopped(local, true);
  return agent;
};

test('what a recovery stopped is left alone while a run has the group, and told to go on once none has', () => {
  const agent = stopped();
  assert.deepEqual(acted(agent), []);
  agent.now += 1;
  agent.hears({ run: null }).observes({}, true);
  assert.deepEqual(acted(agent), ['resume']);
  agent.performedWith(agent.last('perform'));
  agent.now += 1;
  agent.observes({}, true);
  assert.deepEqual([acted(agent), agent.core.memory.stopped], [['resume'], []]);
});

test('it is told again until it says that it goes on, and under a record older than the order nothing is told', () => {
  const agent = stopped();
  for (const local of agent.core.locals.values()) local.stoppedSince = Number.MAX_SAFE_INTEGER;
  agent.now += 1;
  agent.hears({ run: null }).observes({}, true);
  assert.deepEqual(acted(agent), []);
  for (const local of agent.core.locals.values()) local.stoppedSince = 0;
  agent.now += 1;
  agent.observes({}, true);
  agent.performedWith(agent.last('perform'), { kind: 'unknown', reason: 'no answer' });
  agent.now += 1;
  agent.observes({}, true);
  assert.deepEqual(acted(agent), ['resume', 'resume']);
});

test('an agent that dies after the order was taken knows of it when it is started again', () => {
  const agent = new AgentUnderTest({ memory: stopped().core.memory }).reigns();
  agent.hears({ run: null }).observes({}, true);
  assert.deepEqual(acted(agent), ['resume']);
});
