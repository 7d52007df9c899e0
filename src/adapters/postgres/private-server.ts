import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Deadline } from '../process/deadline.ts';
import { writeDurably } from '../system/durable-file.ts';
import { CLOSED_SETTING } from './acknowledgement-names.ts';
import { identifier, readPassword } from './cluster.ts';
import type { DriverContext } from './driver-context.ts';
import { type Lsn, parseLsn } from './lsn.ts';
import { PostgresProblem } from './postgres-problem.ts';
import { Session } from './session.ts';

/** A number in the name of a socket; nothing listens on a port. */
const SOCKET_NUMBER = 5432;
const STOP_WITHIN_MS = 5_000;
const NOT_YET = new Set(['57P03', 'ECONNREFUSED', 'ENOENT', 'ECONNRESET']);

/** Databases of a server that is started for one reader. */
export interface PrivateServer {
  readonly connect: (database: string) => Promise<Session>;
}

/**
 * Starts a data directory for reading, and kills the server again before this resolves. It is a standby that has no upstream and stays on
 * its timeline, so it writes nothing of anybody's; it listens on no address, only on a socket inside its own directory (0700), where one
 * role is let in; and it would wait for `holdfast-closed` with every commit. Nobody can take it for a writer.
 * `through`: what it must have replayed before anybody reads. @throws PostgresProblem `did-not-start` (HF-6122), `not-dead`
 */
export async function withPrivateServer<Value>(
  context: DriverContext,
  options: { readonly timeline: number; readonly through: Lsn },
  deadline: Deadline,
  work: (server: PrivateServer) => Promise<Value>,
): Promise<Value> {
  const { config, server } = context;
  const { superuser } = config.roles;
  const access = join(config.stateDir, 'tail-access.conf');
  writeDurably(access, `local all ${identifier(superuser.user)} scram-sha-256\n`);
  const sessions: Session[] = [];
  const connect = async (database: string) => {
    const session = await Session.connect(
      {
        // The directory of the process is the data directory, and this way to it is short enough for the path of a socket.
        host: `/proc/${server.process?.name.pid ?? 0}/cwd`,
        port: SOCKET_NUMBER,
        user: superuser.user,
        password: readPassword(superuser),
        database,
        applicationName: 'holdfast-tail',
      },
      deadline,
    );
    sessions.push(session);
    return session;
  };
  try {
    await server.startClosed({
      listen: { host: '', port: SOCKET_NUMBER },
      upstream: null,
      synchronousNames: CLOSED_SETTING,
      acceptWrites: false,
      clusterName: config.instance,
      memory: config.memory,
      extra: {
        ...config.extraSettings,
        listen_addresses: '',
        unix_socket_directories: '.',
        unix_socket_permissions: '0700',
        hba_file: access,
        restore_command: '',
        recovery_target_timeline: String(options.timeline),
      },
    });
    await deadline.until('waiting for the old data to be readable', async () => {
      if (server.state === 'gone')
        throw new PostgresProblem(
          'did-not-start',
          `HF-6122 the server ended while starting: ${server.lastComplaint() ?? 'see its log'}`,
        );
      try {
        const session = await connect('postgres');
        const [row] = await session.query('select pg_last_wal_replay_lsn()::text as replayed', deadline);
        session.cut();
        return row?.['replayed'] != null && parseLsn(row['replayed']) >= options.through ? true : null;
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        if (NOT_YET.has(code ?? '') || message.startsWith('Connection terminated')) return null;
        throw error;
      }
    });
    return await work({ connect });
  } finally {
    for (const session of sessions) session.cut();
    await end(context);
    rmSync(access, { force: true });
  }
}

async function end({ config, server }: DriverContext): Promise<void> {
  const death = await server.kill(new Deadline({ afterMs: STOP_WITHIN_MS }));
  if (!death.reaped || !death.treeEmpty)
    throw new PostgresProblem('not-dead', 'the server was killed and is not provably gone');
  for (const name of [`.s.PGSQL.${SOCKET_NUMBER}`, `.s.PGSQL.${SOCKET_NUMBER}.lock`])
    rmSync(join(config.dataDir, name), { force: true });
}
