import { get } from 'node:http';
import { Client } from 'pg';
import { encodeCommand, RespError, RespReader, type RespValue } from '../../src/adapters/redis-sentinel/resp.ts';
import { type JsonRecord, parseRecord } from '../../trading/base/json-record.ts';
import { LineReader } from '../../trading/base/line-reader.ts';
import { Conversation } from './conversation.ts';

/** Where a client may find a writer. */
export interface Place {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Patroni's REST API beside it; without it a database is asked itself whether it is a standby. */
  readonly restPort?: number;
}

/** What a client writes to. */
export type Service =
  | { readonly kind: 'postgres'; readonly user: string; readonly password: string }
  /** The last of the users that is let in writes: those of later epochs come later. */
  | { readonly kind: 'redis'; readonly users: readonly string[]; readonly password: string; readonly key: string }
  | { readonly kind: 'orders'; readonly client: string; readonly symbol: string };

/** A connection to somebody who says that writers are welcome. */
export interface Session {
  /** True when the write is said to be done; false when it was refused, failed or was not answered in time. */
  readonly write: (id: number) => Promise<boolean>;
  readonly close: () => void;
}

const lookWithinMs = 400;
const writeWithinMs = 1_000;

/** Asks a place as a proxy would, and connects where it is the one; null where it is not, or did not say so in time. */
export function sessionAt(service: Service, place: Place): Promise<Session | null> {
  switch (service.kind) {
    case 'postgres':
      return postgresSession(service, place);
    case 'redis':
      return redisSession(service, place);
    case 'orders':
      return orderSession(service, place);
  }
}

/** Orders go by the names that the ledgers of an exchange know them by. */
export const orderName = ({ client }: { readonly client: string }, id: number): string => `${client}-${id}`;

async function postgresSession(
  { user, password }: Extract<Service, { kind: 'postgres' }>,
  { host, port, restPort }: Place,
): Promise<Session | null> {
  if (restPort !== undefined && !(await isPrimary(host, restPort))) return null;
  const client = new Client({
    ...{ host, port, user, password, database: 'postgres' },
    connectionTimeoutMillis: lookWithinMs,
    query_timeout: writeWithinMs,
  });
  client.on('error', () => {});
  const close = () => void client.end().catch(() => {});
  try {
    await client.connect();
    if (restPort === undefined && !(await takesWrites(client))) throw new Error('it is a standby');
  } catch {
    close();
    return null;
  }
  const write = async (id: number) => {
    try {
      await client.query('insert into ledger (id) values ($1)', [id]);
      return true;
    } catch {
      return false;
    }
  };
  return { write, close };
}

async function takesWrites(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ readonly standby: boolean }>('select pg_is_in_recovery() as standby');
  return rows[0]?.standby === false;
}

function isPrimary(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const asked = get({ host, port, path: '/primary', agent: false }, (answer) => {
    answer.resume();
    resolve(answer.statusCode === 200);
  });
  const timer = setTimeout(() => asked.destroy(), lookWithinMs);
  asked.on('error', () => resolve(false));
  asked.on('close', () => {
    clearTimeout(timer);
    resolve(false);
  });
  return promise;
}

async function redisSession(
  { users, password, key }: Extract<Service, { kind: 'redis' }>,
  place: Place,
): Promise<Session | null> {
  const reader = new RespReader();
  const talk = new Conversation<RespValue>(place, (bytes) => reader.push(bytes));
  const ask = (command: readonly string[], withinMs: number) => talk.ask(encodeCommand(command), withinMs, () => true);
  const logins = await Promise.all(users.map((user) => ask(['AUTH', user, password], lookWithinMs)));
  const role = logins.includes('OK') ? await ask(['ROLE'], lookWithinMs) : undefined;
  // Who may not ask for the role is a user that only a writer's server has.
  if (role instanceof RespError || (Array.isArray(role) && role[0] === 'master')) {
    const write = async (id: number) => (await ask(['SADD', key, String(id)], writeWithinMs)) === 1;
    return { write, close: () => talk.close() };
  }
  talk.close();
  return null;
}

async function orderSession(service: Extract<Service, { kind: 'orders' }>, place: Place): Promise<Session | null> {
  const messages: JsonRecord[] = [];
  const lines = new LineReader({
    maxLineLength: 1 << 20,
    onLine: (line) => void messages.push(...[parseRecord(line)].filter((each) => each !== null)),
    onOverflow: () => talk.close(),
  });
  const talk = new Conversation<JsonRecord>(place, (bytes) => {
    lines.push(bytes.toString('latin1'));
    return messages.splice(0);
  });
  const ask = (message: object, withinMs: number, fits: (answer: JsonRecord) => boolean) =>
    talk.ask(`${JSON.stringify(message)}\n`, withinMs, fits);
  const logon = await ask({ t: 'logon', client: service.client }, lookWithinMs, ({ t }) => t === 'logon-ok');
  if (logon === undefined) {
    talk.close();
    return null;
  }
  const write = async (id: number) => {
    const name = orderName(service, id);
    const order = { t: 'new', id: name, symbol: service.symbol, side: 'B', price: 1, qty: 1 };
    const answer = await ask(order, writeWithinMs, (each) => each['id'] === name);
    return answer?.['t'] === 'ack';
  };
  return { write, close: () => talk.close() };
}
