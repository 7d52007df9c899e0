import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { readPersisted } from './verify-sources.ts';

const rows = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `o${at}` }));

/** A database that answers in the words that are asked of it; each table has so many rows. */
class RecordedDatabase {
  readonly said: string[] = [];
  readonly answered: number[] = [];
  readonly #tables: Readonly<Record<string, readonly object[]>>;
  #left: readonly object[] = [];

  constructor(tables: Readonly<Record<string, readonly object[]>>) {
    this.#tables = tables;
  }

  readonly client = {
    query: async (text: string) => {
      this.said.push(text.trim().split(/\s+/)[0]!);
      const found = this.#answer(text);
      this.answered.push(found.length);
      return { rows: found };
    },
  } as unknown as pg.Client;

  #answer(text: string): readonly object[] {
    const fetched = /^FETCH (\d+) FROM/.exec(text)?.[1];
    if (fetched !== undefined) {
      const page = this.#left.slice(0, Number(fetched));
      this.#left = this.#left.slice(page.length);
      return page;
    }
    const table = this.#tables[/FROM public\.(\w+)/.exec(text)?.[1] ?? ''] ?? [];
    if (!text.startsWith('DECLARE')) return table;
    this.#left = table;
    return [];
  }
}

test('however much order management has, no single query is for all of it, and all of it is read at one moment', async () => {
  const orders = rows(45_000);
  const trades = rows(20_000);
  const database = new RecordedDatabase({ oms_position: [{ sequence: 90_000 }], orders, trades });
  const found = await readPersisted(database.client, { stream: 'engine', end: 90_000, catchUpMs: 0 });
  assert.deepEqual(found, { orders, trades, breaks: [], position: 90_000 });
  assert.ok(Math.max(...database.answered) <= 20_000, `${Math.max(...database.answered)} rows in one answer`);
  assert.deepEqual(
    [database.said.indexOf('BEGIN') < database.said.indexOf('DECLARE'), database.said.at(-1)],
    [true, 'COMMIT'],
  );
});
