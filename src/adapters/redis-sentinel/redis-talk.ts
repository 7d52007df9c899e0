import type { Socket } from 'node:net';
import { hostMonoMs } from '../process/host-clock.ts';
import { type Dial, type DialAddress, tcpDial } from '../system/dial.ts';
import { encodeCommand, RespError, RespReader, type RespValue } from './resp.ts';

export type RedisAnswer =
  /** One for each command, in their order. */
  | { readonly kind: 'ok'; readonly replies: readonly RespValue[] }
  /** It did not let us in; nothing was carried out. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Any number of the commands may have been carried out, or still will be. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface RedisTalkOptions {
  readonly deadlineMs: number;
  /** Nothing is said before it is settled; the server has let us in by then. */
  readonly sayAfter?: Promise<void>;
}

/** Commands for one server, over a connection of their own. Ends by the deadline, also when the server is frozen. */
export type RedisTalk = (commands: readonly (readonly string[])[], options: RedisTalkOptions) => Promise<RedisAnswer>;

export interface RedisLogin {
  readonly address: DialAddress;
  /** Null: the server's password without a name, as Sentinel has it. */
  readonly user: string | null;
  readonly password: string;
}

/** Logs in first and says nothing else before it is let in: another user may be there for whoever has not. */
export const redisTalk =
  ({ address, user, password }: RedisLogin, dial: Dial = tcpDial): RedisTalk =>
  async (commands, { deadlineMs, sayAfter }) => {
    const until = hostMonoMs() + deadlineMs;
    if (deadlineMs <= 0) return { kind: 'unknown', reason: 'there was no time left to ask' };
    let socket: Socket;
    try {
      socket = await dial(address, { deadlineMs });
    } catch (error) {
      return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
    }
    const login = ['AUTH', ...(user === null ? [] : [user]), password];
    const leftMs = until - hostMonoMs();
    return converse(socket, { login, commands, deadlineMs: leftMs, ...(sayAfter === undefined ? {} : { sayAfter }) });
  };

function converse(
  socket: Socket,
  say: RedisTalkOptions & {
    readonly login: readonly string[];
    readonly commands: readonly (readonly string[])[];
  },
): Promise<RedisAnswer> {
  const { promise, resolve } = Promise.withResolvers<RedisAnswer>();
  const reader = new RespReader();
  const replies: RespValue[] = [];
  let welcomed = false;
  const finish = (answer: RedisAnswer) => {
    clearTimeout(timer);
    socket.destroy();
    resolve(answer);
  };
  const unknown = (reason: string) => finish({ kind: 'unknown', reason });
  const timer = setTimeout(
    () => unknown(`no answer within ${Math.ceil(say.deadlineMs)} ms`),
    Math.max(0, say.deadlineMs),
  );
  const sayAll = () => {
    if (!socket.destroyed) socket.write(Buffer.concat(say.commands.map(encodeCommand)));
  };
  const take = (value: RespValue) => {
    if (welcomed) {
      replies.push(value);
      return;
    }
    welcomed = true;
    if (value instanceof RespError) finish({ kind: 'refused', reason: value.message });
    else if (say.sayAfter === undefined) sayAll();
    else void say.sayAfter.then(sayAll);
  };
  socket.on('data', (bytes) => {
    try {
      for (const value of reader.push(bytes)) take(value);
    } catch (error) {
      unknown(error instanceof Error ? error.message : String(error));
    }
    if (welcomed && replies.length >= say.commands.length) finish({ kind: 'ok', replies });
  });
  socket.on('error', (error) => unknown(error.message));
  socket.on('close', () => unknown('the connection was closed'));
  socket.write(encodeCommand(say.login));
  return promise;
}
