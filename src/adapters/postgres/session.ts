import pg from 'pg';
import type { Deadline } from '../process/deadline.ts';

export interface SessionAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** `physical`: the replication protocol instead of SQL. */
  readonly database: string | { readonly replication: 'physical' };
  readonly applicationName: string;
}

/** The parts of pg's wire connection that its types do not show. */
export interface WireConnection {
  readonly stream: { destroy(): void; pause(): void; resume(): void };
  query(text: string): void;
  on(event: 'parameterStatus', listener: (message: { parameterName: string; parameterValue: string }) => void): void;
}

export type Row = Readonly<Record<string, string | null>>;

/**
 * One connection to a server. Every query has a deadline; when it passes, the connection is cut, since an answer to a
 * question that was given up would be taken for the next one's. All values come back as text.
 */
export class Session {
  readonly client: pg.Client;
  #open = true;
  /** Values that the server reported at connection, e.g. `in_hot_standby`. */
  readonly parameters = new Map<string, string>();

  private constructor(client: pg.Client) {
    this.client = client;
    client.on('error', () => this.cut());
    client.on('end', () => {
      this.#open = false;
    });
    wire(client).on('parameterStatus', (message) => this.parameters.set(message.parameterName, message.parameterValue));
  }

  /** Rejects with `DeadlineExceeded` or with the server's error (its SQLSTATE in `code`). */
  static async connect(address: SessionAddress, deadline: Deadline): Promise<Session> {
    const client = new pg.Client({
      host: address.host,
      port: address.port,
      user: address.user,
      password: address.password,
      database: typeof address.database === 'string' ? address.database : 'replication',
      application_name: address.applicationName,
      keepAlive: true,
      types: { getTypeParser: () => (value: string) => value },
      ...(typeof address.database === 'string' ? {} : { replication: 'true' }),
    } as pg.ClientConfig);
    const session = new Session(client);
    try {
      await deadline.race(`connecting to ${address.host}:${address.port}`, client.connect());
      return session;
    } catch (error) {
      session.cut();
      throw error;
    }
  }

  get open(): boolean {
    return this.#open;
  }

  /** Runs one statement and returns its rows. */
  async query(text: string, deadline: Deadline): Promise<readonly Row[]> {
    try {
      const result = await deadline.race(`waiting for "${text.slice(0, 40)}"`, this.client.query(text));
      return result.rows as Row[];
    } catch (error) {
      if (sqlState(error) === null) this.cut();
      throw error;
    }
  }

  /** As {@link query}, for a statement that is asked again and again: the server parses and plans it once. */
  async repeated(name: string, text: string, deadline: Deadline): Promise<readonly Row[]> {
    try {
      const result = await deadline.race(`waiting for "${name}"`, this.client.query({ name, text }));
      return result.rows as Row[];
    } catch (error) {
      if (sqlState(error) === null) this.cut();
      throw error;
    }
  }

  /** Ends it at once, without waiting for a server that may be frozen. */
  cut(): void {
    this.#open = false;
    wire(this.client).stream.destroy();
  }
}

export const wire = (client: pg.Client): WireConnection =>
  (client as unknown as { connection: WireConnection }).connection;

/** The five-character code when the server itself said no; null when it did not answer. */
export function sqlState(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && code !== 'EPIPE' ? code : null;
}
