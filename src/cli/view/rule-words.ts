import { SAFETY_RULES } from '../../core/decision/rules/index.ts';
import { RULE_IDS, type RuleId, type RuleResult } from '../../core/decision/safety-rule.ts';
import { ruleGlyph } from './glyph.ts';
import { cut, labelWidth, screenColumns, wrap } from './text.ts';
import { elapsedText } from './time-text.ts';

export interface RuleWords {
  readonly code: string;
  /** What is wrong, in a few words. */
  readonly title: string;
  /** What follows if it were done in spite of the rule. */
  readonly so: string;
}

/** What a refusal by each rule is called, and why it matters. The codes are those of the controllers. */
export const ruleWords: Readonly<Record<RuleId, RuleWords>> = {
  'R-LEADER': {
    code: 'HF-4100',
    title: 'this controller does not lead',
    so: 'two controllers could work against each other',
  },
  'R-QUORUM': {
    code: 'HF-4114',
    title: 'the authority does not answer with quorum',
    so: 'nobody can know who may write; the other half may be deciding too',
  },
  'R-INCARNATION': {
    code: 'HF-4118',
    title: 'the authority is not the one that wrote this record',
    so: 'it may have forgotten a newer epoch, and with it who may write',
  },
  'R-RUN': {
    code: 'HF-4100',
    title: 'another run holds the group',
    so: 'two runs would undo each other’s steps',
  },
  'R-VERDICT': {
    code: 'HF-4116',
    title: 'no failure is proved',
    so: 'a platform that serves would be stopped for nothing',
  },
  'R-LEASE': {
    code: 'HF-4100',
    title: 'a silent holder may still come back',
    so: 'a short interruption would be turned into a take-over',
  },
  'R-FENCE': {
    code: 'HF-4107',
    title: 'fence not proven',
    so: 'two writers remain possible',
  },
  'R-CANDIDATE': {
    code: 'HF-4115',
    title: 'no fit candidate',
    so: 'a component would be taken from its holder and given to nobody',
  },
  'R-DATA': {
    code: 'HF-4106',
    title: 'acknowledged writes may be lost',
    so: 'what clients and the exchange were told would not be in the books',
  },
  'R-TARGET': {
    code: 'HF-4100',
    title: 'the target site cannot take over',
    so: 'trading would be moved to where it cannot run',
  },
  'R-ACTIVATION': {
    code: 'HF-4100',
    title: 'the first activation was not completed',
    so: 'a platform that is only just coming up would leave the site that a person chose',
  },
  'R-DEPENDENCY': {
    code: 'HF-4100',
    title: 'a dependency would be elsewhere',
    so: 'a component would serve across sites, or not at all',
  },
  'R-DUAL': {
    code: 'HF-4100',
    title: 'somebody else says that it is primary',
    so: 'two histories may be growing already; another move could hide which is right',
  },
  'R-FREEZE': {
    code: 'HF-4110',
    title: 'automation is frozen',
    so: 'a person has said that nothing happens by itself',
  },
  'R-MAINTENANCE': {
    code: 'HF-4111',
    title: 'the group is in maintenance',
    so: 'what looks like a failure may be announced work',
  },
  'R-COOLDOWN': {
    code: 'HF-4112',
    title: 'it was demoted a moment ago',
    so: 'trading would go back to what has just failed',
  },
  'R-FLAPPING': {
    code: 'HF-4113',
    title: 'too many moves in a short time',
    so: 'trading would be interrupted again and again for one cause',
  },
  'R-SYNC': {
    code: 'HF-4117',
    title: 'the target is not in step',
    so: 'trading would stand still until the target has caught up, or for good',
  },
};

export const isRuleId = (text: string): text is RuleId => RULE_IDS.some((id) => id === text);

/** May a person override it, with a reason? Unknown rules: no. */
export const mayBeOverridden = (rule: string): boolean =>
  SAFETY_RULES.some((each) => each.id === rule && each.overridable);

/** `R-FENCE cannot evaluate: …` */
export const ruleSentence = ({ rule, outcome, reason }: RuleResult): string =>
  `${rule} ${outcome === 'block' ? 'blocks' : outcome === 'pass' ? 'passes' : 'cannot evaluate'}: ${reason}`;

/** What would unblock it, when it unblocks itself, and whether a flag overrides it. */
export function wayOn(rule: RuleResult, fallback = ''): readonly string[] {
  const advice = rule.next ?? fallback;
  return [
    ...(advice === '' ? [] : [advice]),
    ...(rule.passesInMs === undefined
      ? []
      : [`it passes by itself in ${elapsedText(rule.passesInMs)} if nothing else changes`]),
    mayBeOverridden(rule.rule)
      ? `--override ${rule.rule} --reason TEXT acts in spite of it, on the name of a risk officer`
      : 'no flag overrides this rule',
  ];
}

/** Every rule on a line of its own; of what does not pass nothing is cut. */
export function ruleLines(rules: readonly RuleResult[], overridden: readonly string[] = []): readonly string[] {
  const width = Math.max(0, ...rules.map(({ rule }) => rule.length));
  return rules.flatMap(({ rule, outcome, reason }, index) => {
    const said = outcome === 'cannot-evaluate' ? `cannot be evaluated: ${reason}` : reason;
    const note = overridden.includes(rule) ? `OVERRIDDEN: ${said}` : said;
    const head = `${(index === 0 ? 'RULES' : '').padEnd(labelWidth)}${ruleGlyph[outcome]} ${rule.padEnd(width)}  `;
    if (outcome === 'pass') return [cut(`${head}${note}`, screenColumns)];
    const [first = '', ...rest] = wrap(note, screenColumns - head.length);
    return [`${head}${first}`, ...rest.map((line) => `${' '.repeat(head.length)}${line}`)];
  });
}
