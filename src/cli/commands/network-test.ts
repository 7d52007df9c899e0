import { setTimeout as delay } from 'node:timers/promises';
import type { Json } from '../../core/base/canonical-json.ts';
import { Fields } from '../../wire/fields.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { led, resultOf } from '../connect/session.ts';
import { bandwidthExitCode, bandwidthScreen } from '../view/bandwidth-screen.ts';
import { type NetworkView, parseNetwork, type TestView } from '../view/network-view.ts';
import { refusalOutcome } from '../view/refusal.ts';

const leastColumns = 100;
const lookEveryMs = 200;
/** What the way there and back may take beyond the measurement itself. */
const graceMs = 3000;

/** Has one path measured by the agents at its ends, and shows what it came to. */
export async function networkTestCommand(
  context: CommandContext,
  { from, to, bytes }: { readonly from: string; readonly to: string; readonly bytes: number },
): Promise<CommandOutcome> {
  const { controllers } = context.session;
  const attempted = `measure ${from} → ${to}`;
  const answer = led(await controllers.ask({ kind: 'network-test', from, to, bytes }), attempted);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const asked = Fields.of(answer.result, 'test');
  const id = asked.text('id');
  const deadline = performance.now() + asked.number('withinMs') + graceMs;
  while (!context.signal.aborted && performance.now() < deadline) {
    const view = parseNetwork(resultOf(await controllers.ask({ kind: 'network' }), attempted));
    const test = view.tests.find((each) => each.id === id);
    if (test !== undefined) return shown(context, view, [test]);
    await delay(lookEveryMs);
  }
  throw new HoldfastError({
    code: 'HF-8010',
    attempted,
    found: 'no result came in time; it is not known whether anything was measured',
    next: 'holdfast bandwidth shows a result that came later; holdfast health shows whether the agents are linked',
  });
}

/** The last results of measurements on demand. Changes nothing. */
export async function bandwidthCommand(context: CommandContext): Promise<CommandOutcome> {
  const view = parseNetwork(resultOf(await context.session.controllers.ask({ kind: 'network' }), 'read the bandwidth'));
  return shown(context, view, view.tests);
}

function shown({ terminal }: CommandContext, view: NetworkView, tests: readonly TestView[]): CommandOutcome {
  const exitCode = bandwidthExitCode(tests);
  const lines = bandwidthScreen(view, tests, Math.max(leastColumns, terminal.columns));
  return { exitCode, text: `${lines.join('\n')}\n`, json: { at: view.at, tests: tests as unknown as Json, exitCode } };
}
