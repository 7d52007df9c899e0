import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { syncFolder, writeDurably } from '../system/durable-file.ts';
import type { PostgresBinaries } from './binaries.ts';
import { PostgresProblem } from './postgres-problem.ts';
import { SETTINGS_FILE } from './server-settings.ts';

const run = promisify(execFile);

/** A name and the 0600 file that holds its password (one line). */
export interface Credential {
  readonly user: string;
  readonly passwordFile: string;
}

export interface ClusterRoles {
  readonly superuser: Credential;
  readonly replication: Credential;
  readonly application: Credential;
}

export interface InitializeOptions {
  readonly binaries: PostgresBinaries;
  readonly dataDir: string;
  readonly roles: ClusterRoles;
  /** Owned by the application role. */
  readonly database: string;
  /** From where connections are accepted, with SCRAM passwords, e.g. `127.0.0.0/8`. */
  readonly networks: readonly string[];
  /** Statements to run once in `database` as the application role; each on one line. */
  readonly statements: readonly string[];
  readonly deadlineMs: number;
}

export const hasCluster = (dataDir: string): boolean => existsSync(join(dataDir, 'PG_VERSION'));

/**
 * Creates a fresh cluster: initdb, roles, database, access rules, checksums on, fsync on. Nothing listens meanwhile. The
 * folder appears complete or not at all. Two clusters made by this are unrelated: make one, clone the others.
 */
export async function initializeCluster(options: InitializeOptions): Promise<void> {
  const { binaries, dataDir, roles } = options;
  if (hasCluster(dataDir))
    throw new PostgresProblem(
      'not-empty',
      'HF-6111 the data directory already holds a cluster; it is not initialised again',
    );
  mkdirSync(dirname(dataDir), { recursive: true, mode: 0o700 });
  const draft = `${dataDir}.initdb`;
  rmSync(draft, { recursive: true, force: true });
  const single = (database: string, statements: readonly string[]) =>
    runProgram(
      binaries,
      'postgres',
      ['--single', '-j', '-D', draft, ...CALM, database],
      options.deadlineMs,
      statements,
    );
  try {
    await runProgram(
      binaries,
      'initdb',
      [
        ...['--pgdata', draft, '--username', roles.superuser.user, '--pwfile', roles.superuser.passwordFile],
        ...['--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--data-checksums', '--no-instructions'],
      ],
      options.deadlineMs,
      null,
    );
    writeFileSync(join(draft, 'pg_hba.conf'), renderAccessRules(roles, options.networks), { mode: 0o600 });
    appendFileSync(join(draft, 'postgresql.conf'), `include_if_exists '${SETTINGS_FILE}'\n`);
    const application = identifier(roles.application.user);
    await single('postgres', [
      `create role ${application} login password ${literal(readPassword(roles.application))}`,
      `create role ${identifier(roles.replication.user)} login replication password ${literal(readPassword(roles.replication))}`,
      `create database ${identifier(options.database)} owner ${application}`,
    ]);
    if (options.statements.length > 0)
      await single(options.database, [`set role ${application}`, ...options.statements]);
    rmSync(dataDir, { recursive: true, force: true });
    renameSync(draft, dataDir);
    syncFolder(dirname(dataDir));
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Settings that let single-user mode commit. The last ones are recorded in the cluster, and a standby refuses to start with
 * less than what is recorded: they must not exceed what `renderSettings` gives.
 */
const CALM = [
  ...['synchronous_commit=local', 'shared_buffers=16MB', 'jit=off'],
  ...['max_connections=60', 'max_worker_processes=2', 'max_wal_senders=10'],
].flatMap((setting) => ['-c', setting]);

/** The text of pg_hba.conf: passwords from the given networks, nothing else. */
export function renderAccessRules(roles: ClusterRoles, networks: readonly string[]): string {
  const lines = networks.flatMap((network) => [
    `host all ${identifier(roles.superuser.user)} ${network} scram-sha-256`,
    `host all ${identifier(roles.application.user)} ${network} scram-sha-256`,
    `host replication ${identifier(roles.replication.user)} ${network} scram-sha-256`,
  ]);
  return `# Written by Holdfast when the cluster was made.\n${lines.join('\n')}\n`;
}

/** The password in a credential's file; throws when others than its owner may read it. */
export function readPassword(credential: Credential): string {
  const password = readFileSync(credential.passwordFile, 'utf8').trim();
  if (password === '')
    throw new PostgresProblem('no-password', `HF-6112 the password file of the role "${credential.user}" is empty`);
  return password;
}

/** Writes a libpq password file for one role. */
export function writePassFile(path: string, credential: Credential): void {
  const escaped = (text: string) => text.replace(/[\\:]/g, '\\$&');
  writeDurably(path, `*:*:*:${escaped(credential.user)}:${escaped(readPassword(credential))}\n`);
}

export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Runs a program to its end; in single-user mode statements end with a semicolon and an empty line. */
async function runProgram(
  binaries: PostgresBinaries,
  program: string,
  args: readonly string[],
  deadlineMs: number,
  statements: readonly string[] | null,
): Promise<void> {
  const { command, args: argv } = binaries.launch(program, args);
  const running = run(command, [...argv], { env: binaries.env, timeout: deadlineMs, killSignal: 'SIGKILL' });
  running.child.stdin?.on('error', () => undefined);
  running.child.stdin?.end(statements === null ? '' : statements.map((statement) => `${statement};\n\n`).join(''));
  try {
    const { stderr } = await running;
    const refused = /(?:ERROR|FATAL|PANIC):.*/.exec(stderr);
    if (refused !== null) throw new Error(refused[0]);
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr?.trim() ?? '';
    const found = stderr === '' && error instanceof Error ? error.message : stderr;
    throw new PostgresProblem(
      'initialise-failed',
      `HF-6113 "${program}" did not succeed while making a cluster: ${found}`,
      {
        cause: error,
      },
    );
  }
}
