import type { RunState } from '../core/run/run.ts';
import { HoldfastError } from '../wire/holdfast-error.ts';
import { type CommandContext, say } from './command-context.ts';
import { endWord, stepLines } from './view/run-screen.ts';
import { parseStatus } from './view/status-view.ts';
import { elapsedText } from './view/time-text.ts';

export interface FollowWish {
  readonly group: string;
  /** The run to follow; a function when only something else about it is known, such as its plan's digest. */
  readonly isIt: (run: RunState) => boolean;
  readonly what: string;
  /** Until it must have appeared. */
  readonly appearsWithinMs: number;
}

const overheadMs = 30_000;

/**
 * Prints each step as it begins and ends, until the run has ended.
 * @throws HoldfastError HF-8010 when it cannot be seen to end: it may still be going on
 */
export async function followRun(context: CommandContext, wish: FollowWish): Promise<RunState> {
  const { session, signal } = context;
  const stop = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<RunState>();
  const unknown = (found: string) =>
    new HoldfastError({
      code: 'HF-8010',
      attempted: `follow ${wish.what}`,
      found: `${found}; it is not known how it ended`,
      next: 'holdfast runs last, or holdfast status -w',
    });
  let seen: RunState | null = null;
  let timer = setTimeout(
    () => reject(unknown(`it did not begin within ${elapsedText(wish.appearsWithinMs)}`)),
    wish.appearsWithinMs,
  );
  const printed = new Map<string, string>();
  const take = (run: RunState) => {
    if (seen === null) {
      clearTimeout(timer);
      const bound = run.plan.steps.reduce((sum, step) => sum + step.deadlineMs, 0) + overheadMs;
      timer = setTimeout(() => reject(unknown(`it has not ended within ${elapsedText(bound)}`)), bound);
      say(context, [`RUN     ${run.run}`]);
    }
    seen = run;
    run.steps.forEach((step, index) => {
      const key = `${step.state} ${step.outcome} ${step.attempts}`;
      if (step.state === 'waiting' || printed.get(step.step.id) === key) return;
      printed.set(step.step.id, key);
      say(context, stepLines(step, { number: index + 1, detail: null, nowMs: context.nowMs() }));
    });
    if (run.result === null) return;
    say(context, [`        ${endWord(run)}: ${run.reason ?? ''}`]);
    resolve(run);
  };
  const onAbort = () => reject(unknown('following was interrupted; the run itself goes on'));
  signal.addEventListener('abort', onAbort, { once: true });
  const following = session.controllers.follow({
    signal: AbortSignal.any([stop.signal, signal]),
    onEvent: (event) => {
      if (event.event !== 'status') return;
      const run = parseStatus(event.status).groups.find(({ group }) => group === wish.group)?.run ?? null;
      if (run === null) return;
      if (wish.isIt(run)) return take(run);
      if (seen !== null && run.openedAt > seen.openedAt)
        resolve({ ...seen, result: 'superseded', reason: `superseded by ${run.run}`, closedAt: run.openedAt });
    },
  });
  following.catch(reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    stop.abort();
  }
}
