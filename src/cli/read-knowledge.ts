import type { Json } from '../core/base/canonical-json.ts';
import { HoldfastError } from '../wire/holdfast-error.ts';
import type { HistoryEntry, OperatorAnswer } from '../wire/operator-api.ts';
import { onlyGroup } from './choose-group.ts';
import type { Controllers } from './connect/session.ts';
import type { Knowledge, Outlook } from './view/knowledge.ts';
import { parseReceipt } from './view/receipt-view.ts';
import { type GroupView, parseStatus, type StatusView } from './view/status-view.ts';

/** A dry run waits no longer than this for a leader: the screen must come. */
const outlookWithinMs = 3000;

/**
 * Asks for the status, a dry run of a failover of each group, and where a component acknowledges without its peer since when.
 * Prefers the leader's answer; without one any controller's will do. With a group, of that one alone.
 * @throws HoldfastError HF-3102 when nobody answers, HF-8007 when there is no group of that name
 */
export async function readKnowledge(controllers: Controllers, group: string | null = null): Promise<Knowledge> {
  const first = await askStatus(controllers, group);
  const outlooks = await readOutlooks(controllers, first.status);
  // A dry run is answered by the leader alone, and whoever answered it is asked first from then on.
  const wanted = !first.status.controller.leading && Object.values(outlooks).some(({ kind }) => kind === 'planned');
  const best = wanted ? await askStatus(controllers, group) : first;
  const { status, raw } = best;
  const exposedSince = await readExposure(controllers, status);
  return { status, raw, receivedMsAgo: performance.now() - best.receivedAt, outlooks, exposedSince };
}

async function askStatus(
  controllers: Controllers,
  group: string | null,
): Promise<{ readonly status: StatusView; readonly raw: Json; readonly receivedAt: number }> {
  const answer = await controllers.ask({ kind: 'status' });
  if (answer.kind !== 'ok')
    throw new HoldfastError({
      code: 'HF-3104',
      attempted: 'read the status',
      found: `a controller answered "${answer.kind}"`,
      next: 'check that all controllers run the same version',
    });
  return { status: onlyGroup(parseStatus(answer.result), group), raw: answer.result, receivedAt: performance.now() };
}

export async function readOutlooks(
  controllers: Controllers,
  status: StatusView,
): Promise<Readonly<Record<string, Outlook>>> {
  const outlooks: Record<string, Outlook> = {};
  for (const group of status.groups) outlooks[group.group] = await readOutlook(controllers, group);
  return outlooks;
}

async function readOutlook(controllers: Controllers, group: GroupView): Promise<Outlook> {
  if (group.record === null) return { kind: 'not-asked', why: 'the group was never activated' };
  let answer: OperatorAnswer;
  try {
    answer = await controllers.ask(
      { kind: 'plan', group: group.group, move: 'failover', toSite: null, overrides: [], acceptDataLoss: null },
      { deadlineMs: outlookWithinMs },
    );
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    return { kind: 'not-asked', why: `${cause.code} ${cause.found}` };
  }
  if (answer.kind === 'not-leading') return { kind: 'no-leader' };
  if (answer.kind === 'refused') return { kind: 'refused', found: answer.found };
  return { kind: 'planned', receipt: parseReceipt(answer.result) };
}

/** When the present stretch without a peer began, as the answering controller's history has it. */
async function readExposure(controllers: Controllers, status: StatusView): Promise<Knowledge['exposedSince']> {
  const since: Record<string, Record<string, number | null>> = {};
  for (const { group, record } of status.groups) {
    const loose = Object.values(record?.grants ?? {}).filter((grant) => grant.mode.kind !== 'strict');
    if (loose.length === 0) continue;
    const entries = await historyOf(controllers, status.controller.id, `group/${group}`).catch(() => []);
    since[group] = Object.fromEntries(loose.map(({ component }) => [component, stretchBegan(entries, component)]));
  }
  return since;
}

/** Start of the last unbroken row of records in which the component is not strict. */
function stretchBegan(entries: readonly HistoryEntry[], component: string): number | null {
  let began: number | null = null;
  for (const { at, value } of entries) {
    const grants = (
      value as { readonly grants?: Readonly<Record<string, { readonly mode?: { readonly kind?: string } }>> } | null
    )?.grants;
    const kind = grants?.[component]?.mode?.kind;
    if (kind === undefined || kind === 'strict') began = null;
    else began ??= at;
  }
  return began;
}

const pageLength = 1000;
const mostPages = 200;

/** Every entry below a prefix that one controller kept, oldest first. @throws HoldfastError */
export async function historyOf(
  controllers: Controllers,
  controller: string,
  prefix: string,
): Promise<readonly HistoryEntry[]> {
  const all: HistoryEntry[] = [];
  for (let page = 0; page < mostPages; page += 1) {
    const after = all.at(-1)?.number ?? 0;
    const entries = await controllers.history({ controller, after, limit: pageLength, prefix });
    all.push(...entries);
    if (entries.length < pageLength) break;
  }
  return all;
}
