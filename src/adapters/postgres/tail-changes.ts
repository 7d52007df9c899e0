import { formatLsn, type Lsn } from './lsn.ts';
import type { WalRecord } from './wal-reader.ts';
import { parseRecordBody, parseRelationFile, RELATION_FILE_BYTES, type RelationFile } from './wal-record.ts';

/** Where a row stands: `(block,offset)`, as PostgreSQL prints a `ctid`. */
export type RowPlace = string;

/** A row that stands where the tail wrote it. */
export interface WrittenRow {
  /** Where it stood before the fork; null: it was not there. */
  readonly origin: RowPlace | null;
  /** No column of an index was changed on the way, so the key is what it was. */
  readonly keyKept: boolean;
}

/** What committed transactions of a tail did to the rows of one relation, in the end. */
export interface RelationChanges {
  readonly relation: RelationFile;
  readonly written: ReadonlyMap<RowPlace, WrittenRow>;
  /** Places of rows from before the fork that are gone. */
  readonly deleted: ReadonlySet<RowPlace>;
  /** Whole pages were written, which no row tells. */
  readonly rewritten: boolean;
}

export interface TailChanges {
  readonly relations: readonly RelationChanges[];
  /** Files that a commit of the tail removed and that the tail did not make. */
  readonly removedFiles: readonly RelationFile[];
  readonly transactions: number;
  /** The first transaction number that nobody had used before the fork; null: not known. */
  readonly firstXid: number | null;
  readonly inconclusive: readonly string[];
}

const XLOG = 0;
const XACT = 1;
const SMGR = 2;
const DBASE = 4;
const RELMAP = 7;
const STANDBY = 8;
const HEAP2 = 9;
const HEAP = 10;
const FIRST_CUSTOM = 128;
const FULL_PAGE = 0xb0;
const RUNNING_XACTS = 0x10;
const SMGR_CREATE = 0x10;
const MULTI_INSERT = 0x50;
const WHOLE_PAGE = 0x80;

/** `a` was given out before `b`; the numbers go round. */
export const isOlderXid = (a: number, b: number): boolean => ((a - b) | 0) < 0;

interface Change {
  readonly xid: number;
  readonly relation: RelationFile;
  readonly removes: RowPlace | null;
  readonly writes: RowPlace | null;
  readonly keyKept: boolean;
}

/**
 * Collects a log, record by record, and says what its part behind the fork did. Records from before it are given too: a transaction
 * that committed in the tail may have begun earlier.
 */
export class TailCollector {
  readonly #from: Lsn;
  readonly #changes: Change[] = [];
  readonly #committed = new Set<number>();
  readonly #commits: number[] = [];
  readonly #made = new Set<string>();
  readonly #removed = new Map<string, RelationFile>();
  readonly #rewritten = new Map<string, { readonly relation: RelationFile; readonly xid: number }>();
  readonly #inconclusive = new Set<string>();
  /** Next transaction number at the first and at the last list of running ones before the fork. */
  #runningNext: { readonly first: number; readonly last: number } | null = null;
  #highestBefore: number | null = null;

  constructor(from: Lsn) {
    this.#from = from;
  }

  take(record: WalRecord): void {
    const { resourceManager, lsn, xid } = record;
    const inTail = lsn >= this.#from;
    if (!inTail && xid !== 0 && (this.#highestBefore === null || isOlderXid(this.#highestBefore, xid)))
      this.#highestBefore = xid;
    const parsed = parseRecordBody(record);
    if (parsed === null) {
      this.#doubt(inTail, `the record at ${formatLsn(lsn)} is of no form that is known`);
      return;
    }
    const { blocks, data } = parsed;
    const operation = record.info & 0x70;
    if (resourceManager === HEAP || resourceManager === HEAP2) this.#rows(record, blocks, data);
    else if (resourceManager === STANDBY && (record.info & 0xf0) === RUNNING_XACTS) {
      const next = data.readUInt32LE(12);
      if (!inTail) this.#runningNext = { first: this.#runningNext?.first ?? next, last: next };
    } else if (resourceManager === XACT && inTail) this.#transaction(record, operation, data);
    else if (resourceManager === XLOG && (record.info & 0xf0) === FULL_PAGE) {
      for (const { relation, fork } of blocks)
        if (fork === 0) this.#rewritten.set(fileKey(relation), { relation, xid });
    } else if (resourceManager === SMGR && (record.info & 0xf0) === SMGR_CREATE && inTail)
      this.#made.add(fileKey(parseRelationFile(data, 0)));
    else if (resourceManager === DBASE) this.#doubt(inTail, 'a database was made or removed');
    else if (resourceManager === RELMAP) this.#doubt(inTail, 'files of system tables were replaced');
    else if (resourceManager >= FIRST_CUSTOM)
      this.#doubt(inTail, `an extension wrote records of its own (${resourceManager})`);
  }

  /** Records from before the fork reach back far enough: whoever committed in the tail began behind a list of who was running. */
  get complete(): boolean {
    const next = this.#runningNext?.first ?? null;
    return next !== null && ![...this.#committed].some((xid) => isOlderXid(xid, next));
  }

  get committedNothing(): boolean {
    return this.#committed.size === 0;
  }

  result(): TailChanges {
    const relations = new Map<string, MutableChanges>();
    const of = (relation: RelationFile) => {
      const key = fileKey(relation);
      const found = relations.get(key) ?? { relation, written: new Map(), deleted: new Set(), rewritten: false };
      relations.set(key, found);
      return found;
    };
    const writers = new Set<number>();
    for (const change of this.#changes) {
      if (!this.#committed.has(change.xid)) continue;
      writers.add(change.xid);
      apply(of(change.relation), change);
    }
    for (const { relation, xid } of this.#rewritten.values())
      if (this.#committed.has(xid)) of(relation).rewritten = true;
    const before = [
      this.#highestBefore === null ? null : (this.#highestBefore + 1) >>> 0,
      this.#runningNext?.last ?? null,
    ];
    const firstXid = before.reduce((a, b) => (a === null ? b : b === null ? a : isOlderXid(a, b) ? b : a), null);
    return {
      relations: [...relations.values()].filter(
        ({ written, deleted, rewritten }) => written.size > 0 || deleted.size > 0 || rewritten,
      ),
      removedFiles: [...this.#removed.values()].filter((file) => !this.#made.has(fileKey(file))),
      transactions: this.#commits.length,
      firstXid,
      inconclusive: [...this.#inconclusive],
    };
  }

  #doubt(inTail: boolean, reason: string): void {
    if (inTail) this.#inconclusive.add(reason);
  }

  #transaction(record: WalRecord, operation: number, data: Buffer): void {
    if (operation === 0x10 || operation === 0x30) {
      this.#inconclusive.add('a transaction was prepared in two phases');
      return;
    }
    if (operation !== 0x00) return;
    if (record.xid !== 0) {
      this.#committed.add(record.xid);
      this.#commits.push(record.xid);
    }
    const flags = record.info & 0x80 ? data.readUInt32LE(8) : 0;
    let at = 12;
    if (flags & 0x01) at += 8;
    if (flags & 0x02) {
      const count = data.readUInt32LE(at);
      for (let each = 0; each < count; each++) this.#committed.add(data.readUInt32LE(at + 4 + 4 * each));
      at += 4 + 4 * count;
    }
    if (flags & 0x04) {
      const count = data.readUInt32LE(at);
      for (let each = 0; each < count; each++) {
        const file = parseRelationFile(data, at + 4 + RELATION_FILE_BYTES * each);
        this.#removed.set(fileKey(file), file);
      }
    }
  }

  #rows(
    record: WalRecord,
    blocks: readonly { readonly id: number; readonly relation: RelationFile; readonly block: number }[],
    data: Buffer,
  ): void {
    const target = blocks.find(({ id }) => id === 0);
    if (target === undefined) return;
    const { xid } = record;
    const { relation, block } = target;
    const operation = record.info & 0x70;
    const place = (offset: number, on = block): RowPlace => `(${on},${offset})`;
    const add = (removes: RowPlace | null, writes: RowPlace | null, keyKept = false) =>
      this.#changes.push({ xid, relation, removes, writes, keyKept });
    if (record.resourceManager === HEAP2) {
      if (operation !== MULTI_INSERT) return;
      const count = data.readUInt16LE(2);
      for (let each = 0; each < count; each++)
        add(null, place(record.info & WHOLE_PAGE ? each + 1 : data.readUInt16LE(4 + 2 * each)));
      return;
    }
    if (operation === 0x00) add(null, place(data.readUInt16LE(0)));
    else if (operation === 0x10) add(place(data.readUInt16LE(4)), null);
    else if (operation === 0x20 || operation === 0x40) {
      const old = blocks.find(({ id }) => id === 1)?.block ?? block;
      add(place(data.readUInt16LE(4), old), place(data.readUInt16LE(12)), operation === 0x40);
    }
  }
}

interface MutableChanges {
  readonly relation: RelationFile;
  readonly written: Map<RowPlace, WrittenRow>;
  readonly deleted: Set<RowPlace>;
  rewritten: boolean;
}

function apply({ written, deleted }: MutableChanges, { removes, writes, keyKept }: Change): void {
  const before = removes === null ? undefined : written.get(removes);
  if (removes !== null) written.delete(removes);
  const origin = before === undefined ? removes : before.origin;
  if (writes !== null)
    written.set(writes, { origin, keyKept: origin !== null && keyKept && (before?.keyKept ?? true) });
  else if (origin !== null) deleted.add(origin);
}

const fileKey = ({ tablespace, database, file }: RelationFile): string => `${tablespace}/${database}/${file}`;
