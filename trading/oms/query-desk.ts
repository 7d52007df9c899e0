import type pg from 'pg';
import type { OrderQuery } from './order-query.ts';
import type { DatabaseAddress, StorePosition } from './order-store.ts';
import { openReadConnection } from './read-connection.ts';

export interface QueryPage {
  readonly rows: readonly { readonly seq: number }[];
  /** There are more: go on after the last `seq`. */
  readonly more: boolean;
  /** How far the database had come at the moment that these rows are of. */
  readonly asOf: StorePosition;
}

export type QueryOutcome =
  | { readonly kind: 'page'; readonly page: QueryPage }
  | { readonly kind: 'busy' }
  | { readonly kind: 'unavailable'; readonly reason: string };

/**
 * Asks the database, one question at a time on one connection of its own that cannot write; it is opened when the first comes and let go
 * after a while without any. Questions beyond a number that wait are answered `busy`.
 */
export class QueryDesk {
  readonly #options: { readonly database: DatabaseAddress; readonly stream: string; readonly deadlineMs: number };
  #client: Promise<pg.Client> | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | null = null;

  constructor(options: { readonly database: DatabaseAddress; readonly stream: string; readonly deadlineMs: number }) {
    this.#options = options;
  }

  ask(query: OrderQuery): Promise<QueryOutcome> {
    if (this.#waiting >= mostWaiting) return Promise.resolve({ kind: 'busy' });
    this.#waiting += 1;
    const answer = this.#turn.then(() => this.#answer(query));
    this.#turn = answer.finally(() => {
      this.#waiting -= 1;
    });
    return answer;
  }

  close(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    const client = this.#client;
    this.#client = null;
    client?.then((open) => open.end()).catch(() => {});
  }

  async #answer(query: OrderQuery): Promise<QueryOutcome> {
    try {
      this.#client ??= openReadConnection(this.#options);
      const page = await this.#read(await this.#client, query);
      this.#letGoLater();
      return { kind: 'page', page };
    } catch (error) {
      this.close();
      return { kind: 'unavailable', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async #read(client: pg.Client, { text, values, limit }: OrderQuery): Promise<QueryPage> {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const position = await client.query<StorePosition>(
      'SELECT epoch::float8 AS epoch, sequence::float8 AS sequence FROM public.oms_position WHERE stream = $1',
      [this.#options.stream],
    );
    const { rows } = await client.query<{ readonly seq: number }>(text, [...values]);
    await client.query('COMMIT');
    const asOf = position.rows[0] ?? { epoch: 0, sequence: 0 };
    return { rows: rows.slice(0, limit), more: rows.length > limit, asOf };
  }

  #letGoLater(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.close(), idleMs);
    this.#idle.unref();
  }
}

const mostWaiting = 64;
const idleMs = 30_000;
