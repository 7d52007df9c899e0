import type pg from 'pg';
import { asRecord } from '../base/json-record.ts';
import {
  acknowledgedHere,
  type DatabaseAddress,
  databaseClient,
  destroyDatabaseClient,
} from '../oms/database-client.ts';
import { StaleWriterError } from '../oms/order-store.ts';
import { raiseWriterEpochIn, writerName } from '../oms/writer-epoch.ts';
import type { KeptImage } from './exposure-image.ts';
import { parseRuleChange, type Rule, RuleBook } from './limits.ts';
import * as sql from './schema.ts';

/** Who changes a rule, and why; kept with the change. */
export interface Author {
  readonly by: string;
  readonly reason: string;
}

/** What order management has stored, summed: the positions after the entry `sequence`. */
export interface StoredPositions {
  readonly sequence: number;
  readonly lots: readonly { readonly client: string; readonly symbol: string; readonly lots: number }[];
}

export interface RuleVersion {
  readonly epoch: number;
  readonly sequence: number;
}

/**
 * Limits and kill switches in PostgreSQL, written by one epoch. A change is one transaction of the rule, its entry in the history
 * and the check of the writer epoch. When a call rejects with anything but `StaleWriterError` its outcome is unknown: close this
 * store, open another one and look at the rules found there.
 */
export class LimitStore {
  readonly #client: pg.Client;
  readonly #epoch: number;
  #version: RuleVersion = { epoch: 0, sequence: 0 };
  #closed = false;
  rules = new RuleBook();

  private constructor(client: pg.Client, epoch: number) {
    this.#client = client;
    this.#epoch = epoch;
    client.on('error', () => this.close());
    client.on('end', () => this.close());
  }

  /** Connects, creates the schema, raises the writer epoch and reads the rules; `initial` where there never were any. */
  static async open(options: {
    readonly database: DatabaseAddress;
    readonly epoch: number;
    readonly holder: string;
    readonly deadlineMs: number;
    readonly initial: readonly Rule[];
    readonly mayCommit: () => boolean;
  }): Promise<LimitStore> {
    const client = databaseClient(writerName(sql.writerName, options.epoch), options.database, options.deadlineMs);
    const store = new LimitStore(client, options.epoch);
    try {
      await client.connect();
      await store.#prepare(options.holder, options.deadlineMs);
      if (store.#version.sequence === 0)
        for (const rule of options.initial)
          await store.put(
            rule,
            { by: options.holder, reason: 'first limits, from the configuration' },
            options.mayCommit,
          );
      return store;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** Of the last change. */
  get version(): RuleVersion {
    return this.#version;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** `mayCommit` is asked last, immediately before COMMIT is sent; when it says no, nothing is changed and the result is `held`. */
  async put(rule: Rule, { by, reason }: Author, mayCommit: () => boolean): Promise<'stored' | 'held'> {
    const version = this.#version.sequence + 1;
    const limits = JSON.stringify(rule.limits);
    await this.#client.query('BEGIN');
    await this.#checkEpoch();
    const change = [version, this.#epoch, by, reason, rule.scope, rule.name, rule.killed, limits];
    await this.#client.query(sql.insertChange, change);
    await this.#client.query(sql.putRule, [rule.scope, rule.name, rule.killed, limits, version]);
    if (!mayCommit()) {
      await this.#client.query('ROLLBACK');
      return 'held';
    }
    const { command } = await this.#client.query('COMMIT');
    if (command !== 'COMMIT') throw new Error(`the transaction ended with ${command}`);
    this.rules.put(rule);
    this.#version = { epoch: this.#epoch, sequence: version };
    return 'stored';
  }

  /** Reads the rules again, under this epoch; `rules` and `version` are what the database has when this resolves. */
  async reread(): Promise<void> {
    await this.#client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await this.#checkEpoch();
    await this.#readRules();
    await this.#client.query('COMMIT');
  }

  /** What order management's trades amount to; null where it has never written. */
  async storedPositions(stream: string): Promise<StoredPositions | null> {
    const there = await this.#client.query<{ readonly there: boolean }>(sql.tradesThere);
    if (there.rows[0]?.there !== true) return null;
    await this.#client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const position = await this.#client.query<{ readonly sequence: number }>(sql.readStoredPosition, [stream]);
    const sums = await this.#client.query<StoredPositions['lots'][number]>(sql.sumTrades);
    await this.#client.query('COMMIT');
    const sequence = position.rows[0]?.sequence;
    return sequence === undefined ? null : { sequence, lots: sums.rows };
  }

  /** The exposures kept last, of whichever epoch; null where there are none. */
  async keptExposures(stream: string): Promise<KeptImage | null> {
    const { rows } = await this.#client.query<KeptImage>(sql.readExposures, [stream]);
    return rows[0] ?? null;
  }

  /**
   * Keeps exposures in place of older ones. `early`: order management has not stored all that is in them, so that nobody could compare
   * their positions with it. `mayCommit` as for a change.
   */
  async keepExposures(
    stream: string,
    { through, epoch, text, sha256 }: KeptImage,
    mayCommit: () => boolean,
  ): Promise<'stored' | 'early' | 'held'> {
    const there = await this.#client.query<{ readonly there: boolean }>(sql.tradesThere);
    if (there.rows[0]?.there !== true) return 'early';
    await this.#client.query('BEGIN');
    await this.#checkEpoch();
    const values = [stream, through, epoch, text, sha256, this.#epoch];
    const { rowCount } = await this.#client.query(sql.putExposures, values);
    if (rowCount !== 1 || !mayCommit()) {
      await this.#client.query('ROLLBACK');
      return rowCount === 1 ? 'held' : 'early';
    }
    const { command } = await this.#client.query('COMMIT');
    if (command !== 'COMMIT') throw new Error(`the transaction ended with ${command}`);
    return 'stored';
  }

  /** The path of a change without its effect. Returns how long it took. */
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

  async #prepare(holder: string, deadlineMs: number): Promise<void> {
    const standby = await this.#client.query<{ readonly standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
    if (standby.rows[0]?.standby !== false) throw new Error('the database is a standby; promote it first');
    await this.#client.query('BEGIN');
    // A new writer takes its place also while the database stands still for want of its peer; nothing is acknowledged by that.
    await this.#client.query(acknowledgedHere);
    await this.#client.query('SELECT pg_advisory_xact_lock($1)', [schemaLock]);
    for (const statement of sql.schemaStatements) await this.#client.query(statement);
    const raise = { table: sql.writerEpochTable, name: sql.writerName, epoch: this.#epoch, holder, deadlineMs };
    const epoch = await raiseWriterEpochIn(this.#client, raise);
    if (epoch > this.#epoch) throw new StaleWriterError(epoch);
    await this.#readRules();
    await this.#client.query('COMMIT');
  }

  async #readRules(): Promise<void> {
    const found = await this.#client.query<{ readonly version: number; readonly epoch: number }>(sql.readVersion);
    const rules = await this.#client.query<Readonly<Record<string, unknown>>>(sql.readRules);
    this.rules = RuleBook.of(rules.rows.map(ruleOf));
    this.#version = { epoch: found.rows[0]!.epoch, sequence: found.rows[0]!.version };
  }

  async #checkEpoch(): Promise<void> {
    const { rows } = await this.#client.query<{ readonly epoch: number }>(sql.lockWriterEpoch);
    const epoch = rows[0]?.epoch ?? Number.POSITIVE_INFINITY;
    if (epoch !== this.#epoch) throw new StaleWriterError(epoch);
  }
}

/** A rule that cannot be read is not left out: without it more would be allowed than was decided. */
const ruleOf = (row: Readonly<Record<string, unknown>>): Rule => {
  const change = parseRuleChange(asRecord(row) ?? {});
  if (typeof change === 'string' || change.killed === undefined || change.limits === undefined)
    throw new Error(
      `the stored rule ${JSON.stringify(row)} cannot be used: ${typeof change === 'string' ? change : 'a field is missing'}`,
    );
  return { scope: change.scope, name: change.name, killed: change.killed, limits: change.limits };
};

/** Any number that nothing else locks. */
const schemaLock = 7_204_002;
