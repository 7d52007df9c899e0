import { type ComponentId, componentId, type SiteId, siteId } from '../base/ids.ts';
import { ok, type Result } from '../base/result.ts';
import { RULE_IDS, type RuleId } from '../decision/safety-rule.ts';
import { DIAGNOSES, type DiagnosisKind } from '../diagnosis/diagnosis.ts';
import { STEP_KINDS, type StepKind } from '../plan/runbook.ts';
import { type Misread, misread } from './misread.ts';

/** What can be waited for or expected. The steady state is the firm before the first line. */
export type Condition =
  /** No run is open, every component has one serving holder, clients are led there, new risk is accepted. */
  | { readonly kind: 'served' }
  /** Beside that, everybody who can stand by does, and durability is what was asked for. */
  | { readonly kind: 'whole' }
  /** Whoever leads diagnoses nothing. */
  | { readonly kind: 'nothing-wrong' }
  | { readonly kind: 'mode'; readonly mode: 'degraded' | 'halted' }
  | { readonly kind: 'active'; readonly site: SiteId }
  /** Its holder is another one than in the steady state. */
  | { readonly kind: 'moved'; readonly component: ComponentId; readonly moved: boolean }
  /** How often the epoch was raised since the steady state. */
  | { readonly kind: 'takeovers'; readonly count: number }
  | { readonly kind: 'decision'; readonly verdict: Verdict; readonly rule: RuleId | null }
  | { readonly kind: 'diagnosis'; readonly diagnosis: DiagnosisKind }
  | { readonly kind: 'step'; readonly step: StepKind }
  /** The last person who asked was refused. */
  | { readonly kind: 'refused'; readonly code: string }
  /** The holder in the steady state was stopped on its own host before another one was promoted. */
  | { readonly kind: 'stopped-first'; readonly component: ComponentId }
  /** The present holder of every durable component has every write that a client was told of. */
  | { readonly kind: 'nothing-lost' }
  /** Longest time without an acknowledgement to clients since the first fault. */
  | { readonly kind: 'outage-below'; readonly ms: number }
  /** Clients were told of one a moment ago, or of none for longer than they ever wait between two. */
  | { readonly kind: 'passing'; readonly what: 'orders' | 'cancels'; readonly passing: boolean }
  /** None is in force, and none still waits for its step. */
  | { readonly kind: 'faults-over' };

type Verdict = 'stand-down' | 'hold' | 'ask-approval' | 'proceed';

export const CONDITION_PHRASES: readonly string[] = [
  'served',
  'whole',
  'nothing is wrong',
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
  'the person was refused with HF-NNNN',
  'old primary of COMPONENT stopped first',
  'nothing acknowledged is lost',
  'outage below TIME',
  'orders pass',
  'orders do not pass',
  'cancels pass',
  'all faults are over',
];

const VERDICTS: readonly string[] = ['stand-down', 'hold', 'ask-approval', 'proceed'] satisfies Verdict[];
const WORDS: ReadonlyMap<string, Condition> = new Map<string, Condition>([
  ['served', { kind: 'served' }],
  ['whole', { kind: 'whole' }],
  ['nothing is wrong', { kind: 'nothing-wrong' }],
  ['degraded', { kind: 'mode', mode: 'degraded' }],
  ['halted', { kind: 'mode', mode: 'halted' }],
  ['no take-over', { kind: 'takeovers', count: 0 }],
  ['nothing acknowledged is lost', { kind: 'nothing-lost' }],
  ['orders pass', { kind: 'passing', what: 'orders', passing: true }],
  ['orders do not pass', { kind: 'passing', what: 'orders', passing: false }],
  ['cancels pass', { kind: 'passing', what: 'cancels', passing: true }],
  ['all faults are over', { kind: 'faults-over' }],
]);

type Reader = (...found: string[]) => Result<Condition, Misread>;

const PATTERNS: readonly (readonly [RegExp, Reader])[] = [
  [/^site (\S+) is active$/, (name) => ok({ kind: 'active', site: siteId(name!) })],
  [
    /^(\S+) (moved|did not move)$/,
    (name, how) => ok({ kind: 'moved', component: componentId(name!), moved: how === 'moved' }),
  ],
  [/^(\d+) take-overs?$/, (count) => ok({ kind: 'takeovers', count: Number(count) })],
  [/^old primary of (\S+) stopped first$/, (name) => ok({ kind: 'stopped-first', component: componentId(name!) })],
  [/^the person was refused with (HF-\d{4})$/, (code) => ok({ kind: 'refused', code: code! })],
  [/^decision is (\S+?)(?: because of (\S+))?$/, decision],
  [
    /^diagnosis (\S+)$/,
    (kind) =>
      Object.hasOwn(DIAGNOSES, kind!)
        ? ok({ kind: 'diagnosis', diagnosis: kind as DiagnosisKind })
        : misread(`"${kind}" is no diagnosis`, `one of: ${Object.keys(DIAGNOSES).join(', ')}`),
  ],
  [
    /^run is at step (\S+)$/,
    (kind) => {
      const step = parseStep(kind!);
      return step.ok ? ok({ kind: 'step', step: step.value }) : step;
    },
  ],
  [
    /^outage below (.+)$/,
    (text) => {
      const ms = parseDuration(text!);
      return ms.ok ? ok({ kind: 'outage-below', ms: ms.value }) : ms;
    },
  ],
];

export function parseCondition(text: string): Result<Condition, Misread> {
  const word = WORDS.get(text);
  if (word) return ok(word);
  for (const [pattern, read] of PATTERNS) {
    const found = pattern.exec(text);
    if (found) return read(...found.slice(1));
  }
  return misread(`"${text}" is not a condition`, `one of: ${CONDITION_PHRASES.join(' · ')}`);
}

function decision(verdict?: string, rule?: string): Result<Condition, Misread> {
  if (!VERDICTS.includes(verdict!)) return misread(`"${verdict}" is no verdict`, `one of: ${VERDICTS.join(', ')}`);
  if (rule !== undefined && !RULE_IDS.includes(rule as RuleId))
    return misread(`"${rule}" is no rule`, `one of: ${RULE_IDS.join(', ')}`);
  return ok({ kind: 'decision', verdict: verdict as Verdict, rule: (rule ?? null) as RuleId | null });
}

export const parseStep = (text: string): Result<StepKind, Misread> =>
  Object.hasOwn(STEP_KINDS, text)
    ? ok(text as StepKind)
    : misread(`"${text}" is no step`, `one of: ${Object.keys(STEP_KINDS).join(', ')}`);

/** Milliseconds of `250 ms`, `3 s`, `1.5 s`, `2 min`. */
export function parseDuration(text: string): Result<number, Misread> {
  const [, number, unit] = /^(\d+(?:\.\d+)?) (ms|s|min)$/.exec(text) ?? [];
  if (number === undefined)
    return misread(`"${text}" is not a time`, 'a number and its unit: "250 ms", "3 s", "2 min"');
  return ok(Number(number) * (unit === 'ms' ? 1 : unit === 's' ? 1000 : 60_000));
}
