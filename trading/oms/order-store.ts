import type pg from 'pg';
import { CodedError } from '../base/coded-error.ts';
import {
  acknowledgedHere,
  atPrimary,
  type DatabaseAddress,
  databaseClient,
  destroyDatabaseClient,
} from './database-client.ts';
import { type EntryBatch, foldEntries, ordersBefore, type StoredOrder } from './entry-batch.ts';
import type { JournalEntry } from './journal-entry.ts';
import * as sql from './schema.ts';
import { type RaiseOutcome, raiseWriterEpochIn, raiseWriterEpochOnly, writerName } from './writer-epoch.ts';

export type { DatabaseAddress } from './database-client.ts';
export type { RaiseOutcome } from './writer-epoch.ts';

export interface StorePosition {
  readonly epoch: number;
  readonly sequence: number;
}

interface OpenOptions {
  readonly database: DatabaseAddress;
  readonly stream: string;
  readonly epoch: number;
  readonly holder: string;
  /** At each address. */
  readonly deadlineMs: number;
}

/** A newer epoch has been raised in the database: this writer is an old one and nothing of it was committed. */
export class StaleWriterError extends Error {
  readonly epoch: number;

  constructor(epoch: number) {
    super(`stale-epoch: the database's writer epoch is ${epoch}`);
    this.name = 'StaleWriterError';
    this.epoch = epoch;
  }
}

/**
 * Orders and trades in PostgreSQL, written by one epoch. A batch is one transaction that holds the rows, the new position
 * (only if it is where this writer believes it to be) and the check of the writer epoch: applied exactly once or not at all.
 * When a call rejects, close this store. After anything but `StaleWriterError` the outcome is unknown: open another one and go on
 * from the position found there.
 */
export class OrderStore {
  readonly #client: pg.Client;
  readonly #stream: string;
  readonly #epoch: number;
  #position: StorePosition = { epoch: 0, sequence: 0 };
  #activeOrders = 0;
  #breaks = 0;
  #closed = false;

  private constructor(client: pg.Client, options: { readonly stream: string; readonly epoch: number }) {
    this.#client = client;
    this.#stream = options.stream;
    this.#epoch = options.epoch;
    client.on('error', () => this.close());
    client.on('end', () => this.close());
  }

  /** Connects to the primary, creates the schema, raises the writer epoch to `epoch` and reads the position. */
  static open(options: OpenOptions): Promise<OrderStore> {
    const isStale = (error: unknown) => error instanceof StaleWriterError;
    return atPrimary(options.database, (database) => OrderStore.#openAt({ ...options, database }), isStale);
  }

  static async #openAt(options: OpenOptions): Promise<OrderStore> {
    const client = databaseClient(writerName(writers, options.epoch), options.database, options.deadlineMs);
    const store = new OrderStore(client, options);
    try {
      await client.connect();
      await store.#requirePrimary();
      await store.#prepare(options.holder, options.deadlineMs);
      return store;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  get position(): StorePosition {
    return this.#position;
  }

  get activeOrders(): number {
    return this.#activeOrders;
  }

  /** Entries stored by this writer that did not fit the orders. */
  get breaks(): number {
    return this.#breaks;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Applies consecutive entries that begin right after the position. `mayCommit` is asked last, immediately before COMMIT is
   * sent; when it says no, nothing is applied and the result is `held`.
   */
  async apply(entries: readonly JournalEntry[], mayCommit: () => boolean): Promise<'applied' | 'held'> {
    const first = entries[0]!.seq;
    const last = entries.at(-1)!;
    const { sequence } = this.#position;
    if (first !== sequence + 1) throw new Error(`entry ${first} does not follow position ${sequence}`);
    await this.#client.query('BEGIN');
    await this.#checkEpoch();
    const moved = await this.#client.query(sql.advancePosition, [this.#stream, sequence, last.epoch, last.seq]);
    if (moved.rowCount !== 1) throw new Error(`the stored position is no longer ${sequence}`);
    const batch = foldEntries(entries, await this.#read(ordersBefore(entries)));
    await this.#write(batch);
    if (!mayCommit()) {
      await this.#client.query('ROLLBACK');
      return 'held';
    }
    await this.#commit();
    this.#position = { epoch: last.epoch, sequence: last.seq };
    this.#activeOrders += batch.activeGrowth;
    this.#breaks += batch.breaks.length;
    return 'applied';
  }

  /** The path of a batch without its effect. Returns how long it took. */
  async dryRun(): Promise<number> {
    const startedAt = performance.now();
    await this.#client.query('BEGIN');
    await this.#checkEpoch();
    await this.#client.query('ROLLBACK');
    return performance.now() - startedAt;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    destroyDatabaseClient(this.#client);
  }

  async #requirePrimary(): Promise<void> {
    const { rows } = await this.#client.query<{ readonly standby: boolean; readonly level: string }>(
      `SELECT pg_is_in_recovery() AS standby, current_setting('synchronous_commit') AS level`,
    );
    const { standby, level } = rows[0]!;
    if (standby) throw notUsable('it is a standby', 'promote the database first');
    if (level !== 'on' && level !== 'remote_apply') {
      throw notUsable(`synchronous_commit is ${level}`, 'set it to on: acknowledged rows could be lost otherwise');
    }
  }

  async #prepare(holder: string, deadlineMs: number): Promise<void> {
    await this.#client.query('BEGIN');
    // While the database stands still for want of its peer a new writer can take its place all the same. Nothing is acknowledged by
    // that: any commit of this writer that is comes later in the log, so whoever has that has the raised epoch as well.
    await this.#client.query(acknowledgedHere);
    // Two processes creating one table at the same moment: one of them would fail.
    await this.#client.query('SELECT pg_advisory_xact_lock($1)', [schemaLock]);
    for (const statement of sql.schemaStatements) await this.#client.query(statement);
    const raise = { table: sql.writerEpochTable, name: writers, epoch: this.#epoch, holder, deadlineMs };
    const epoch = await raiseWriterEpochIn(this.#client, raise);
    if (epoch > this.#epoch) throw new StaleWriterError(epoch);
    await this.#client.query(sql.createPosition, [this.#stream]);
    const position = await this.#client.query<StorePosition>(sql.readPosition, [this.#stream]);
    const active = await this.#client.query<{ readonly count: number }>(sql.countActiveOrders);
    await this.#client.query('COMMIT');
    this.#position = position.rows[0]!;
    this.#activeOrders = active.rows[0]!.count;
  }

  async #checkEpoch(): Promise<void> {
    const { rows } = await this.#client.query<{ readonly epoch: number }>(sql.lockWriterEpoch);
    const epoch = rows[0]?.epoch ?? Number.POSITIVE_INFINITY;
    if (epoch !== this.#epoch) throw new StaleWriterError(epoch);
  }

  async #read(ids: readonly string[]): Promise<ReadonlyMap<string, StoredOrder>> {
    if (ids.length === 0) return new Map();
    const { rows } = await this.#client.query<StoredOrder>({
      name: 'read-orders',
      text: sql.readOrders,
      values: [ids],
    });
    return new Map(rows.map((row) => [row.id, row]));
  }

  async #write({ orders, changes, trades, breaks }: EntryBatch): Promise<void> {
    const terms = orders.map(({ entry }) => entry);
    await this.#writeRows('insert-orders', sql.insertOrders, orders.length, () => [
      terms.map((each) => each.id),
      terms.map((each) => each.client),
      terms.map((each) => each.symbol),
      terms.map((each) => each.side),
      orders.map((each) => each.price),
      orders.map((each) => each.qty),
      orders.map((each) => each.state),
      orders.map((each) => each.filled),
      terms.map((each) => each.seq),
      terms.map((each) => each.epoch),
    ]);
    await this.#writeRows('update-orders', sql.updateOrders, changes.length, () => [
      changes.map((each) => each.id),
      changes.map((each) => each.state),
      changes.map((each) => each.filled),
      changes.map((each) => each.price),
      changes.map((each) => each.qty),
    ]);
    await this.#writeRows('insert-trades', sql.insertTrades, trades.length, () => [
      trades.map((each) => each.exec),
      trades.map((each) => each.orderId),
      trades.map((each) => each.price),
      trades.map((each) => each.qty),
      trades.map((each) => each.seq),
      trades.map((each) => each.epoch),
      trades.map((each) => each.venue ?? ''),
    ]);
    await this.#writeRows('insert-breaks', sql.insertBreaks, breaks.length, () => [
      breaks.map((each) => each.seq),
      breaks.map((each) => each.epoch),
      breaks.map((each) => each.orderId),
      breaks.map((each) => each.reason),
    ]);
  }

  async #writeRows(name: string, text: string, count: number, columns: () => unknown[]): Promise<void> {
    if (count === 0) return;
    const { rowCount } = await this.#client.query({ name, text, values: columns() });
    if (rowCount !== count)
      throw notUsable(`${name} wrote ${rowCount} rows instead of ${count}`, 'find out what else writes to it');
  }

  async #commit(): Promise<void> {
    let warned = false;
    const onNotice = (): void => {
      warned = true;
    };
    this.#client.on('notice', onNotice);
    try {
      const { command } = await this.#client.query('COMMIT');
      if (command !== 'COMMIT') throw new Error(`the transaction ended with ${command}`);
    } finally {
      this.#client.off('notice', onNotice);
    }
    if (warned) throw new Error('the commit came with a warning: the wait for the standby may have been cut short');
  }
}

/** Makes the database refuse writers of an older epoch without becoming one. */
export const raiseEpochOnly = (options: {
  readonly database: DatabaseAddress;
  readonly epoch: number;
  readonly holder: string;
  readonly deadlineMs: number;
}): Promise<RaiseOutcome> => raiseWriterEpochOnly({ table: sql.writerEpochTable, name: writers, ...options });

const writers = 'holdfast-oms';

const notUsable = (found: string, next: string): CodedError =>
  new CodedError({ code: 'HF-7204', attempted: 'write orders and trades to PostgreSQL', found, next });

/** Any number that nothing else locks. */
const schemaLock = 7_204_001;
