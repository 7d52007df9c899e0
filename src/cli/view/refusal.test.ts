import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../core/base/canonical-json.ts';
import { SAFETY_RULES } from '../../core/decision/rules/index.ts';
import { RULE_IDS, type RuleId } from '../../core/decision/safety-rule.ts';
import { refusalOutcome } from './refusal.ts';
import { mayBeOverridden, ruleWords } from './rule-words.ts';

const receiptWith = (rule: RuleId, outcome: 'block' | 'cannot-evaluate', more: object = {}): Json => ({
  verdict: 'hold',
  reason: 'because',
  policy: 'approval',
  digest: '7c40e2d18a9b3f65',
  trigger: 'Planned',
  scope: 'site',
  fromSite: 'ny4',
  toSite: 'ch2',
  moves: [],
  missing: [],
  rejected: [],
  lossBound: { kind: 'none' },
  rules: RULE_IDS.map((id) =>
    id === rule
      ? { rule: id, outcome, reason: 'something was found', next: 'do this', ...more }
      : { rule: id, outcome: 'pass', reason: 'fine' },
  ),
  approval: null,
  overridden: [],
});

const refused = (code: string, result: Json, found = 'found this') =>
  refusalOutcome({ kind: 'refused', code, tried: 'failover trading → ch2', found, next: 'do that', result });

for (const rule of RULE_IDS)
  test(`a refusal by ${rule} says what was tried and found, what would follow, what to do, and every rule's result`, () => {
    const { exitCode, text, json, toStderr } = refused(ruleWords[rule].code, receiptWith(rule, 'block'));
    const lines = text.trimEnd().split('\n');
    assert.equal(exitCode, 3);
    assert.equal(toStderr, true);
    assert.match(lines[0]!, new RegExp(`^REFUSED ${ruleWords[rule].code} .+ +exit 3$`));
    assert.equal(lines[0]!.length, 80);
    assert.match(text, /^tried {3}failover trading → ch2, plan 7c40e2d18a9b3f65$/m);
    assert.match(text, new RegExp(`^found {3}${rule} blocks: something was found$`, 'm'));
    assert.match(text, /^so {6}\S/m);
    assert.match(text, /^next {4}do this$/m);
    const overridable = SAFETY_RULES.find(({ id }) => id === rule)!.overridable;
    assert.equal(mayBeOverridden(rule), overridable);
    if (overridable) assert.match(text, new RegExp(`--override ${rule} --reason TEXT`));
    else assert.match(text, /no flag overrides this rule/);
    for (const id of RULE_IDS) assert.match(text, new RegExp(`[✓✕?] ${id} `));
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.equal((json as { refused: { rule: string } }).refused.rule, rule);
  });

test('a rule that could not be evaluated is told apart from one that blocks', () => {
  const { text, exitCode } = refused('HF-4107', receiptWith('R-FENCE', 'cannot-evaluate'));
  assert.equal(exitCode, 3);
  assert.match(text, /^found {3}R-FENCE cannot evaluate: something was found$/m);
  assert.match(text, /\? R-FENCE {8}cannot be evaluated: something was found/);
});

test('a rule that passes by itself says when', () => {
  const { text } = refused('HF-4112', receiptWith('R-COOLDOWN', 'block', { passesInMs: 9000 }));
  assert.match(text, /it passes by itself in 9\.0 s if nothing else changes/);
});

test('the code of each rule is the one that the controllers give', async () => {
  const { readFileSync } = await import('node:fs');
  const desk = readFileSync(new URL('../../engine/operator-desk.ts', import.meta.url), 'utf8');
  for (const [, rule, code] of desk.matchAll(/'(R-[A-Z]+)': '(HF-\d{4})'/g))
    assert.equal(ruleWords[rule as RuleId].code, code, rule);
});

test('refusals that no rule speaks end as what they are', () => {
  const ends = [
    ['HF-4001', 1],
    ['HF-4002', 2],
    ['HF-4003', 1],
    ['HF-4104', 1],
    ['HF-4105', 1],
    ['HF-4108', 1],
  ] as const;
  for (const [code, exitCode] of ends) {
    const outcome = refused(code, null);
    assert.equal(outcome.exitCode, exitCode, code);
    assert.match(outcome.text, /^found {3}found this$/m);
    assert.match(outcome.text, /^next {4}do that$/m);
  }
});

test('a plan that only lacks an approval ends as 4, and so does a fence that needs a second person', () => {
  const waiting = { ...(receiptWith('R-FENCE', 'block') as object), verdict: 'ask-approval', rules: [] };
  assert.equal(refused('HF-4100', waiting).exitCode, 4);
  assert.equal(refused('HF-4119', null, 'you have said so yourself').exitCode, 4);
  assert.equal(refused('HF-4107', null, 'the agent on ny4-a cannot be reached').exitCode, 3);
});
