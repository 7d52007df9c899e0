import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Json } from '../../core/base/canonical-json.ts';
import { type Revision, revision } from '../../core/base/ids.ts';
import type { StoredValue, Transaction } from '../../engine/authority-port.ts';
import type { RangeResult, StoredChange } from './lab-protocol.ts';

export interface LabStoreOptions {
  /** Database file; created when absent. */
  readonly path: string;
  /** Changes older than this many revisions are forgotten; a watch that needs them is told `compacted`. */
  readonly historyRevisions?: number;
  /** How long to wait for another process to let go of the database; default 2000. */
  readonly busyTimeoutMs?: number;
}

export type StoreOutcome =
  | { readonly kind: 'committed'; readonly revision: Revision; readonly change: StoredChange | null }
  | { readonly kind: 'conflict'; readonly current: Record<string, StoredValue | null> };

const trimAtMostEvery = 500;

/**
 * The lab authority's data: present entries, a history of changes for watches, and the store's identity. One process, WAL,
 * synchronous=FULL: a change is on the disk before `transact` returns.
 *
 * A restore, or opening a backup file in place of the database, yields a new incarnation and a revision above both the
 * restored and the replaced one, so no revision ever names two different contents.
 */
export class LabStore {
  readonly #database: DatabaseSync;
  readonly #historyRevisions: number;
  readonly #trimEvery: number;
  readonly #statements: Statements;
  #incarnation = '';
  #revision = 0;
  #compacted = 0;

  constructor(options: LabStoreOptions) {
    this.#historyRevisions = options.historyRevisions ?? 50_000;
    this.#trimEvery = Math.min(trimAtMostEvery, Math.max(1, Math.floor(this.#historyRevisions / 2)));
    this.#database = new DatabaseSync(options.path, { timeout: options.busyTimeoutMs ?? 2000 });
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA locking_mode = EXCLUSIVE');
    this.#database.exec(schema);
    this.#statements = prepare(this.#database);
    this.#load();
    if (this.#incarnation === '' || this.#meta('backup') !== null) this.renewIncarnation();
  }

  get incarnation(): string {
    return this.#incarnation;
  }

  get revision(): Revision {
    return revision(this.#revision);
  }

  transact(transaction: Transaction): StoreOutcome {
    const mismatch = transaction.compare.some((item) => (this.#entry(item.key)?.revision ?? 0) !== item.revision);
    if (mismatch)
      return {
        kind: 'conflict',
        current: Object.fromEntries(transaction.compare.map((item) => [item.key, this.#entry(item.key)])),
      };
    const removed = (transaction.remove ?? []).filter((key) => this.#entry(key) !== null);
    if (transaction.put.length + removed.length === 0)
      return { kind: 'committed', revision: this.revision, change: null };
    const next = this.#revision + 1;
    this.#atomically(() => {
      for (const { key, value } of transaction.put) {
        const text = JSON.stringify(value);
        this.#statements.put.run(key, text, next);
        this.#statements.remember.run(next, key, text);
      }
      for (const key of removed) {
        this.#statements.remove.run(key);
        this.#statements.remember.run(next, key, null);
      }
      this.#setMeta('revision', String(next));
    });
    this.#revision = next;
    if (next % this.#trimEvery === 0) this.#trim();
    const changes = [
      ...transaction.put.map(({ key, value }) => ({ key, value })),
      ...removed.map((key) => ({ key, value: null })),
    ];
    return { kind: 'committed', revision: revision(next), change: { revision: revision(next), changes } };
  }

  range(prefix: string): RangeResult {
    const rows = this.#statements.range.all(prefix, endOf(prefix));
    const entries = Object.fromEntries(rows.map((row) => [String(row.key), storedValue(row)]));
    return { revision: this.revision, incarnation: this.#incarnation, entries };
  }

  /** Changes below a prefix with `after < revision ≤ upTo`, in order; null when some of them are forgotten. */
  changes(prefix: string, after: number, upTo: number): StoredChange[] | null {
    if (after < this.#compacted) return null;
    const found: { revision: Revision; changes: { key: string; value: Json | null }[] }[] = [];
    for (const row of this.#statements.changes.all(after, upTo, prefix, endOf(prefix))) {
      const at = revision(Number(row.revision));
      if (found.at(-1)?.revision !== at) found.push({ revision: at, changes: [] });
      const text = row.value;
      found
        .at(-1)!
        .changes.push({ key: String(row.key), value: text === null ? null : (JSON.parse(String(text)) as Json) });
    }
    return found;
  }

  /** Declares the data to be another history: new identity, a revision never used before, no resumable watch. */
  renewIncarnation(): void {
    const next = this.#revision + 1;
    const incarnation = randomUUID();
    this.#atomically(() => this.#startHistory(incarnation, next));
    this.#adopt(incarnation, next);
  }

  /** Writes a consistent copy. Fails when the file exists. */
  backup(path: string): void {
    if (existsSync(path)) throw new Error(`backup file exists already: ${path}`);
    this.#database.prepare('VACUUM INTO ?').run(path);
    const copy = new DatabaseSync(path);
    copy.exec("INSERT OR REPLACE INTO meta (name, value) VALUES ('backup', '1')");
    copy.close();
  }

  /** Replaces everything by what a backup holds, as a new incarnation. */
  restore(path: string): void {
    if (!existsSync(path)) throw new Error(`no backup file: ${path}`);
    const incarnation = randomUUID();
    this.#database.prepare('ATTACH DATABASE ? AS source').run(path);
    try {
      const stored = this.#database.prepare("SELECT value FROM source.meta WHERE name = 'revision'").get();
      const next = Math.max(this.#revision, Number(stored?.value ?? 0)) + 1;
      this.#atomically(() => {
        this.#database.exec('DELETE FROM entries; INSERT INTO entries SELECT key, value, revision FROM source.entries');
        this.#startHistory(incarnation, next);
      });
      this.#adopt(incarnation, next);
    } finally {
      this.#database.exec('DETACH DATABASE source');
    }
  }

  close(): void {
    this.#database.close();
  }

  #load(): void {
    this.#incarnation = this.#meta('incarnation') ?? '';
    this.#revision = Number(this.#meta('revision') ?? 0);
    this.#compacted = Number(this.#meta('compacted') ?? 0);
  }

  #startHistory(incarnation: string, next: number): void {
    this.#database.exec("DELETE FROM history; DELETE FROM meta WHERE name = 'backup'");
    this.#setMeta('incarnation', incarnation);
    this.#setMeta('revision', String(next));
    this.#setMeta('compacted', String(next));
  }

  #adopt(incarnation: string, next: number): void {
    this.#incarnation = incarnation;
    this.#revision = next;
    this.#compacted = next;
  }

  #trim(): void {
    const keepAfter = this.#revision - this.#historyRevisions;
    if (keepAfter <= this.#compacted) return;
    this.#atomically(() => {
      this.#statements.forget.run(keepAfter);
      this.#setMeta('compacted', String(keepAfter));
    });
    this.#compacted = keepAfter;
  }

  #entry(key: string): StoredValue | null {
    const row = this.#statements.get.get(key);
    return row === undefined ? null : storedValue(row);
  }

  #meta(name: string): string | null {
    const row = this.#statements.getMeta.get(name);
    return row === undefined ? null : String(row.value);
  }

  #setMeta(name: string, value: string): void {
    this.#statements.setMeta.run(name, value);
  }

  #atomically(change: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      change();
      this.#database.exec('COMMIT');
    } catch (cause) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#load();
      throw cause;
    }
  }
}

const schema = `
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS history (revision INTEGER, key TEXT, value TEXT, PRIMARY KEY (revision, key)) WITHOUT ROWID;
`;

interface Statements {
  readonly get: StatementSync;
  readonly put: StatementSync;
  readonly remove: StatementSync;
  readonly range: StatementSync;
  readonly remember: StatementSync;
  readonly changes: StatementSync;
  readonly forget: StatementSync;
  readonly getMeta: StatementSync;
  readonly setMeta: StatementSync;
}

const prepare = (database: DatabaseSync): Statements => ({
  get: database.prepare('SELECT value, revision FROM entries WHERE key = ?'),
  put: database.prepare('INSERT OR REPLACE INTO entries (key, value, revision) VALUES (?, ?, ?)'),
  remove: database.prepare('DELETE FROM entries WHERE key = ?'),
  range: database.prepare('SELECT key, value, revision FROM entries WHERE key >= ? AND key < ? ORDER BY key'),
  remember: database.prepare('INSERT INTO history (revision, key, value) VALUES (?, ?, ?)'),
  changes: database.prepare(
    'SELECT revision, key, value FROM history WHERE revision > ? AND revision <= ? AND key >= ? AND key < ? ORDER BY revision, key',
  ),
  forget: database.prepare('DELETE FROM history WHERE revision <= ?'),
  getMeta: database.prepare('SELECT value FROM meta WHERE name = ?'),
  setMeta: database.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)'),
});

/** First text after every key that starts with the prefix; keys hold no U+10FFFF. */
const endOf = (prefix: string) => `${prefix}\u{10ffff}`;

const storedValue = (row: Record<string, unknown>): StoredValue => ({
  value: JSON.parse(String(row.value)) as Json,
  revision: revision(Number(row.revision)),
});

/** Removes a database with its WAL files; for tests and for a lab that is taken down. */
export function removeLabStore(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}
