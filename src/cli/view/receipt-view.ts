import type { Json } from '../../core/base/canonical-json.ts';
import type { Approval } from '../../core/decision/brakes.ts';
import type { Intent, Rejection } from '../../core/decision/intent.ts';
import { holdsUp, type PrerequisiteResult } from '../../core/decision/prerequisites.ts';
import type { RuleResult } from '../../core/decision/safety-rule.ts';
import type { LossBound, Move, RecoveryPlan, StartsIn } from '../../core/plan/recovery-plan.ts';
import { Fields } from '../../wire/fields.ts';

/** A decision with every rule's result, as a controller answers it; with the plan where one was asked for. */
export interface ReceiptView {
  readonly verdict: 'stand-down' | 'hold' | 'ask-approval' | 'proceed';
  readonly reason: string;
  readonly policy: string;
  readonly digest: string;
  readonly trigger: string;
  readonly scope: 'instance' | 'site';
  readonly fromSite: string | null;
  readonly toSite: string;
  readonly moves: readonly Move[];
  /** What delegates are asked for. */
  readonly delegates: readonly Move[];
  readonly missing: Intent['missing'];
  readonly rejected: readonly Rejection[];
  readonly lossBound: LossBound;
  readonly durability: readonly StartsIn[];
  readonly rules: readonly RuleResult[];
  /** Of a planned move. */
  readonly prerequisites: readonly PrerequisiteResult[];
  readonly approval: Approval | null;
  readonly overridden: readonly string[];
  readonly plan: RecoveryPlan | null;
}

/** @throws ShapeError */
export function parseReceipt(value: Json): ReceiptView {
  const fields = Fields.of(value, 'decision');
  const rules = fields.list('rules', (rule, at) => {
    const one = Fields.of(rule, at);
    one.text('rule');
    one.oneOf('outcome', ['pass', 'block', 'cannot-evaluate']);
    return rule as RuleResult;
  });
  return {
    verdict: fields.oneOf('verdict', ['stand-down', 'hold', 'ask-approval', 'proceed']),
    reason: fields.words('reason', ''),
    policy: fields.words('policy', ''),
    digest: fields.text('digest'),
    trigger: fields.words('trigger', ''),
    scope: fields.oneOf('scope', ['instance', 'site']),
    fromSite: fields.textOrNull('fromSite'),
    toSite: fields.text('toSite'),
    moves: fields.json('moves', []) as unknown as readonly Move[],
    delegates: fields.json('delegates', []) as unknown as readonly Move[],
    missing: fields.json('missing', []) as unknown as Intent['missing'],
    rejected: fields.json('rejected', []) as unknown as readonly Rejection[],
    lossBound: fields.json('lossBound', { kind: 'none' }) as unknown as LossBound,
    durability: fields.json('durability', []) as unknown as readonly StartsIn[],
    rules,
    prerequisites: fields.json('prerequisites', []) as unknown as readonly PrerequisiteResult[],
    approval: fields.json('approval', null) as unknown as Approval | null,
    overridden: fields.texts('overridden', []),
    plan: fields.has('plan') ? (fields.fields('plan').raw() as unknown as RecoveryPlan) : null,
  };
}

/** Null where there is no receipt in it: an answer of another kind. */
export function receiptIn(value: Json): ReceiptView | null {
  const isReceipt = typeof value === 'object' && value !== null && !Array.isArray(value) && 'rules' in value;
  return isReceipt ? parseReceipt(value) : null;
}

/** The rules that hold it up: those that do not pass and were not overridden. */
export const stopping = (receipt: ReceiptView): readonly RuleResult[] =>
  receipt.rules.filter((rule) => rule.outcome !== 'pass' && !receipt.overridden.includes(rule.rule));

/** The prerequisites that hold it up. */
export const unmet = (receipt: ReceiptView): readonly PrerequisiteResult[] =>
  receipt.prerequisites.filter((each) => holdsUp(each) && !receipt.overridden.includes(each.prerequisite));

/** The mode that the survivor starts in, for people; worst first. */
export function startsInText(durability: readonly StartsIn[]): string {
  const says = { halted: 'halts', degraded: 'goes on exposed', strict: 'strict' } as const;
  const parts = (['halted', 'degraded', 'strict'] as const).flatMap((mode) => {
    const those = durability.filter((each) => each.mode === mode);
    if (those.length === 0) return [];
    const lost = [...new Set(those.flatMap((each) => each.lost))];
    const without = lost.length === 0 ? '' : ` without ${lost.join(', ')}`;
    const what = mode === 'halted' ? ': no new risk until one has caught up, or holdfast resume' : '';
    return [`${those.map(({ component }) => component).join(', ')} ${says[mode]}${without}${what}`];
  });
  return parts.join('; ') || 'nothing that others have to have';
}

export const lossText = (bound: LossBound): string =>
  bound.kind === 'none'
    ? 'no acknowledged write'
    : `acknowledged writes of ${bound.components.join(', ')}, no bound is known`;
