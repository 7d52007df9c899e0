import type { LossSeen, Step } from '../../core/plan/recovery-plan.ts';
import { prerequisiteLines, prerequisiteWay } from './prerequisite-lines.ts';
import { lossText, type ReceiptView, startsInText, stopping, unmet } from './receipt-view.ts';
import { ruleLines, wayOn } from './rule-words.ts';
import { labelled, labelWidth, screenColumns, wrap } from './text.ts';
import { elapsedText } from './time-text.ts';

/** A dry run for people: what would be done in which order, what it would cost, every rule's result, and the digest. */
export function planScreen(receipt: ReceiptView, title: string): readonly string[] {
  const { plan, moves, missing } = receipt;
  const stops = stopping(receipt);
  const missingBefore = unmet(receipt);
  return [
    ...labelled('PLAN', `${title}, digest ${receipt.digest}`),
    ...labelled('FROM', `${receipt.fromSite ?? 'no site'} → ${receipt.toSite}`),
    ...labelled(
      'LOSS',
      `${lossText(receipt.lossBound)}${receipt.lossBound.kind === 'none' || isAccepted(receipt) ? '' : ': needs --accept-data-loss naming it'}`,
    ),
    ...(plan?.predicted.lossSeen ?? []).flatMap((seen) => labelled('', lossSeenText(seen))),
    ...labelled('STARTS', startsInText(receipt.durability)),
    ...labelled('TIME', timeText(receipt)),
    ...moves.flatMap(({ component, from, to }, index) =>
      labelled(
        index === 0 ? 'MOVES' : '',
        `${component}: ${from === to ? `stays at ${to}` : `${from ?? 'nobody'} → ${to}`}`,
      ),
    ),
    ...receipt.delegates.flatMap(({ component, from, to }) =>
      labelled(
        'ASKS',
        `${component}: ${from === to ? `stays at ${to}` : `${from ?? 'nobody'} → ${to}`}, which its delegate is asked for`,
      ),
    ),
    ...missing.flatMap(({ component, rejected }) =>
      labelled(
        '',
        `${component}: nobody; ${rejected.map((each) => `${each.instance} ${each.reason}`).join('; ') || 'no instance there'}`,
      ),
    ),
    ...stepLines(plan?.steps ?? []),
    ...ruleLines(receipt.rules, receipt.overridden),
    ...prerequisiteLines(receipt.prerequisites, receipt.overridden),
    ...(stops.length + missingBefore.length === 0
      ? labelled(
          'SAYS',
          receipt.verdict === 'ask-approval' ? 'all rules pass; it needs an approval' : 'all rules pass: it can be run',
        )
      : [
          ...stops.map((rule) => `${rule.rule}: ${wayOn(rule).join('; ')}`),
          ...missingBefore.map((each) => `${each.prerequisite}: ${prerequisiteWay(each).join('; ')}`),
        ].flatMap((line, index) => labelled(index === 0 ? 'SAYS' : '', line))),
  ];
}

const isAccepted = ({ rules }: ReceiptView): boolean =>
  rules.some(({ rule, outcome }) => rule === 'R-DATA' && outcome === 'pass');

/** A lower bound from what was last seen; what cannot be compared is said, not shown as zero. */
function lossSeenText({ candidate, holder, behind, holderSeenMsAgo }: LossSeen): string {
  if (holder === null || behind === null) return `${candidate}: how much it lacks cannot be counted from here`;
  const when = holderSeenMsAgo === null ? 'at an unknown moment' : `${elapsedText(holderSeenMsAgo)} ago`;
  return `${candidate}: at least log ${behind.toLocaleString('en')} behind ${holder} as that was last seen ${when}; more if it went on`;
}

function timeText({ plan }: ReceiptView): string {
  if (plan === null) return 'not predicted';
  const { durationMs, fenceWaitMs } = plan.predicted;
  const total = durationMs === null ? 'duration not measured here yet' : `about ${elapsedText(durationMs)}`;
  const bound = plan.steps.reduce((sum, step) => sum + step.deadlineMs, 0);
  return `${total}; fencing waits at most ${elapsedText(fenceWaitMs)}; all deadlines together ${elapsedText(bound)}`;
}

/** The point of no return is a ruled line. */
function stepLines(steps: readonly Pick<Step, 'kind' | 'action' | 'does' | 'pointOfNoReturn'>[]): readonly string[] {
  const width = Math.max(0, ...steps.map(({ action, kind }) => (action ?? kind).length));
  const forward = steps.findIndex((step) => step.pointOfNoReturn);
  return steps.flatMap((step, index) => {
    const head = `${(index === 0 ? 'STEPS' : '').padEnd(labelWidth)}${String(index + 1).padStart(2)} ${(step.action ?? step.kind).padEnd(width)}  `;
    const ruled = index === forward ? [`${' '.repeat(labelWidth)}──── from here on only forward ────`] : [];
    const [first = '', ...rest] = wrap(step.does, screenColumns - head.length);
    return [...ruled, `${head}${first}`, ...rest.map((line) => `${' '.repeat(head.length)}${line}`)];
  });
}
