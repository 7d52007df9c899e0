import type { Json } from '../../core/base/canonical-json.ts';
import { agreementOf } from '../../core/network/agreement.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { resultOf } from '../connect/session.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { agreementExitCode, agreementScreen, type GroupAgreement } from '../view/agreement-screen.ts';
import { latencyExitCode, latencyScreen } from '../view/latency-screen.ts';
import { type ClaimView, type NetworkView, parseNetwork } from '../view/network-view.ts';

const eachWithinMs = 3000;
const leastColumns = 100;

/** Round trips between sites against their budgets, as one controller has heard of them. Changes nothing. */
export async function latencyCommand({ session, terminal }: CommandContext): Promise<CommandOutcome> {
  const raw = resultOf(await session.controllers.ask({ kind: 'network' }), 'read the latency');
  const view = parseNetwork(raw);
  const exitCode = latencyExitCode(view);
  const lines = latencyScreen(view, Math.max(leastColumns, terminal.columns));
  const { measures, paths, at } = raw as Readonly<Record<string, Json>>;
  return { exitCode, text: `${lines.join('\n')}\n`, json: { at: at!, measures: measures!, paths: paths!, exitCode } };
}

/**
 * Asks every controller for itself whom it takes for the writer, and what it hears of instances; then the latency. What nobody answers
 * is unknown, never agreed.
 */
export async function networkCheckCommand(context: CommandContext): Promise<CommandOutcome> {
  const answers = await askEach(context);
  const heard = answers.flatMap(({ view }) => (view === null ? [] : [view]));
  const first = heard.find(({ controller }) => controller.leading) ?? heard[0];
  if (first === undefined)
    throw new HoldfastError({
      code: 'HF-3102',
      attempted: 'check the network',
      found: answers.map(({ name, why }) => `${name}: ${why}`).join('; '),
      next: 'check that a controller runs and can be reached from here',
    });
  const groups = groupsOf(first, answers, context.group);
  const latency = first.measures === null ? null : latencyExitCode(first);
  const exitCode = worst([agreementExitCode(groups), latency ?? exitCodes.ok]);
  const columns = Math.max(leastColumns, context.terminal.columns);
  const lines = [...groups.flatMap((group) => agreementScreen(group, columns)), ...latencyScreen(first, columns)];
  return {
    exitCode,
    text: `${lines.join('\n')}\n`,
    json: {
      at: first.at,
      controllers: answers.map(({ name, why }) => ({ controller: name, unknown: why })),
      agreement: groups as unknown as Json,
      measures: first.measures as unknown as Json,
      paths: first.paths as unknown as Json,
      exitCode,
    },
  };
}

interface Answer {
  readonly name: string;
  readonly view: NetworkView | null;
  /** Why there is none. */
  readonly why: string | null;
}

const askEach = ({ session: { controllers } }: CommandContext): Promise<readonly Answer[]> =>
  Promise.all(
    controllers.names.map(async (name): Promise<Answer> => {
      try {
        const answer = await controllers.ask({ kind: 'network' }, { only: name, deadlineMs: eachWithinMs });
        return { name, view: parseNetwork(resultOf(answer, 'check the network')), why: null };
      } catch (cause) {
        if (!(cause instanceof HoldfastError)) throw cause;
        if (cause.code !== 'HF-3102' && cause.code !== 'HF-3103') throw cause;
        return { name, view: null, why: 'it did not answer' };
      }
    }),
  );

function groupsOf(first: NetworkView, answers: readonly Answer[], only: string | null): readonly GroupAgreement[] {
  const names = first.groups.map(({ group }) => group);
  if (only !== null && !names.includes(only))
    throw new HoldfastError({
      code: 'HF-8007',
      attempted: `check the network of "${only}"`,
      found: 'there is no group of that name',
      next: `--group one of: ${names.join(', ')}`,
    });
  return names
    .filter((name) => only === null || name === only)
    .map((group) => ({ group, subjects: agreementOf(claimsOf(group, first, answers)) }));
}

/** Every controller's records, and of each instance what was heard of it last by anybody. */
function claimsOf(group: string, first: NetworkView, answers: readonly Answer[]): readonly ClaimView[] {
  const of = (view: NetworkView | null): readonly ClaimView[] =>
    view?.groups.find((each) => each.group === group)?.claims ?? [];
  const records = answers.flatMap(({ name, view, why }) =>
    view !== null
      ? of(view).filter(({ source }) => source === 'record')
      : of(first)
          .filter(({ source }) => source === 'record')
          .map((claim) => ({
            ...claim,
            vantage: `controller ${name}`,
            says: { kind: 'unknown' as const, why: why ?? 'it did not answer' },
            epoch: null,
          })),
  );
  const seen = new Map<string, ClaimView>();
  for (const claim of answers.flatMap(({ view }) => of(view)).filter(({ source }) => source === 'seen')) {
    const key = `${claim.subject} ${claim.vantage}`;
    const before = seen.get(key);
    if (before === undefined || youngerThan(claim, before)) seen.set(key, claim);
  }
  return [...records, ...seen.values()];
}

const youngerThan = (claim: ClaimView, before: ClaimView): boolean =>
  (claim.ageMs ?? Number.POSITIVE_INFINITY) < (before.ageMs ?? Number.POSITIVE_INFINITY);

/** What is wrong outweighs what is not known. */
function worst(codes: readonly ExitCode[]): ExitCode {
  if (codes.includes(exitCodes.failed)) return exitCodes.failed;
  return codes.includes(exitCodes.unknown) ? exitCodes.unknown : exitCodes.ok;
}
