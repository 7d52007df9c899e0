import type { Json } from '../../core/base/canonical-json.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import { askOneThatHears } from '../ask-one-that-hears.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { replicationExitCode, replicationScreen } from '../view/replication-screen.ts';
import { parseReplication, type ReplicationView } from '../view/replication-view.ts';

/** Every copy of every component, how far it is behind, and how that is known. Changes nothing. */
export async function replicationCommand(context: CommandContext): Promise<CommandOutcome> {
  const { view, raw } = await readReplication(context);
  const exitCode = replicationExitCode(view);
  const lines = replicationScreen(view, Math.max(110, context.terminal.columns));
  return { exitCode, text: `${lines.join('\n')}\n`, json: { ...(raw as Readonly<Record<string, Json>>), exitCode } };
}

/**
 * Of one group where it is named.
 * @throws HoldfastError HF-3102 when nobody answers, HF-8007 when there is no group of that name
 */
export async function readReplication({
  session,
  group,
}: CommandContext): Promise<{ readonly view: ReplicationView; readonly raw: Json }> {
  const raw = await askOneThatHears(session.controllers, { kind: 'replication' });
  const view = parseReplication(raw);
  if (group === null) return { view, raw };
  const groups = view.groups.filter((each) => each.group === group);
  if (groups.length === 0)
    throw new HoldfastError({
      code: 'HF-8007',
      attempted: `show the replication of "${group}"`,
      found: 'there is no group of that name',
      next: `--group one of: ${view.groups.map((each) => each.group).join(', ')}`,
    });
  const rawGroups = (raw as { readonly groups: readonly Json[] }).groups;
  const kept = rawGroups.filter((_, at) => view.groups[at]?.group === group);
  return { view: { ...view, groups }, raw: { ...(raw as object), groups: kept } as Json };
}
