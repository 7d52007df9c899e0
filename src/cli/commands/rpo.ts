import type { GroupRecord } from '../../core/authority/group-record.ts';
import type { Json } from '../../core/base/canonical-json.ts';
import { exposureLedger } from '../../core/objective/durability-exposure.ts';
import { durabilityChangesIn } from '../../core/objective/durability-history.ts';
import { readEvidence, verifyChains } from '../../wire/evidence-bundle/bundle.ts';
import { durabilityChangesOf } from '../../wire/evidence-bundle/durability-changes.ts';
import { causeText, HoldfastError } from '../../wire/holdfast-error.ts';
import { askOneThatHears } from '../ask-one-that-hears.ts';
import type { CommandContext } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { historyOf } from '../read-knowledge.ts';
import { type Exposures, rpoExitCode, rpoScreen } from '../view/rpo-screen.ts';
import { parseRpo, type RpoView } from '../view/rpo-view.ts';
import { plural } from '../view/text.ts';

export interface RpoOptions {
  /** Bundles and directories of evidence: stretches are counted from them. None: timed from a controller's history. */
  readonly evidence: readonly string[];
}

/** Every class of data against what was promised, and when copies were missing. Changes nothing. */
export async function rpoCommand(
  context: CommandContext,
  { evidence }: RpoOptions = { evidence: [] },
): Promise<CommandOutcome> {
  const raw = await askOneThatHears(context.session.controllers, { kind: 'rpo' });
  const view = ofGroup(parseRpo(raw), context.group);
  const exposures = evidence.length > 0 ? await exposuresIn(evidence, view) : await exposuresOf(context, view);
  const exitCode = rpoExitCode(view);
  const lines = rpoScreen(view, exposures, Math.max(110, context.terminal.columns));
  const ledger = { source: exposures.source, ledger: exposures.ledger as unknown as Json };
  return {
    exitCode,
    text: `${lines.join('\n')}\n`,
    json: { ...(view as unknown as Readonly<Record<string, Json>>), exposures: ledger, exitCode },
  };
}

/** One group alone; the classes are the firm's. @throws HoldfastError HF-8007 */
function ofGroup(view: RpoView, group: string | null): RpoView {
  if (group === null) return view;
  const groups = view.groups.filter((each) => each.group === group);
  if (groups.length > 0) return { ...view, groups };
  throw new HoldfastError({
    code: 'HF-8007',
    attempted: `look at the group ${group}`,
    found: 'there is none of that name',
    next: `--group one of: ${view.groups.map((each) => each.group).join(', ')}`,
  });
}

/** From every record of the groups that the answering controller has kept. */
async function exposuresOf({ session }: CommandContext, view: RpoView): Promise<Exposures> {
  const { id } = view.controller;
  try {
    const changes = [];
    for (const { group } of view.groups) {
      const entries = await historyOf(session.controllers, id, `group/${group}`);
      const seen = entries.map(({ at, value }) => ({ atMs: at, record: value as unknown as GroupRecord | null }));
      changes.push(...durabilityChangesIn(seen));
    }
    const ledger = exposureLedger(changes, { nowMs: view.at, acknowledged: {} });
    return { ledger, source: `the history that ${id} keeps` };
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    return { ledger: null, source: `${cause.code} ${cause.found}` };
  }
}

/** From what agents wrote into their chains. @throws HoldfastError HF-6010 where there is none, HF-6011 where it cannot be read */
async function exposuresIn(paths: readonly string[], view: RpoView): Promise<Exposures> {
  const { chains, anchors } = await readable(paths);
  const verdict = verifyChains(chains, { fromAuthority: anchors });
  const ledger = exposureLedger(durabilityChangesOf(chains), { nowMs: view.at, acknowledged: {} });
  return { ledger, source: `${plural(chains.length, 'chain')} of evidence, ${verdict.integrity}` };
}

async function readable(paths: readonly string[]): ReturnType<typeof readEvidence> {
  const unusable = (code: 'HF-6010' | 'HF-6011', found: string, cause?: unknown) =>
    new HoldfastError({
      code,
      attempted: `count stretches from ${paths.join(', ')}`,
      found,
      next: 'name a bundle, or a directory in which chains are: --evidence PATH',
      cause,
    });
  let evidence: Awaited<ReturnType<typeof readEvidence>>;
  try {
    evidence = await readEvidence(paths);
  } catch (cause) {
    throw unusable((cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'HF-6010' : 'HF-6011', causeText(cause), cause);
  }
  if (evidence.chains.length === 0) throw unusable('HF-6010', 'there is no chain of evidence');
  return evidence;
}
