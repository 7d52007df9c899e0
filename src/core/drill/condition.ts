import { componentId, siteId, type ComponentId, type SiteId } from '../base/ids.ts';
import type { RuleId } from '../decision/safety-rule.ts';
import { RULE_IDS } from '../decision/safety-rule.ts';
import { DIAGNOSES, type DiagnosisKind } from '../diagnosis/diagnosis.ts';
import { STEP_KINDS, type StepKind } from '../plan/runbook.ts';
import { err, ok, type Result } from '../base/result.ts';

/** What can be waited for or expected. `since` = since the last fault or person's request of the scenario. */
export type Condition =
  /** No run is open, every component has one serving holder, clients are led there, new risk is accepted. */
  | { readonly kind: 'served' }
  /** Beside that, everybody who can stand by does, and durability is what was asked for. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'mode'; readonly mode: 'degraded' | 'halted' }
  | { readonly kind: 'active'; readonly site: SiteId }
  /** Its holder is another one than in the steady state. */
  | { readonly kind: 'moved'; readonly component: ComponentId; readonly moved: boolean }
  /** How often the epoch was raised since the steady state. */
  | { readonly kind: 'takeovers'; readonly count: number }
  | { readonly kind: 'decision'; readonly verdict: string; readonly rule: RuleId | null }
  | { readonly kind: 'diagnosis'; readonly diagnosis: DiagnosisKind }
  | { readonly kind: 'step'; readonly step: StepKind }
  /** The holder in the steady state was closed by its own host before another one was promoted. */
  | { readonly kind: 'fenced-itself-first'; readonly component: ComponentId }
  | { readonly kind: 'nothing-lost' }
  /** Longest time without an acknowledgement to clients since the first fault. */
  | { readonly kind: 'outage-below'; readonly ms: number }
  | { readonly kind: 'faults-over' };

export const CONDITION_PHRASES: readonly string[] = [
  'served',
  'whole',
  'degraded',
  'halted',
  'site NAME is active',
  'COMPONENT moved',
  'COMPONENT did not move',
  'no take-over',
  'N take-over(s)',
  'decision is VERDICT [because of RULE]',
  'diagnosis KIND',
  'run is at step STEP',
  'primary of COMPONENT fenced itself first',
  'nothing acknowledged is lost',
  'outage below DURATION',
  'all faults are over',
];

const VERDICTS = ['stand-down', 'hold', 'ask-approval', 'proceed'];
const WORDS: Readonly<Record<string, Condition>> = {
  served: { kind: 'served' },
  whole: { kind: 'whole' },
  degraded: { kind: 'mode', mode: 'degraded' },
  halted: { kind: 'mode', mode: 'halted' },
  'no take-over': { kind: 'takeovers', count: 0 },
  'nothing acknowledged is lost': { kind: 'nothing-lost' },
  'all faults are over': { kind: 'faults-over' },
};

export function parseCondition(text: string): Result<Condition, string> {
  const word = WORDS[text];
  if (word) return ok(word);
  const found =
    matching(text, /^site (\S+) is active$/, ([name]) => ({ kind: 'active', site: siteId(name!) })) ??
    matching(text, /^(\S+) (moved|did not move)$/, ([name, how]) => ({ kind: 'moved', component: componentId(name!), moved: how === 'moved' })) ??
    matching(text, /^(\d+) take-overs?$/, ([count]) => ({ kind: 'takeovers', count: Number(count) })) ??
    matching(text, /^primary of (\S+) fenced itself first$/, ([name]) => ({ kind: 'fenced-itself-first', component: componentId(name!) })) ??
    decisionIn(text) ??
    kindIn(text);
  if (found) return ok(found);
  const outage = /^outage below (.+)$/.exec(text);
  const ms = outage ? parseDuration(outage[1]!) : null;
  if (ms !== null) return ok({ kind: 'outage-below', ms });
  return err(`"${text}" is not a condition; use one of: ${CONDITION_PHRASES.join(' · ')}`);
}

function decisionIn(text: string): Condition | null {
  const [, verdict, rule] = /^decision is (\S+?)(?: because of (\S+))?$/.exec(text) ?? [];
  if (verdict === undefined || !VERDICTS.includes(verdict)) return null;
  if (rule !== undefined && !RULE_IDS.includes(rule as RuleId)) return null;
  return { kind: 'decision', verdict, rule: (rule ?? null) as RuleId | null };
}

function kindIn(text: string): Condition | null {
  const [, what, kind] = /^(diagnosis|run is at step) (\S+)$/.exec(text) ?? [];
  if (what === 'diagnosis' && kind! in DIAGNOSES) return { kind: 'diagnosis', diagnosis: kind as DiagnosisKind };
  if (what === 'run is at step' && kind! in STEP_KINDS) return { kind: 'step', step: kind as StepKind };
  return null;
}

function matching(text: string, pattern: RegExp, make: (parts: readonly string[]) => Condition): Condition | null {
  const found = pattern.exec(text);
  return found ? make(found.slice(1)) : null;
}

/** `250 ms`, `3 s`, `1.5 s`, `2 min`. Null = not a duration. */
export function parseDuration(text: string): number | null {
  const [, number, unit] = /^(\d+(?:\.\d+)?) (ms|s|min)$/.exec(text) ?? [];
  if (number === undefined) return null;
  return Number(number) * (unit === 'ms' ? 1 : unit === 's' ? 1000 : 60_000);
}
