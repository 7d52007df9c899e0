import type { GroupRecord } from '../authority/group-record.ts';
import { sameJson } from '../base/same-json.ts';
import type { DurabilityChange } from './durability-exposure.ts';

/** A group's record as somebody saw it, and when; null = it was removed. */
export interface SeenRecord {
  readonly atMs: number;
  readonly record: GroupRecord | null;
}

/**
 * Every change of a durability mode in a row of records, oldest first, with which `exposureLedger` is folded. Records say nothing of how
 * much was acknowledged, so `acknowledged` is null: stretches are timed, not counted.
 */
export function durabilityChangesIn(seen: readonly SeenRecord[]): readonly DurabilityChange[] {
  const last = new Map<string, Pick<DurabilityChange, 'mode' | 'lost' | 'epoch'>>();
  const changes: DurabilityChange[] = [];
  for (const { atMs, record } of seen)
    for (const { component, mode } of Object.values(record?.grants ?? {})) {
      const now = { mode: mode.kind, lost: mode.kind === 'strict' ? [] : mode.lost, epoch: record!.epoch };
      const before = last.get(component);
      const same =
        before?.mode === now.mode &&
        sameJson(before.lost, now.lost) &&
        (now.mode === 'strict' || before.epoch === now.epoch);
      last.set(component, now);
      if (!same && (before !== undefined || now.mode !== 'strict'))
        changes.push({ component, ...now, atMs, acknowledged: null });
    }
  return changes;
}
