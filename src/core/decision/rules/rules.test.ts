import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FactsBuilder } from '../../../../test/builders/facts.ts';
import { planOf, switchover } from '../../../../test/builders/plans.ts';
import { RULE_IDS } from '../safety-rule.ts';
import { SAFETY_RULES } from './index.ts';

test('every rule of the closed list is asked exactly once', () => {
  assert.deepEqual(SAFETY_RULES.map((rule) => rule.id).toSorted(), [...RULE_IDS].toSorted());
});

test('rules that protect data or fencing cannot be overridden', () => {
  const overridable = SAFETY_RULES.filter((rule) => rule.overridable).map((rule) => rule.id);
  assert.deepEqual(overridable, ['R-VERDICT', 'R-FREEZE', 'R-MAINTENANCE', 'R-COOLDOWN', 'R-FLAPPING']);
});

test('on a healthy platform nothing stands against a planned move of all that it has', () => {
  const { facts } = new FactsBuilder();
  const against = SAFETY_RULES.map((rule) =>
    rule.evaluate({ facts, intent: switchover, plan: planOf(switchover, facts) }),
  ).filter((answer) => answer.outcome !== 'pass');
  assert.deepEqual(against, []);
});
