import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Deadline, DeadlineExceeded } from '../process/deadline.ts';
import { killTree, signalProcess, type TreeSpec } from '../process/process-tree.ts';
import { type ExitRecord, removePidFile, SupervisedProcess } from '../process/supervised-process.ts';
import { writeDurably } from '../system/durable-file.ts';
import type { PostgresBinaries } from './binaries.ts';
import { hasCluster } from './cluster.ts';
import { PostgresProblem } from './postgres-problem.ts';
import { renderSettings, SETTINGS_FILE, type ServerSettings } from './server-settings.ts';

const run = promisify(execFile);

export interface ServerDeath {
  readonly reaped: boolean;
  readonly treeEmpty: boolean;
  readonly killed: number;
  readonly elapsedMs: number;
  /** It was killed through this object. */
  readonly expected: boolean;
}

export interface ServerControlOptions {
  readonly binaries: PostgresBinaries;
  readonly dataDir: string;
  /** Pid file and server log. */
  readonly stateDir: string;
  /** The postmaster has ended; nothing of its tree is left when `treeEmpty`. */
  readonly onExit: (exit: ExitRecord, death: ServerDeath) => void;
  /** A postmaster runs: started, or taken over from an earlier agent. */
  readonly onStarted?: (pid: number) => void;
}

const ORPHAN_DEADLINE_MS = 5_000;

/** The postmaster and everything it started: configuration file, boot closed, reload, kill. Asks the server nothing. */
export class ServerControl {
  readonly #options: ServerControlOptions;
  #process: SupervisedProcess | null = null;
  #expected: SupervisedProcess | null = null;
  /** Settles when everything of the last server that ended has been cleared away. */
  #cleared: Promise<void> = Promise.resolve();

  constructor(options: ServerControlOptions) {
    this.#options = options;
    mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  }

  get hasCluster(): boolean {
    return hasCluster(this.#options.dataDir);
  }

  get logFile(): string {
    return join(this.#options.stateDir, 'postgres.log');
  }

  /** The postmaster; null when none is known. */
  get process(): SupervisedProcess | null {
    return this.#process;
  }

  get state(): 'running' | 'stopped' | 'gone' {
    return this.#process?.state() ?? 'gone';
  }

  /** Everything that could acknowledge a commit of this instance. */
  get tree(): TreeSpec {
    return { root: this.#process?.name ?? null, directory: this.#directory(), environment: null };
  }

  /** Takes over a postmaster that an earlier agent started; false when there is none. */
  adopt(): boolean {
    const adopted = SupervisedProcess.adopt(this.#pidFile());
    if (adopted === null) return false;
    this.#watch(adopted);
    return true;
  }

  /**
   * Starts the server so that it cannot write: as a standby, whatever it was before. Orphans of an earlier postmaster are
   * killed first. Resolves when the process runs, not yet when it answers.
   */
  async startClosed(settings: ServerSettings): Promise<void> {
    const { binaries, dataDir } = this.#options;
    if (this.state === 'gone') await this.#cleared;
    if (this.state !== 'gone') throw new PostgresProblem('already-running', 'the server is running already');
    if (!this.hasCluster) throw new PostgresProblem('no-cluster', 'there is no cluster in the data directory yet');
    const death = await this.#killTree(ORPHAN_DEADLINE_MS);
    if (!death.treeEmpty)
      throw new PostgresProblem(
        'orphans',
        'HF-6121 processes of an earlier server are still there and cannot be killed',
      );
    // Proved above: nobody uses this directory, so a lock file names a pid that is dead or somebody else's.
    rmSync(join(dataDir, 'postmaster.pid'), { force: true });
    this.closeNextBoot();
    this.writeSettings(settings);
    const { command, args } = binaries.launch('postgres', ['-D', dataDir]);
    this.#watch(
      await SupervisedProcess.spawn({
        command,
        args,
        env: binaries.env,
        directory: this.#directory(),
        recogniseByDirectory: true,
        logFile: this.logFile,
        pidFile: this.#pidFile(),
        marker: null,
      }),
    );
  }

  /** Whoever starts this server next, by whatever means, gets a standby. A running primary does not look at it. */
  closeNextBoot(): void {
    writeDurably(join(this.#options.dataDir, 'standby.signal'), '');
  }

  writeSettings(settings: ServerSettings): void {
    writeDurably(join(this.#options.dataDir, SETTINGS_FILE), renderSettings(settings, this.#options.binaries.version));
  }

  /** Asks for the settings file to be read again; whether it is in effect must be asked of the server. */
  reload(): void {
    if (this.#process !== null) signalProcess(this.#process.name, 'SIGHUP');
  }

  /** SIGKILL to everything. Both `reaped` and `treeEmpty` must be true before anyone may say that it is dead. */
  async kill(deadline: Deadline): Promise<ServerDeath> {
    const running = this.#process;
    this.#expected = running;
    const death = await this.#killTree(deadline.remainingMs());
    if (running === null) {
      if (death.treeEmpty) await removeLeftovers(this.#options.dataDir);
      return { ...death, reaped: death.treeEmpty, expected: true };
    }
    let reaped = false;
    try {
      reaped = (await deadline.race('waiting for the killed server', running.exited)).reaped;
    } catch (error) {
      if (!(error instanceof DeadlineExceeded)) throw error;
    }
    if (reaped && death.treeEmpty) {
      await this.#cleared;
      await removeLeftovers(this.#options.dataDir);
    }
    return { ...death, reaped, expected: true };
  }

  /** Whether a server that reports this as its data directory is ours. */
  isOurDirectory(reported: string): boolean {
    return existsSync(reported) && realpathSync(reported) === this.#directory();
  }

  /** The last lines of the server's log that report a problem; for people. */
  lastComplaint(): string | null {
    try {
      const lines = readFileSync(this.logFile, 'utf8').slice(-8_192).split('\n');
      return (
        lines.findLast((line) => /\b(FATAL|PANIC|ERROR):/.test(line))?.replace(/^.*?(FATAL|PANIC|ERROR):/, '$1:') ??
        null
      );
    } catch {
      return null;
    }
  }

  /** Stops watching; the server goes on. */
  release(): void {
    this.#process?.release();
  }

  #watch(started: SupervisedProcess): void {
    this.#process = started;
    this.#options.onStarted?.(started.name.pid);
    this.#cleared = started.exited.then(async (exit) => {
      // A dead postmaster's backends can still acknowledge commits.
      const death = await this.#killTree(ORPHAN_DEADLINE_MS);
      if (this.#process === started) {
        this.#process = null;
        if (death.treeEmpty) {
          removePidFile(this.#pidFile());
          await removeLeftovers(this.#options.dataDir);
        }
      }
      this.#options.onExit(exit, { ...death, reaped: exit.reaped, expected: this.#expected === started });
    });
  }

  #killTree(deadlineMs: number) {
    if (!existsSync(this.#options.dataDir) && this.#process === null)
      return Promise.resolve({ treeEmpty: true, killed: 0, elapsedMs: 0, remainingPids: [] });
    return killTree(this.tree, { deadlineMs });
  }

  #directory(): string {
    const { dataDir } = this.#options;
    return existsSync(dataDir) ? realpathSync(dataDir) : dataDir;
  }

  #pidFile(): string {
    return join(this.#options.stateDir, 'postgres.pid');
  }
}

/**
 * Clears what SIGKILL leaves outside the data directory: a 56-byte System V segment, whose id is on a line of its own in
 * postmaster.pid, after its key. To be called only when nothing runs in the directory any more; also by `lab down`.
 */
export async function removeLeftovers(dataDir: string): Promise<void> {
  const lock = join(dataDir, 'postmaster.pid');
  const id = existsSync(lock) ? sharedMemoryId(readFileSync(lock, 'utf8')) : null;
  if (id !== null) {
    try {
      await run('ipcrm', ['-m', String(id)], { timeout: 2_000 });
    } catch {
      // Gone already, or no ipcrm: the next start in this directory removes it.
    }
  }
  rmSync(lock, { force: true });
}

/** The seventh line of postmaster.pid is `key id`; null when the server never came so far. */
export function sharedMemoryId(lockFile: string): number | null {
  const id = /^[ \t]*\d+[ \t]+(\d+)[ \t]*$/.exec(lockFile.split('\n')[6] ?? '')?.[1];
  return id === undefined ? null : Number(id);
}
