import type { ComponentId, Epoch, InstanceId } from '../../core/base/ids.ts';
import { isUnreadable } from '../../core/evidence/chain-text.ts';
import type { EvidenceEntry } from '../../core/evidence/evidence-entry.ts';
import type { DurabilityChange } from '../../core/objective/durability-exposure.ts';
import { chainCopy, type StoredChain } from './chain-directory.ts';

/**
 * Every change of a durability mode that agents wrote down, oldest first, each once however many copies there are of its chain. What is
 * counted is the log of the holder: records of a journal, bytes of PostgreSQL's. Entries that name no component are left out: an
 * earlier version wrote them.
 */
export function durabilityChangesOf(chains: readonly StoredChain[]): readonly DurabilityChange[] {
  const found = new Map<string, DurabilityChange>();
  for (const stored of chains)
    for (const item of chainCopy(stored).items) {
      if (isUnreadable(item) || item.kind !== 'durability-changed') continue;
      const change = changeOf(item);
      if (change !== null) found.set(`${item.hash} ${item.chain} ${item.sequence}`, change);
    }
  return [...found.values()].toSorted((left, right) => left.atMs - right.atMs);
}

function changeOf({ data, at }: EvidenceEntry): DurabilityChange | null {
  const about = fieldsOf(fieldsOf(data)['about']);
  const { component, to, epoch } = about;
  const { sequence } = fieldsOf(about['position']);
  if (typeof component !== 'string' || typeof epoch !== 'number') return null;
  if (to !== 'strict' && to !== 'degraded' && to !== 'halted') return null;
  const lost = Array.isArray(about['lost']) ? about['lost'].filter((each) => typeof each === 'string') : [];
  return {
    component: component as ComponentId,
    mode: to,
    lost: lost as InstanceId[],
    atMs: at,
    epoch: epoch as Epoch,
    acknowledged: typeof sequence === 'number' ? sequence : null,
  };
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
