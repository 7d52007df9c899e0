import pg from 'pg';
import { monoMs } from './clock.ts';
import type { FrontConfig } from './config.ts';
import type { CanaryRow } from './ledger-record.ts';

export type CommitOutcome =
  | { readonly kind: 'acked' }
  /** The server said that nothing was committed. */
  | { readonly kind: 'failed'; readonly code: string }
  /** It may have been committed, and may or may not be where it should be. */
  | { readonly kind: 'unknown'; readonly reason: string };

export type LaneState =
  | { readonly kind: 'ready'; readonly weakened: string | null }
  | { readonly kind: 'refused'; readonly reason: string };

/** One connection to PostgreSQL through a front, with at most one statement in flight. */
export class DatabaseLane {
  readonly site: string;
  readonly startedAt = monoMs();
  readonly #client: pg.Client;
  readonly #pooled: boolean;
  readonly #onClosed: (lane: DatabaseLane) => void;
  #warned = false;
  #closed = false;
  busySince: number | null = null;

  constructor(options: {
    readonly front: FrontConfig;
    readonly connectDeadlineMs: number;
    readonly statementDeadlineMs: number;
    readonly onClosed: (lane: DatabaseLane) => void;
  }) {
    this.site = options.front.site;
    this.#onClosed = options.onClosed;
    const { pooled, ...address } = options.front.database;
    this.#pooled = pooled === true;
    this.#client = new pg.Client({
      ...address,
      application_name: 'holdfast-load',
      connectionTimeoutMillis: options.connectDeadlineMs,
      query_timeout: options.statementDeadlineMs,
      keepAlive: true,
    });
    this.#client.on('error', () => this.close());
    this.#client.on('end', () => this.close());
    this.#client.on('notice', (notice) => {
      if (notice.severity === 'WARNING') this.#warned = true;
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Connects, makes sure that this is a primary and that the table is there, and reads how durable its commits are. Anything
   * below `on` is named in `weakened`.
   */
  async open(): Promise<LaneState> {
    try {
      await this.#client.connect();
      const { rows } = await this.#client.query<{
        readonly standby: boolean;
        readonly level: string;
        readonly exists: boolean;
      }>(
        `SELECT pg_is_in_recovery() AS standby, current_setting('synchronous_commit') AS level,
                to_regclass('public.canary') IS NOT NULL AS exists`,
      );
      const found = rows[0]!;
      if (found.standby) return this.#refuse('a standby answered');
      if (!found.exists) await this.#createTable();
      return { kind: 'ready', weakened: strongLevels.has(found.level) ? null : `synchronous_commit = ${found.level}` };
    } catch (error) {
      return this.#refuse(error instanceof Error ? error.message : String(error));
    }
  }

  /** Never rejects. */
  async commit(row: CanaryRow): Promise<CommitOutcome> {
    this.busySince = monoMs();
    this.#warned = false;
    try {
      await this.#client.query({
        ...(this.#pooled ? {} : { name: 'canary' }),
        text: 'INSERT INTO public.canary (id, client, payload, previous_digest) VALUES ($1, $2, $3, $4)',
        values: [row.id, row.client, row.payload, row.previous],
      });
    } catch (error) {
      return this.#failed(error);
    } finally {
      this.busySince = null;
    }
    if (!this.#warned) return { kind: 'acked' };
    return { kind: 'unknown', reason: 'committed with a warning: the wait for the standby may have been cut short' };
  }

  /** Which of these rows are there; null when it could not be found out. */
  async present(ids: readonly string[]): Promise<ReadonlySet<string> | null> {
    this.busySince = monoMs();
    try {
      const { rows } = await this.#client.query<{ readonly id: string }>(
        'SELECT id FROM public.canary WHERE id = ANY($1)',
        [ids],
      );
      return new Set(rows.map((row) => row.id));
    } catch {
      this.close();
      return null;
    } finally {
      this.busySince = null;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // `end` alone waits for a goodbye that a silent server never says.
    this.#client.end().catch(() => {});
    socketOf(this.#client)?.destroy();
    this.#onClosed(this);
  }

  async #createTable(): Promise<void> {
    try {
      await this.#client.query(canaryTable);
    } catch (error) {
      if (!createdMeanwhile.has(codeOf(error))) throw error;
    }
  }

  #refuse(reason: string): LaneState {
    this.close();
    return { kind: 'refused', reason };
  }

  #failed(error: unknown): CommitOutcome {
    const code = codeOf(error);
    const definite = error instanceof pg.DatabaseError && error.severity === 'ERROR';
    if (!definite || code === 'ETIMEDOUT') this.close();
    return definite
      ? { kind: 'failed', code }
      : { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
  }
}

export const canaryTable = `CREATE TABLE IF NOT EXISTS public.canary (
  id text PRIMARY KEY, client text NOT NULL, payload text NOT NULL, previous_digest text NOT NULL)`;

const strongLevels: ReadonlySet<string> = new Set(['on', 'remote_apply']);

/** Two connections created the table at the same moment. */
const createdMeanwhile: ReadonlySet<string> = new Set(['42P07', '23505']);

const codeOf = (error: unknown): string => {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown';
};

/** pg exposes no way to cut a connection at once; its stream is public in practice and typed nowhere. */
const socketOf = (client: pg.Client): { destroy(): void } | null => {
  const connection = (client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } })
    .connection;
  return connection?.stream ?? null;
};
