import type { RunState, StepState } from '../../core/run/run.ts';
import { outcomeGlyph } from './glyph.ts';
import { cut, labelled, labelWidth, screenColumns, spread, table, wrap } from './text.ts';
import { elapsedText, momentText } from './time-text.ts';

/** A run that is known from the journal, with what its steps said when they ended. */
export interface KnownRun {
  readonly group: string;
  readonly state: RunState;
  /** By step id; what was reported when it finished. */
  readonly details: Readonly<Record<string, string>>;
  /** Epoch of its last journal entry. */
  readonly epoch: number;
  readonly controllers: readonly string[];
}

export const endWord = ({ result }: RunState): string =>
  result === null ? '▶ open' : { completed: '✓ completed', failed: '✕ failed', superseded: '⤼ superseded' }[result];

/** One line per run, newest first. */
export function runList(runs: readonly KnownRun[], nowMs: number, columns?: number): readonly string[] {
  if (runs.length === 0) return ['No run yet: nothing was ever activated or moved.'];
  const rows = runs.map(({ state, epoch }) => [
    state.run,
    endWord(state),
    `${state.plan.fromSite ?? '–'} → ${state.plan.toSite}`,
    state.plan.runbook,
    state.by,
    String(epoch),
    elapsedText((state.closedAt ?? nowMs) - state.openedAt),
    momentText(state.openedAt, nowMs),
  ]);
  return table(
    [
      { title: 'RUN' },
      { title: 'RESULT' },
      { title: 'FROM → TO' },
      { title: 'RUNBOOK' },
      { title: 'BY', gives: 1 },
      { title: 'EPOCH', align: 'right' },
      { title: 'TOOK', align: 'right' },
      { title: 'OPENED' },
    ],
    rows,
    columns ?? 132,
  );
}

/** One run whole: times, steps with outcomes and durations, proofs. */
export function runScreen(run: KnownRun, nowMs: number): readonly string[] {
  const { state } = run;
  const { plan } = state;
  const end = state.closedAt ?? nowMs;
  const moves = plan.moves.map((move) => `${move.component}: ${move.from ?? 'nobody'} → ${move.to}`);
  return [
    spread(
      `${endWord(state)}  ${state.run}  ${plan.runbook} ${plan.fromSite ?? '–'} → ${plan.toSite}`,
      `epoch ${run.epoch}`,
    ),
    ...labelled('WHY', `${plan.trigger}; ${state.automatic ? 'automatic, ' : ''}${state.by}; plan ${plan.digest}`),
    ...labelled('TIMES', timesText(state, nowMs)),
    ...labelled('TOOK', `${elapsedText(end - state.openedAt)} since it was opened; by ${run.controllers.join(', ')}`),
    ...moves.flatMap((move, index) => labelled(index === 0 ? 'MOVES' : '', move)),
    ...state.steps.flatMap((step, index) =>
      stepLines(step, { number: index + 1, detail: run.details[step.step.id] ?? null, nowMs }),
    ),
    ...proofLines(state),
    ...(state.reason === null ? labelled('NOW', 'it is still open') : labelled('ENDED', state.reason)),
  ];
}

function timesText(state: RunState, nowMs: number): string {
  const good = state.lastGoodAt === null ? 'last good unknown' : `last good ${momentText(state.lastGoodAt, nowMs)}`;
  return `${good}; detected +${elapsedText(state.detectedAt - (state.lastGoodAt ?? state.detectedAt))}; decided +${elapsedText(state.decidedAt - (state.lastGoodAt ?? state.detectedAt))}`;
}

/** One step as a line, with what it said below when that is longer. Also used while a run is followed. */
export function stepLines(
  step: StepState,
  about: { readonly number: number; readonly detail: string | null; readonly nowMs: number },
): readonly string[] {
  const name = step.step.action ?? step.step.kind;
  const glyph = step.outcome !== null ? outcomeGlyph[step.outcome] : step.state === 'started' ? '▶' : ' ';
  const word = step.outcome ?? (step.state === 'started' ? 'under way' : 'waits');
  const took = step.startedAt === null ? '' : elapsedText((step.finishedAt ?? about.nowMs) - step.startedAt);
  const again = step.attempts > 1 ? `  attempt ${step.attempts}` : '';
  const line = `${' '.repeat(labelWidth)}${glyph} ${String(about.number).padStart(2)} ${name.padEnd(18)} ${word.padEnd(9)} ${took.padStart(7)}${again}`;
  if (about.detail === null || about.detail === '') return [line.trimEnd()];
  // Nobody reads more than a tenth of a millisecond.
  const detail = about.detail.replace(/(\d+\.\d)\d{2,}/g, '$1');
  const room = screenColumns - line.length - 2;
  if (detail.length <= room) return [`${line}  ${detail}`];
  const indent = ' '.repeat(labelWidth + 5);
  return [
    line.trimEnd(),
    ...wrap(detail, screenColumns - indent.length).map((each) => cut(`${indent}${each}`, screenColumns)),
  ];
}

const proofLines = ({ proofs }: RunState): readonly string[] =>
  proofs.length === 0
    ? labelled('PROOFS', 'none was needed or none is known yet')
    : proofs.flatMap(({ scope, method, evidence, sticky }, index) => {
        const holds = sticky.reboot
          ? 'holds after a restart'
          : sticky.heal
            ? 'holds after the network heals'
            : 'does not outlast the heal';
        return labelled(index === 0 ? 'PROOFS' : '', `${scope}: ${method} (${holds}): ${evidence}`);
      });
