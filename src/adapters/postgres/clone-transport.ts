import { execFile } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Deadline } from '../process/deadline.ts';
import type { PostgresBinaries } from './binaries.ts';
import { ReplicationClient } from './replication-client.ts';
import { TarExtractor } from './tar-extractor.ts';

const run = promisify(execFile);

export interface CloneSource {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly passFile: string;
  readonly applicationName: string;
}

/** Copies a whole cluster from a running server over its replication protocol: TCP only, through whatever stands between. */
export interface CloneTransport {
  readonly kind: 'pg_basebackup' | 'built-in';
  /** Fills an absent folder with a consistent, durable copy; leaves nothing behind when it throws. */
  clone(source: CloneSource, folder: string, deadline: Deadline): Promise<{ readonly bytes: number | null }>;
}

/** pg_basebackup where the installation has it, else the built-in client (the embedded package has none). */
export const cloneTransportFor = (binaries: PostgresBinaries): CloneTransport =>
  binaries.baseBackup === null ? builtInTransport : pgBaseBackupTransport(binaries);

export const builtInTransport: CloneTransport = {
  kind: 'built-in',
  async clone(source, folder, deadline) {
    const client = await ReplicationClient.connect(source, deadline.within(3_000));
    mkdirSync(folder, { mode: 0o700 });
    try {
      const { bytes } = await client.baseBackup(
        new TarExtractor(folder),
        `holdfast ${source.applicationName}`,
        deadline,
      );
      await syncTree(folder, deadline);
      return { bytes };
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    } finally {
      client.close();
    }
  },
};

export const pgBaseBackupTransport = (binaries: PostgresBinaries): CloneTransport => ({
  kind: 'pg_basebackup',
  async clone(source, folder, deadline) {
    const { command, args } = binaries.launch('pg_basebackup', [
      ...['--pgdata', folder, '--host', source.host, '--port', String(source.port), '--username', source.user],
      ...['--checkpoint=fast', '--wal-method=fetch', '--no-password', '--no-manifest'],
    ]);
    try {
      await run(command, args, {
        env: {
          ...binaries.env,
          PGPASSFILE: source.passFile,
          PGAPPNAME: source.applicationName,
          PGCONNECT_TIMEOUT: '3',
        },
        timeout: Math.max(1, Math.ceil(deadline.remainingMs())),
        killSignal: 'SIGKILL',
        ...(deadline.signal === null ? {} : { signal: deadline.signal }),
      });
      return { bytes: null };
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  },
});

/** Makes everything in the folder's file system durable by one call of coreutils' `sync -f`. */
async function syncTree(folder: string, deadline: Deadline): Promise<void> {
  deadline.check('making the clone durable');
  await run('sync', ['-f', folder], { timeout: Math.max(1, Math.ceil(deadline.remainingMs())), killSignal: 'SIGKILL' });
}
