import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Intent } from '../../src/core/decision/intent.ts';
import { SAFETY_RULES } from '../../src/core/decision/rules/index.ts';
import type { RuleAnswer, RuleId } from '../../src/core/decision/safety-rule.ts';
import { FactsBuilder } from './facts.ts';
import { planOf, siteFailover } from './plans.ts';

export interface RuleCase {
  /** Completes the sentence "R-X passes / blocks / cannot be evaluated …". */
  readonly when: string;
  readonly outcome: RuleAnswer['outcome'];
  readonly reason: RegExp;
  readonly next?: RegExp;
  readonly passesInMs?: number;
  /** Default: the site failover of `plans.ts`. */
  readonly intent?: Intent;
  /** What is different from a platform on which all is well. */
  readonly given?: (world: FactsBuilder) => unknown;
}

const SAYS: Readonly<Record<RuleAnswer['outcome'], string>> = {
  pass: 'passes',
  block: 'blocks',
  'cannot-evaluate': 'cannot be evaluated',
};

/** One test per case; one more that the rule was seen to pass and to block. */
export function checkRule(id: RuleId, cases: readonly RuleCase[]): void {
  const rule = SAFETY_RULES.find((each) => each.id === id)!;
  for (const { when, outcome, reason, next, passesInMs, intent = siteFailover, given } of cases)
    test(`${id} ${SAYS[outcome]} ${when}`, () => {
      const world = new FactsBuilder();
      given?.(world);
      const answer = rule.evaluate({ facts: world.facts, intent, plan: planOf(intent, world.facts) });
      assert.equal(answer.outcome, outcome, answer.reason);
      assert.match(answer.reason, reason);
      if (next) assert.match(answer.next ?? '', next);
      if (passesInMs !== undefined) assert.equal(answer.passesInMs, passesInMs);
    });
  test(`${id} is seen to pass and to block`, () => {
    const seen = new Set(cases.map((each) => each.outcome));
    assert.ok(seen.has('pass') && seen.has('block'), [...seen].join());
  });
}
