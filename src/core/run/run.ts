import type { FencingProof } from '../authority/fencing-proof.ts';
import { assert } from '../base/assert.ts';
import type { Epoch, RunId, StepId, Term, WallMs } from '../base/ids.ts';
import type { RecoveryPlan, Step } from '../plan/recovery-plan.ts';

/**
 * One execution of a plan. State is a fold over the events that the authority's journal holds, so any controller that reads
 * the journal is in the same place. An event is written before what it announces is commanded (I8).
 */
export type RunEvent =
  | {
      readonly kind: 'opened';
      readonly run: RunId;
      readonly plan: RecoveryPlan;
      readonly automatic: boolean;
      readonly by: string;
      readonly at: WallMs;
      readonly detectedAt: WallMs;
      readonly lastGoodAt: WallMs | null;
      readonly decidedAt: WallMs;
    }
  | {
      readonly kind: 'step-started';
      readonly step: StepId;
      readonly attempt: number;
      readonly at: WallMs;
      /** Of a drain: new risk was refused before it began, and is not for it to take again. */
      readonly riskRefused?: true;
    }
  | {
      readonly kind: 'step-finished';
      readonly step: StepId;
      readonly outcome: StepOutcome;
      readonly at: WallMs;
      readonly proofs?: readonly FencingProof[];
      readonly detail?: string;
    }
  /** Nothing was revoked yet, and the run goes no further: what it has stopped is resumed, then it is closed. */
  | { readonly kind: 'abandoned'; readonly reason: string; readonly at: WallMs }
  | { readonly kind: 'closed'; readonly result: RunResult; readonly reason: string; readonly at: WallMs };

/** `not-applicable`: who was asked has nothing of the kind; nothing was done, and that is no success. */
export type StepOutcome = 'ok' | 'failed' | 'unknown' | 'skipped' | 'compensated' | 'not-applicable';
export type RunResult = 'completed' | 'failed' | 'superseded';

/** What one journal entry holds; several events of one transaction stand together. */
export interface JournalEntry {
  readonly number: number;
  readonly run: RunId;
  readonly term: Term;
  readonly epoch: Epoch;
  readonly controller: string;
  readonly events: readonly RunEvent[];
}

export interface RunState {
  readonly run: RunId;
  readonly plan: RecoveryPlan;
  readonly automatic: boolean;
  readonly by: string;
  readonly detectedAt: WallMs;
  readonly lastGoodAt: WallMs | null;
  readonly decidedAt: WallMs;
  readonly openedAt: WallMs;
  readonly steps: readonly StepState[];
  readonly proofs: readonly FencingProof[];
  /** Why it goes no further; null while it does. */
  readonly abandoned: string | null;
  /** New risk was refused when it began to drain. */
  readonly riskRefused: boolean;
  readonly result: RunResult | null;
  readonly reason: string | null;
  readonly closedAt: WallMs | null;
}

export interface StepState {
  readonly step: Step;
  /** `interrupted`: started by a leader that is gone; must be confirmed before it is repeated. */
  readonly state: 'waiting' | 'started' | 'finished';
  readonly outcome: StepOutcome | null;
  readonly attempts: number;
  readonly startedAt: WallMs | null;
  readonly finishedAt: WallMs | null;
  /** Term of the leader that started it last. */
  readonly term: Term | null;
}

export function foldRun(entries: readonly JournalEntry[]): RunState | null {
  let state: RunState | null = null;
  for (const entry of entries) for (const event of entry.events) state = applyRunEvent(state, event, entry.term);
  return state;
}

export function applyRunEvent(state: RunState | null, event: RunEvent, term: Term): RunState {
  if (event.kind === 'opened') return openRun(event);
  assert(state !== null, `${event.kind} before the run was opened`);
  switch (event.kind) {
    case 'step-started':
      return {
        ...withStep(state, event.step, (step) => ({
          ...step,
          state: 'started',
          outcome: null,
          attempts: event.attempt,
          startedAt: step.startedAt ?? event.at,
          term,
        })),
        riskRefused: state.riskRefused || event.riskRefused === true,
      };
    case 'step-finished':
      return {
        ...withStep(state, event.step, (step) => ({
          ...step,
          state: 'finished',
          outcome: event.outcome,
          finishedAt: event.at,
        })),
        proofs: [...state.proofs, ...(event.proofs ?? [])],
      };
    case 'abandoned':
      return { ...state, abandoned: event.reason };
    case 'closed':
      return { ...state, result: event.result, reason: event.reason, closedAt: event.at };
  }
}

function openRun(event: Extract<RunEvent, { kind: 'opened' }>): RunState {
  return {
    run: event.run,
    plan: event.plan,
    automatic: event.automatic,
    by: event.by,
    detectedAt: event.detectedAt,
    lastGoodAt: event.lastGoodAt,
    decidedAt: event.decidedAt,
    openedAt: event.at,
    steps: event.plan.steps.map((step) => ({
      step,
      state: 'waiting',
      outcome: null,
      attempts: 0,
      startedAt: null,
      finishedAt: null,
      term: null,
    })),
    proofs: [],
    abandoned: null,
    riskRefused: false,
    result: null,
    reason: null,
    closedAt: null,
  };
}

function withStep(state: RunState, id: StepId, change: (step: StepState) => StepState): RunState {
  assert(state.result === null, `step ${id} after the run was closed`);
  return { ...state, steps: state.steps.map((each) => (each.step.id === id ? change(each) : each)) };
}

/** The step to work on: the first that is not finished. Null when all are. */
export const currentStep = (state: RunState): StepState | null =>
  state.steps.find((each) => each.state !== 'finished') ?? null;

/** It stopped new risk: whoever gives it up has to see that it is taken again. */
export const wasDrained = (state: RunState): boolean =>
  !state.riskRefused && state.steps.some(({ step, state: where }) => step.kind === 'drain' && where !== 'waiting');

/** It has taken the right to write from somebody: from here on a run that cannot go on leaves that to the next. */
export const hasMoved = (state: RunState): boolean =>
  state.steps.some(({ step, state: where }) => step.kind === 'revoke' && where === 'finished');

export const isOpen = (state: RunState | null): state is RunState => state !== null && state.result === null;
