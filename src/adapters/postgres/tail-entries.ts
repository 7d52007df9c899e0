import type { TailEntry, TailKind } from '../../core/replication/divergent-tail.ts';
import type { Deadline } from '../process/deadline.ts';
import type { Session } from './session.ts';
import { rowsAt, rowsWithKeys, type Table, type TableRow, tableNamed } from './table-rows.ts';
import { isOlderXid, type RelationChanges } from './tail-changes.ts';

export interface TableInTail {
  readonly database: string;
  readonly table: Table;
  readonly kind: TailKind;
  readonly changes: RelationChanges;
  readonly firstXid: number | null;
}

/** What a tail did to one table, and every reason why there may be more. */
export interface TableEntries {
  readonly entries: readonly TailEntry[];
  readonly inconclusive: readonly string[];
}

/**
 * Lists what the tail did to one table. What was written stands in the old copy. What was replaced or deleted does not stand there any
 * more, but at the same place in the new primary, which was the same copy up to the fork, as long as nobody has changed it there since.
 */
export async function entriesOf(
  { database, table, kind, changes, firstXid }: TableInTail,
  sides: { readonly old: Session; readonly now: Session },
  deadline: Deadline,
): Promise<TableEntries> {
  const name = `${database}.${table.schema}.${table.name}`;
  const inconclusive: string[] = [];
  const places = [...changes.written.keys()];
  const written = await rowsAt(sides.old, table, places, deadline);
  if (written.length !== places.length)
    inconclusive.push(`${places.length - written.length} rows that the tail wrote to ${name} cannot be seen there`);
  const there = await tableNamed(sides.now, table, deadline);
  const alike = there !== null && there.file === table.file && sameKey(there, table);
  const now = there === null ? [] : await rowsWithKeys(sides.now, table, [...new Set(written.map(keyOf))], deadline);
  const byKey = new Map(now.map((row) => [row.key, row]));
  const origins = [...changes.written.values()].flatMap(({ origin }) => (origin === null ? [] : [origin]));
  const former = new Map<string, TableRow>();
  if (alike && firstXid !== null)
    for (const row of await rowsAt(sides.now, table, [...origins, ...changes.deleted], deadline))
      if (isOlderXid(row.xmin, firstXid)) former.set(row.place, row);
  const entries: TailEntry[] = [];
  const gone: TableRow[] = [];
  for (const row of written) {
    const { origin = null, keyKept = false } = changes.written.get(row.place) ?? {};
    const present = byKey.get(row.key);
    const before = origin === null ? undefined : former.get(origin);
    entries.push({
      kind,
      id: row.id,
      table: name,
      change: origin === null ? 'inserted' : 'changed',
      atNewPrimary: present === undefined ? 'absent' : present.row === row.row ? 'same' : 'differs',
    });
    if (before !== undefined && before.key !== row.key) gone.push(before);
    if (origin !== null && before === undefined && !keyKept && present === undefined)
      inconclusive.push(`what ${row.id} of ${name} was called before the tail cannot be seen any more`);
  }
  for (const place of changes.deleted) {
    const before = former.get(place);
    if (before === undefined)
      inconclusive.push(`a row that was deleted from ${name} cannot be seen at the new primary`);
    else gone.push(before);
  }
  const stillThere = new Set(written.map(keyOf));
  for (const row of gone)
    if (!stillThere.has(row.key))
      entries.push({ kind, id: row.id, table: name, change: 'deleted', atNewPrimary: 'present' });
  return { entries: entries.sort(byId), inconclusive };
}

const keyOf = ({ key }: TableRow): string => key;
const sameKey = (left: Table, right: Table): boolean => left.key.join('\0') === right.key.join('\0');
const byId = (left: TailEntry, right: TailEntry): number => (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);
