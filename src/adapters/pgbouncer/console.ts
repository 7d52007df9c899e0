import type { Socket } from 'node:net';
import pg from 'pg';
import { hostMonoMs } from '../process/host-clock.ts';
import { type Dial, type DialAddress, tcpDial } from '../system/dial.ts';

/** Every value as pgBouncer writes it. */
export type ConsoleRow = Readonly<Record<string, string | null>>;

/** A timed-out command is unknown: the pooler may still carry it out. */
export type ConsoleAnswer =
  /** The rows of each command, in their order. */
  | { readonly kind: 'ok'; readonly results: readonly (readonly ConsoleRow[])[] }
  /** Of the first command that was; those after it were not said. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Commands for one pooler, over a connection of their own. Ends by the deadline, also when the pooler is frozen. */
export type PoolerConsole = (
  commands: readonly string[],
  options: { readonly deadlineMs: number },
) => Promise<ConsoleAnswer>;

export interface ConsoleLogin {
  readonly address: DialAddress;
  /** Of `admin_users`. */
  readonly user: string;
  readonly password: string;
}

export const poolerConsole =
  ({ address, user, password }: ConsoleLogin, dial: Dial = tcpDial): PoolerConsole =>
  async (commands, { deadlineMs }) => {
    const until = hostMonoMs() + deadlineMs;
    if (deadlineMs <= 0) return { kind: 'unknown', reason: 'there was no time left to ask' };
    let socket: Socket;
    try {
      socket = await dial(address, { deadlineMs });
    } catch (error) {
      return { kind: 'unknown', reason: messageOf(error) };
    }
    const client = new pg.Client({
      user,
      password,
      database: 'pgbouncer',
      stream: () => alreadyOpen(socket),
      types: { getTypeParser: () => (value: string) => value },
    } as pg.ClientConfig);
    client.on('error', () => {});
    const asked = async (): Promise<ConsoleAnswer> => {
      await client.connect();
      const results: (readonly ConsoleRow[])[] = [];
      for (const command of commands) results.push((await client.query(command)).rows as ConsoleRow[]);
      return { kind: 'ok', results };
    };
    const { promise: late, resolve } = Promise.withResolvers<ConsoleAnswer>();
    const reason = `no answer within ${Math.ceil(deadlineMs)} ms`;
    const timer = setTimeout(() => resolve({ kind: 'unknown', reason }), Math.max(0, until - hostMonoMs()));
    try {
      return await Promise.race([asked().catch(refusalOf), late]);
    } finally {
      clearTimeout(timer);
      socket.destroy();
    }
  };

/** As the stream of a pg client, which opens its stream itself; this one is open. */
export function alreadyOpen(socket: Socket): Socket {
  socket.connect = () => {
    queueMicrotask(() => socket.emit('connect'));
    return socket;
  };
  return socket;
}

/** What the pooler said is a refusal; what happened to the connection says nothing of the command. */
const refusalOf = (error: unknown): ConsoleAnswer =>
  error instanceof pg.DatabaseError
    ? { kind: 'refused', reason: error.message }
    : { kind: 'unknown', reason: messageOf(error) };

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
