import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Json } from '../core/base/canonical-json.ts';
import type { AuthorityEvent } from '../engine/agent-effects.ts';
import type { HistoryEntry } from '../wire/operator-api.ts';

/** What changes all the time and means nothing afterwards. */
const PASSING = ['lease/', 'leader-renewal'];
/** About half a gigabyte at worst; a year of a busy firm is far less. */
const KEPT_ENTRIES = 200_000;

/**
 * Everything of lasting interest that this controller saw the authority say, in the order in which it saw it. Local: it answers
 * queries while every other site is gone. For people; nothing is decided from it, and it may lose its last second in a crash.
 */
export class HistoryStore {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  #incarnation = '';

  /** `:memory:` for tests. Throws when the file cannot be opened or is not a history. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec('pragma journal_mode = wal; pragma synchronous = off; pragma cache_size = -512');
    this.#database.exec(
      'create table if not exists seen (number integer primary key, at integer not null, incarnation text not null, revision integer not null, key text not null, value text not null, unique (incarnation, revision, key)) strict',
    );
    this.#database.exec(
      `delete from seen where number <= (select coalesce(max(number), 0) from seen) - ${KEPT_ENTRIES}`,
    );
    this.#insert = this.#database.prepare(
      'insert or ignore into seen (at, incarnation, revision, key, value) values (?, ?, ?, ?, ?)',
    );
    this.#select = this.#database.prepare(
      'select number, at, revision, key, value from seen where number > ? and substr(key, 1, length(?)) = ? order by number limit ?',
    );
  }

  see(event: AuthorityEvent, at: number): void {
    if (event.kind === 'authority-changed') {
      for (const { key, value } of event.changes) this.#add(at, event.revision, key, value);
    } else if (event.kind === 'authority-snapshot') {
      this.#incarnation = event.incarnation;
      for (const [key, { value, revision }] of Object.entries(event.entries)) this.#add(at, revision, key, value);
    }
  }

  /** Entries with a greater number whose key begins with `prefix`, oldest first. */
  read(query: { readonly after: number; readonly limit: number; readonly prefix: string }): readonly HistoryEntry[] {
    const rows = this.#select.all(query.after, query.prefix, query.prefix, query.limit);
    return rows.map((row) => ({
      number: Number(row.number),
      at: Number(row.at),
      revision: Number(row.revision),
      key: String(row.key),
      value: JSON.parse(String(row.value)) as Json,
    }));
  }

  close(): void {
    this.#database.close();
  }

  #add(at: number, revision: number, key: string, value: Json): void {
    if (!PASSING.some((prefix) => key.startsWith(prefix)))
      this.#insert.run(at, this.#incarnation, revision, key, JSON.stringify(value));
  }
}
