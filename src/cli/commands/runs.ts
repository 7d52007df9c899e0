import type { Json } from '../../core/base/canonical-json.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import { onlyGroup } from '../choose-group.ts';
import { askStatus } from '../choosing.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { readRuns } from '../known-runs.ts';
import { type KnownRun, runList, runScreen } from '../view/run-screen.ts';

/** Without an id the list, newest first; with one, or `last`, that run whole. */
export async function runsCommand(context: CommandContext, id: string | null): Promise<CommandOutcome> {
  const { session, terminal, group, nowMs } = context;
  const { runs, from, silent } = await readRuns(session.controllers, group);
  if (group !== null && runs.length === 0) onlyGroup(await askStatus(context), group);
  const note = silent.map(({ controller, reason }) => `? ${controller} did not answer: ${reason}`);
  const source = `read from ${from.join(', ')}`;
  if (id === null) {
    const lines = [...runList(runs, nowMs(), Math.max(132, terminal.columns)), source, ...note];
    return {
      exitCode: exitCodes.ok,
      text: `${lines.join('\n')}\n`,
      json: { runs: runs.map(runJson), from: [...from], silent: silent.map((each) => ({ ...each })) },
    };
  }
  const run = id === 'last' ? runs[0] : runs.find(({ state }) => state.run === id);
  if (run === undefined)
    throw new HoldfastError({
      code: 'HF-8012',
      attempted: `show the run ${id}`,
      found:
        runs.length === 0
          ? 'there was no run yet'
          : `no controller that answers has it; newest: ${runs
              .slice(0, 5)
              .map(({ state }) => state.run)
              .join(', ')}`,
      next: 'holdfast runs lists all of them',
    });
  const lines = [...runScreen(run, nowMs()), ...note];
  return { exitCode: exitCodes.ok, text: `${lines.join('\n')}\n`, json: runJson(run) };
}

export const runJson = ({ group, state, details, epoch, controllers }: KnownRun): Json => ({
  group,
  epoch,
  controllers: [...controllers],
  tookMs: state.closedAt === null ? null : state.closedAt - state.openedAt,
  details: { ...details },
  ...(state as unknown as Readonly<Record<string, Json>>),
});

/** How a command ends that followed a run to its end. */
export const exitCodeOfRun = (result: string | null): ExitCode =>
  result === 'completed' ? exitCodes.ok : result === null ? exitCodes.unknown : exitCodes.failed;
