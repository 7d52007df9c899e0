import type { SourceEntry, SourceMap, SourceNode } from './source-tree.ts';

/** In an overlay: the same for every entry of the file below. */
export const everyEntry = '*';

/**
 * Lays one tree over another. Fields are merged by name, everything else (values and lists) is replaced. `"*"` changes
 * every entry that the lower tree has at that place, before entries named in the overlay; an empty value (`~`) removes
 * what the lower tree has. A `"*"` or an empty value that meets nothing stays, for the schema to refuse it.
 */
export function mergeOverlay(lower: SourceNode, upper: SourceNode): SourceNode {
  if (lower.kind !== 'map' || upper.kind !== 'map') return upper;
  const entries = new Map<string, SourceEntry>(lower.entries);
  const every = upper.entries.get(everyEntry);
  if (every && entries.size > 0)
    for (const [name, entry] of entries) layOver(entries, name, { key: entry.key, node: every.node });
  for (const [name, entry] of upper.entries) {
    if (name === everyEntry && lower.entries.size > 0) continue;
    layOver(entries, name, entry);
  }
  return { kind: 'map', place: lower.place, entries } satisfies SourceMap;
}

function layOver(entries: Map<string, SourceEntry>, name: string, upper: SourceEntry): void {
  const lower = entries.get(name);
  if (!lower) entries.set(name, upper);
  else if (upper.node.kind === 'scalar' && upper.node.value === null) entries.delete(name);
  else
    entries.set(name, {
      key: upper.node.kind === 'map' ? lower.key : upper.key,
      node: mergeOverlay(lower.node, upper.node),
    });
}
