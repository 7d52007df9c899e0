import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { canonicalJson } from '../../core/base/canonical-json.ts';
import type { TailAnswer, TailEntry, TailKind, TailList, TailSummary } from '../../core/replication/divergent-tail.ts';
import { type Deadline, DeadlineExceeded } from '../process/deadline.ts';
import { writeDurably } from '../system/durable-file.ts';
import { readPassword } from './cluster.ts';
import type { DriverContext } from './driver-context.ts';
import { formatLsn, type Lsn, parseSegmentName } from './lsn.ts';
import { PostgresProblem } from './postgres-problem.ts';
import { withPrivateServer } from './private-server.ts';
import type { DivergentTail, KeptTail } from './quarantine.ts';
import { Session } from './session.ts';
import { spellAlike, type Table, tableOfFile } from './table-rows.ts';
import { type RelationChanges, type TailChanges, TailCollector } from './tail-changes.ts';
import { entriesOf } from './tail-entries.ts';
import { WalReader } from './wal-reader.ts';

/** How far back a transaction is looked for that committed in the tail. */
const MOST_SEGMENTS_BACK = 64;

/** Rows in them come with every look at a table that gathers figures for planning; they say nothing of anybody's business. */
const FIGURES = new Set(['pg_statistic', 'pg_statistic_ext_data']);

export interface TailToList {
  readonly tail: DivergentTail;
  readonly kept: KeptTail;
  readonly newPrimary: { readonly host: string; readonly port: number };
}

/**
 * Decodes a kept tail while the data that it belongs to is still there, and stores the list beside it. The server must be stopped, and is
 * again when this resolves. A list that says all is not made twice; what is inconclusive is tried anew. `docs/decisions/0021`.
 * @throws DeadlineExceeded, Abandoned
 */
export async function listTail(context: DriverContext, wanted: TailToList, deadline: Deadline): Promise<TailList> {
  const file = tailListFile(wanted.kept.file);
  const stored = readTailList(file);
  if (stored !== null && stored.inconclusive.length === 0) return stored;
  const { tail } = wanted;
  const list: TailList = {
    instance: tail.instance,
    comparedWith: tail.upstream,
    file,
    from: formatLsn(tail.from),
    to: formatLsn(tail.to),
    ...(await decoded(context, wanted, deadline)),
  };
  writeDurably(file, `${JSON.stringify(list, null, 2)}\n`);
  return list;
}

/** Beside the manifest of the kept log. */
export const tailListFile = (manifest: string): string => join(dirname(manifest), 'tail.json');

/** As much as an answer holds; how many there are is said beside it. */
const MOST_TOLD = 1_000;

export const shortTailList = (list: TailList): TailAnswer => ({
  ...list,
  entries: list.entries.slice(0, MOST_TOLD),
  entryCount: list.entries.length,
  ...summaryDigest(list),
});

/** Null where there is none, or none that was written whole. */
export function readTailList(file: string): TailList | null {
  if (!existsSync(file)) return null;
  return JSON.parse(readFileSync(file, 'utf8')) as TailList;
}

const summaryDigest = (list: TailList): { readonly digest: string } => ({
  digest: createHash('sha256').update(canonicalJson(list)).digest('hex'),
});

export const summaryOf = (list: TailList): TailSummary => ({
  ...summaryDigest(list),
  entries: list.entries.length,
  inconclusive: list.inconclusive.length,
});

type Decoded = Pick<TailList, 'transactions' | 'entries' | 'inconclusive'>;

async function decoded(context: DriverContext, wanted: TailToList, deadline: Deadline): Promise<Decoded> {
  const { changes, through, doubts } = readChanges(context, wanted);
  const { relations, removedFiles, transactions } = changes;
  const inconclusive = [...doubts, ...changes.inconclusive];
  const entries: TailEntry[] = [];
  if (relations.length > 0 || removedFiles.length > 0)
    try {
      await withPrivateServer(context, { timeline: wanted.tail.timeline, through }, deadline, async (server) => {
        const databases = await databasesOf(await server.connect('postgres'), deadline);
        const touched = new Set(
          [...relations.map(({ relation }) => relation), ...removedFiles].map((of) => of.database),
        );
        for (const oid of touched) {
          const database = oid === 0 ? 'postgres' : databases.get(oid);
          if (database === undefined) {
            inconclusive.push(`a database that is not there any more was written (${oid})`);
            continue;
          }
          const old = await server.connect(database);
          const now = await connectTo(context, wanted.newPrimary, database, deadline);
          try {
            await Promise.all([spellAlike(old, deadline), spellAlike(now, deadline)]);
            const found = await inDatabase(context, { database, oid, changes }, { old, now }, deadline);
            entries.push(...found.entries);
            inconclusive.push(...found.inconclusive);
          } finally {
            now.cut();
          }
        }
      });
    } catch (error) {
      if (error instanceof DeadlineExceeded || (error as Error).name === 'Abandoned') throw error;
      if (error instanceof PostgresProblem && error.code === 'not-dead') throw error;
      inconclusive.push(`the rows could not be read or compared: ${(error as Error).message.split('\n')[0]}`);
    }
  return { transactions, entries, inconclusive: [...new Set(inconclusive)] };
}

/** What the log says, read back to where whoever committed in the tail began. */
function readChanges(
  { config }: DriverContext,
  { tail, kept }: TailToList,
): { readonly changes: TailChanges; readonly through: Lsn; readonly doubts: readonly string[] } {
  const folders = [dirname(kept.file), join(config.dataDir, 'pg_wal')];
  const segment = (number: number) => segmentFile(folders, { ...tail, number });
  const first = Math.floor(tail.from / tail.segmentBytes);
  const doubts: string[] = [];
  for (let back = 0; ; back = back === 0 ? 1 : back * 2) {
    const collector = new TailCollector(tail.from);
    let through = tail.from;
    const { end, damaged } = new WalReader({ segmentBytes: tail.segmentBytes, segment }).read(
      first - back,
      (record) => {
        collector.take(record);
        through = Math.max(through, record.end);
      },
    );
    if (damaged !== null) doubts.push(damaged);
    else if (end < tail.to)
      doubts.push(`the log can be read up to ${formatLsn(end)}, and the tail ends at ${formatLsn(tail.to)}`);
    const enough = collector.complete || collector.committedNothing;
    const last = back >= MOST_SEGMENTS_BACK || segment(first - (back === 0 ? 1 : back * 2)) === null;
    if (!enough && last && doubts.length === 0)
      doubts.push('a transaction of the tail may have begun before the oldest log that is left');
    if (enough || last || doubts.length > 0) return { changes: collector.result(), through, doubts };
  }
}

/** The newest timeline of the own history has a segment whole; an older one has its part before the switch. */
function segmentFile(
  folders: readonly string[],
  wanted: { readonly timeline: number; readonly number: number; readonly segmentBytes: number },
): Buffer | null {
  for (const folder of folders) {
    const newest = readdirSync(folder)
      .flatMap((name) => {
        const segment = parseSegmentName(name, wanted.segmentBytes);
        return segment?.number === wanted.number && segment.timeline <= wanted.timeline
          ? [{ name, timeline: segment.timeline }]
          : [];
      })
      .sort((left, right) => right.timeline - left.timeline || left.name.length - right.name.length)[0];
    if (newest !== undefined) return readFileSync(join(folder, newest.name));
  }
  return null;
}

async function databasesOf(session: Session, deadline: Deadline): Promise<ReadonlyMap<number, string>> {
  const rows = await session.query('select oid::text, datname from pg_database where datallowconn', deadline);
  return new Map(rows.map((row) => [Number(row['oid']), row['datname'] ?? '']));
}

const connectTo = (
  { config }: DriverContext,
  address: { readonly host: string; readonly port: number },
  database: string,
  deadline: Deadline,
) =>
  Session.connect(
    {
      ...address,
      user: config.roles.superuser.user,
      password: readPassword(config.roles.superuser),
      database,
      applicationName: 'holdfast-tail',
    },
    deadline,
  );

async function inDatabase(
  { config }: DriverContext,
  { database, oid, changes }: { readonly database: string; readonly oid: number; readonly changes: TailChanges },
  sides: { readonly old: Session; readonly now: Session },
  deadline: Deadline,
): Promise<Pick<TailList, 'entries' | 'inconclusive'>> {
  const entries: TailEntry[] = [];
  const inconclusive: string[] = [];
  for (const each of changes.relations.filter(({ relation }) => relation.database === oid)) {
    const table = await tableOfFile(sides.old, each.relation, deadline);
    const why = undecodable(each, table, database);
    if (why !== null) inconclusive.push(why);
    if (why !== null || table === null || table.kind !== 'r' || isSystem(table)) continue;
    const kind: TailKind = config.tailKinds[`${table.schema}.${table.name}`] ?? 'other';
    const found = await entriesOf(
      { database, table, kind, changes: each, firstXid: changes.firstXid },
      sides,
      deadline,
    );
    entries.push(...found.entries);
    inconclusive.push(...found.inconclusive);
  }
  for (const file of changes.removedFiles.filter((removed) => removed.database === oid)) {
    const table = await tableOfFile(sides.now, file, deadline);
    if (table === null) inconclusive.push(`a file of ${database} was removed that no table of the new primary has`);
    else if ('rmp'.includes(table.kind))
      inconclusive.push(`${database}.${table.schema}.${table.name} was emptied, dropped or rewritten`);
  }
  return { entries, inconclusive };
}

const isSystem = ({ schema }: Table): boolean => schema === 'pg_catalog' || schema === 'pg_toast';

function undecodable({ relation, rewritten }: RelationChanges, table: Table | null, database: string): string | null {
  if (table === null) return `rows of ${database} were written to file ${relation.file}, which no table has any more`;
  const name = `${database}.${table.schema}.${table.name}`;
  if (table.schema === 'pg_catalog') return FIGURES.has(table.name) ? null : `definitions changed: ${table.name}`;
  if (table.schema === 'pg_toast' || table.kind === 'i') return null;
  return rewritten || table.kind !== 'r' ? `${name} was rewritten` : null;
}
