import type { Json } from '../core/base/canonical-json.ts';
import { applyRunEvent, type JournalEntry, type RunState } from '../core/run/run.ts';
import { causeText, HoldfastError } from '../wire/holdfast-error.ts';
import type { Controllers } from './connect/session.ts';
import { historyOf } from './read-knowledge.ts';
import type { KnownRun } from './view/run-screen.ts';

export interface RunHistory {
  /** Newest first. */
  readonly runs: readonly KnownRun[];
  /** Whose copies of the journal were read, and who did not answer. */
  readonly from: readonly string[];
  readonly silent: readonly { readonly controller: string; readonly reason: string }[];
}

/**
 * Every run that any answering controller remembers. Copies differ where a controller was away, so all that answer are read.
 * @throws HoldfastError HF-3102 when none answers
 */
export async function readRuns(controllers: Controllers, group: string | null): Promise<RunHistory> {
  const prefix = group === null ? 'journal/' : `journal/${group}/`;
  const read = await Promise.all(
    controllers.names.map(async (controller) => {
      try {
        return { controller, entries: await historyOf(controllers, controller, prefix), reason: null };
      } catch (cause) {
        return { controller, entries: [], reason: reasonOf(cause, controller) };
      }
    }),
  );
  const from = read.filter(({ reason }) => reason === null).map(({ controller }) => controller);
  const silent = read.flatMap(({ controller, reason }) => (reason === null ? [] : [{ controller, reason }]));
  if (from.length === 0)
    throw new HoldfastError({
      code: 'HF-3102',
      attempted: 'read the history of runs',
      found: silent.map(({ controller, reason }) => `${controller}: ${reason}`).join('; '),
      next: 'check that a controller runs and that its address is right',
    });
  const entries = new Map<string, { readonly group: string; readonly entry: JournalEntry; readonly at: number }>();
  for (const each of read)
    for (const { key, value, at } of each.entries) {
      const place = /^journal\/(.+)\/(\d+)$/.exec(key);
      if (place?.[1] === undefined || !isEntry(value)) continue;
      const entry = value as unknown as JournalEntry;
      // A restored authority may give a number out again: the run and the term tell such entries apart.
      entries.set(`${key} ${entry.run} ${entry.term}`, { group: place[1], entry, at });
    }
  return { runs: foldRuns([...entries.values()]), from, silent };
}

/** In the words of whoever was asked, without their code and without the controller's name twice. */
function reasonOf(cause: unknown, controller: string): string {
  const found = cause instanceof HoldfastError ? cause.found : causeText(cause);
  const line = found.split('\n')[0] ?? 'no answer';
  return line.startsWith(`${controller}: `) ? line.slice(controller.length + 2) : line;
}

const isEntry = (value: Json): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && 'events' in value && 'run' in value;

function foldRuns(
  found: readonly { readonly group: string; readonly entry: JournalEntry; readonly at: number }[],
): readonly KnownRun[] {
  const byRun = Map.groupBy(found, ({ group, entry }) => `${group} ${entry.run}`);
  const runs = [...byRun.values()].flatMap((entries) => {
    const sorted = entries.toSorted((left, right) => left.entry.number - right.entry.number);
    const state = foldLeniently(sorted.map(({ entry }) => entry));
    const last = sorted.at(-1);
    if (state === null || last === undefined) return [];
    const details = Object.fromEntries(
      sorted.flatMap(({ entry }) =>
        entry.events.flatMap((event) => (event.kind === 'step-finished' ? [[event.step, event.detail ?? '']] : [])),
      ),
    );
    const controllers = [...new Set(sorted.map(({ entry }) => entry.controller))];
    return [{ group: last.group, state, details, epoch: last.entry.epoch, controllers }];
  });
  return runs.toSorted((left, right) => right.state.openedAt - left.state.openedAt);
}

/** As the controllers fold it, but an entry that is missing from every copy costs that run, not the whole list. */
function foldLeniently(entries: readonly JournalEntry[]): RunState | null {
  let state: RunState | null = null;
  for (const entry of entries)
    for (const event of entry.events) {
      if (state === null && event.kind !== 'opened') return null;
      if (state !== null && state.result !== null) return state;
      state = applyRunEvent(state, event, entry.term);
    }
  return state;
}
