import type { Deadline } from '../process/deadline.ts';
import { identifier, literal } from './cluster.ts';
import type { Session } from './session.ts';
import type { RelationFile } from './wal-record.ts';

/** A table as one server names it. */
export interface Table {
  readonly schema: string;
  readonly name: string;
  /** `r`: rows that people wrote; `i` index, `t` toast, … (pg_class.relkind). */
  readonly kind: string;
  /** Columns of the primary key in its order; empty: there is none. */
  readonly key: readonly string[];
  readonly file: number;
}

export interface TableRow {
  readonly place: string;
  readonly xmin: number;
  /** For people. */
  readonly id: string;
  /** The key's columns, or all of them where there is no key, as canonical JSON of the server. */
  readonly key: string;
  readonly row: string;
}

const AT_ONCE = 500;

/** Gives times and intervals one spelling, so that two servers' rows can be compared as text. */
export const spellAlike = (session: Session, deadline: Deadline) =>
  session.query(`set timezone = 'UTC'; set intervalstyle = 'iso_8601'; set bytea_output = 'hex'`, deadline);

/** The relation whose rows are in a file; null when no relation of this database has it. */
export const tableOfFile = (session: Session, file: RelationFile, deadline: Deadline): Promise<Table | null> =>
  tableWhere(session, `c.oid = pg_filenode_relation(${file.tablespace}, ${file.file})`, deadline);

export const tableNamed = (
  session: Session,
  { schema, name }: Pick<Table, 'schema' | 'name'>,
  deadline: Deadline,
): Promise<Table | null> =>
  tableWhere(session, `n.nspname = ${literal(schema)} and c.relname = ${literal(name)}`, deadline);

async function tableWhere(session: Session, condition: string, deadline: Deadline): Promise<Table | null> {
  const [row] = await session.query(
    `select n.nspname as schema, c.relname as name, c.relkind as kind, pg_relation_filenode(c.oid)::text as file,
       (select json_agg(a.attname order by array_position(i.indkey::int2[], a.attnum))
          from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey::int2[])
         where i.indrelid = c.oid and i.indisprimary)::text as key
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${condition}`,
    deadline,
  );
  if (row === undefined) return null;
  return {
    schema: row['schema'] ?? '',
    name: row['name'] ?? '',
    kind: row['kind'] ?? '',
    key: JSON.parse(row['key'] ?? '[]') as string[],
    file: Number(row['file'] ?? 0),
  };
}

/** The rows that are to be seen at these places. */
export const rowsAt = (
  session: Session,
  table: Table,
  places: readonly string[],
  deadline: Deadline,
): Promise<TableRow[]> =>
  inParts(places, (part) =>
    rows(session, table, `from ${nameOf(table)} t where t.ctid = any (${arrayOf(part)}::tid[])`, deadline),
  );

/** The rows that have these keys. */
export const rowsWithKeys = (
  session: Session,
  table: Table,
  keys: readonly string[],
  deadline: Deadline,
): Promise<TableRow[]> =>
  inParts(keys, (part) => {
    const name = nameOf(table);
    if (table.key.length === 0)
      return rows(session, table, `from ${name} t where to_jsonb(t)::text = any (${arrayOf(part)})`, deadline);
    const same = table.key.map((column) => `t.${identifier(column)} = k.${identifier(column)}`).join(' and ');
    const wanted = `jsonb_populate_recordset(null::${name}, ${literal(`[${part.join(',')}]`)}::jsonb)`;
    return rows(session, table, `from ${name} t join ${wanted} k on ${same}`, deadline);
  });

async function rows(session: Session, table: Table, from: string, deadline: Deadline): Promise<TableRow[]> {
  const whole = 'to_jsonb(t)::text';
  const columns = table.key.map((column) => ({ name: literal(column), value: `t.${identifier(column)}` }));
  const id =
    columns.length === 0
      ? `left(md5(${whole}), 16)`
      : `concat_ws('/', ${columns.map(({ value }) => `${value}::text`).join(', ')})`;
  const key =
    columns.length === 0
      ? whole
      : `jsonb_build_object(${columns.map(({ name, value }) => `${name}, ${value}`).join(', ')})::text`;
  const found = await session.query(
    `select t.ctid::text as place, t.xmin::text as xmin, ${id} as id, ${key} as key, ${whole} as row ${from}`,
    deadline,
  );
  return found.map((row) => ({
    place: row['place'] ?? '',
    xmin: Number(row['xmin']),
    id: row['id'] ?? '',
    key: row['key'] ?? '',
    row: row['row'] ?? '',
  }));
}

async function inParts<Value>(
  all: readonly string[],
  ask: (part: readonly string[]) => Promise<Value[]>,
): Promise<Value[]> {
  const found: Value[] = [];
  for (let at = 0; at < all.length; at += AT_ONCE) found.push(...(await ask(all.slice(at, at + AT_ONCE))));
  return found;
}

const nameOf = ({ schema, name }: Table): string => `${identifier(schema)}.${identifier(name)}`;

const arrayOf = (values: readonly string[]): string => `array[${values.map(literal).join(', ')}]::text[]`;
