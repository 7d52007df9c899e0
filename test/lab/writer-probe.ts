import pg from 'pg';
import type { InstanceId } from '../../src/core/base/ids.ts';
import { servingInstance } from './drawn-faults.ts';
import type { LabUnderTest } from './lab-under-test.ts';
import { databaseAddress } from './sabotage.ts';
import { turnsOf } from './writer-turns.ts';

/** An insert that a server acknowledged. Times are this process's monotonic milliseconds. */
export interface Acknowledged {
  readonly instance: InstanceId;
  readonly number: number;
  readonly sentAt: number;
  readonly ackedAt: number;
}

/** How it logs in at a server, past every front; asked before each connection. Rejects where nobody can be reached. */
export type LoginAt = (instance: InstanceId) => Promise<pg.ClientConfig>;

const EVERY_MS = 40;
const STATEMENT_MS = 1500;

/**
 * A stubborn client that ignores fronts: it writes to every database server at its own address for as long as it is open, and
 * keeps what was acknowledged. Two servers that acknowledge in turn are two writers, whatever anybody else says.
 */
export class WriterProbe {
  readonly #loginAt: LoginAt;
  readonly #acknowledged: Acknowledged[] = [];
  readonly #loops: readonly Promise<void>[];
  #number = 0;
  #open = true;

  private constructor(instances: readonly InstanceId[], loginAt: LoginAt) {
    this.#loginAt = loginAt;
    this.#loops = instances.map((instance) => this.#write(instance));
  }

  /** Of the servers of a settled lab that could ever be primary. */
  static async open(
    lab: LabUnderTest,
    loginAt: LoginAt = (instance) => Promise.resolve(databaseAddress(lab.platform, instance)),
  ): Promise<WriterProbe> {
    const { record } = await lab.settled();
    const primary = servingInstance({ topology: lab.topology, record: record! }, lab.database);
    const client = new pg.Client(await loginAt(primary.id));
    client.on('error', () => {});
    await client.connect();
    try {
      await client.query(
        'CREATE TABLE IF NOT EXISTS public.writer_probe (instance text, number bigint, PRIMARY KEY (instance, number))',
      );
    } finally {
      await client.end();
    }
    const eligible = lab.database.instances.filter((each) => each.eligible).map(({ id }) => id);
    return new WriterProbe(eligible, loginAt);
  }

  get acknowledged(): readonly Acknowledged[] {
    return this.#acknowledged;
  }

  /** Every server that acknowledged since a moment, in turn: `[a, b]` is a take-over, `[a, b, a]` is two writers. */
  tenures(since: number): readonly InstanceId[] {
    const acknowledged = this.#acknowledged
      .filter(({ sentAt }) => sentAt >= since)
      .toSorted((left, right) => left.ackedAt - right.ackedAt);
    return turnsOf(acknowledged.map(({ instance }) => instance));
  }

  /** What was acknowledged and is not in the server that is primary now. */
  async lostAt(primary: InstanceId): Promise<readonly Acknowledged[]> {
    const expected = [...this.#acknowledged];
    const client = new pg.Client(await this.#loginAt(primary));
    client.on('error', () => {});
    await client.connect();
    try {
      const { rows } = await client.query<{ readonly row: string }>(
        `SELECT instance || '/' || number AS row FROM public.writer_probe`,
      );
      const there = new Set(rows.map(({ row }) => row));
      return expected.filter(({ instance, number }) => !there.has(`${instance}/${number}`));
    } finally {
      await client.end();
    }
  }

  async close(): Promise<void> {
    this.#open = false;
    await Promise.all(this.#loops);
  }

  async #write(instance: InstanceId): Promise<void> {
    while (this.#open) {
      const login = await this.#loginAt(instance).catch(() => null);
      if (login === null) {
        await pause();
        continue;
      }
      const client = new pg.Client({ ...login, connectionTimeoutMillis: STATEMENT_MS, query_timeout: STATEMENT_MS });
      client.on('error', () => {});
      try {
        await client.connect();
        while (this.#open) {
          await this.#insert(client, instance);
          await pause();
        }
      } catch {
        await pause();
      } finally {
        void client.end().catch(() => {});
        // A frozen server never says goodbye.
        (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream?.destroy();
      }
    }
  }

  async #insert(client: pg.Client, instance: InstanceId): Promise<void> {
    this.#number += 1;
    const number = this.#number;
    const sentAt = performance.now();
    try {
      await client.query('INSERT INTO public.writer_probe VALUES ($1, $2)', [instance, number]);
      this.#acknowledged.push({ instance, number, sentAt, ackedAt: performance.now() });
    } catch (error) {
      // A standby says so at once and stays connected; everything else ends the connection.
      if ((error as { readonly code?: string }).code !== '25006') throw error;
    }
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, EVERY_MS));
