import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hostMonoMs } from './host-clock.ts';
import { isStopped, readProcess } from './proc-entry.ts';
import { isAlive, killTree, type ProcessName, type TreeDeath, type TreeSpec } from './process-tree.ts';

export interface SpawnOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Real path; also what its children are recognised by when `recogniseByDirectory`. */
  readonly directory: string;
  readonly recogniseByDirectory: boolean;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  /** 0600; lets a later agent adopt the process. */
  readonly pidFile: string;
  /** `NAME=value` put into its environment, to recognise descendants that leave the session; null = none. */
  readonly marker: string | null;
}

export interface ExitRecord {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when it was our child and was waited for, or when it is provably gone. */
  readonly reaped: boolean;
}

export interface SupervisedDeath extends TreeDeath {
  readonly reaped: boolean;
}

interface PidRecord extends ProcessName {
  readonly bootId: string;
  readonly tree: TreeSpec;
}

const ADOPTED_POLL_MS = 50;

/**
 * A long-running process in a session of its own, which outlives the agent and can be adopted by the next one. Its exit
 * is known at once for a child, within 50 ms for an adopted process (without its code).
 */
export class SupervisedProcess {
  readonly name: ProcessName;
  readonly tree: TreeSpec;
  readonly adopted: boolean;
  /** Settles once, when the main process has ended; other members of its tree may still live. */
  readonly exited: Promise<ExitRecord>;
  #child: ChildProcess | null;
  #poll: NodeJS.Timeout | null = null;
  #exit: ExitRecord | null = null;

  private constructor(parts: { name: ProcessName; tree: TreeSpec; child: ChildProcess | null }) {
    this.name = parts.name;
    this.tree = parts.tree;
    this.#child = parts.child;
    this.adopted = parts.child === null;
    const { promise, resolve } = Promise.withResolvers<ExitRecord>();
    this.exited = promise;
    const settle = (record: ExitRecord) => {
      this.#exit ??= record;
      if (this.#poll !== null) clearInterval(this.#poll);
      resolve(this.#exit);
    };
    if (parts.child !== null) parts.child.once('exit', (code, signal) => settle({ code, signal, reaped: true }));
    else
      this.#poll = setInterval(() => {
        if (!isAlive(this.name)) settle({ code: null, signal: null, reaped: true });
      }, ADOPTED_POLL_MS);
  }

  /** Starts it; rejects when the command cannot be executed. */
  static async spawn(options: SpawnOptions): Promise<SupervisedProcess> {
    mkdirSync(dirname(options.logFile), { recursive: true, mode: 0o700 });
    mkdirSync(dirname(options.pidFile), { recursive: true, mode: 0o700 });
    const log = openSync(options.logFile, 'a', 0o600);
    try {
      const env = options.marker === null ? options.env : { ...options.env, ...markerVariable(options.marker) };
      const child = spawn(options.command, options.args, {
        cwd: options.directory,
        env,
        detached: true,
        stdio: ['ignore', log, log],
      });
      await once(child, 'spawn');
      const pid = child.pid ?? 0;
      const entry = readProcess(pid);
      const name = { pid, startTicks: entry?.startTicks ?? 0 };
      const tree: TreeSpec = {
        root: name,
        directory: options.recogniseByDirectory ? options.directory : null,
        environment: options.marker,
      };
      writePidFile(options.pidFile, { ...name, bootId: bootId(), tree });
      return new SupervisedProcess({ name, tree, child });
    } finally {
      closeSync(log);
    }
  }

  /** The process that the pid file names, when it is still the same one and alive; null otherwise. */
  static adopt(pidFile: string): SupervisedProcess | null {
    const record = readPidFile(pidFile);
    if (record === null || !isAlive(record)) return null;
    const name = { pid: record.pid, startTicks: record.startTicks };
    return new SupervisedProcess({ name, tree: record.tree, child: null });
  }

  /** `stopped`: by a signal or the like; it exists and is silent. */
  state(): 'running' | 'stopped' | 'gone' {
    if (this.#exit !== null || !isAlive(this.name)) return 'gone';
    const entry = readProcess(this.name.pid);
    return entry !== null && isStopped(entry) ? 'stopped' : 'running';
  }

  /**
   * SIGKILL to the whole tree, never anything gentler. `reaped` and `treeEmpty` are both true only when the main process has
   * been waited for (or is gone) and nothing is left that could still act.
   */
  async killTree(options: { readonly deadlineMs: number }): Promise<SupervisedDeath> {
    const deadlineAtMs = hostMonoMs() + options.deadlineMs;
    const death = await killTree(this.tree, options);
    const { promise, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(() => resolve(null), Math.max(1, deadlineAtMs - hostMonoMs()));
    const exit = await Promise.race([this.exited, promise]);
    clearTimeout(timer);
    return { ...death, reaped: exit?.reaped ?? false };
  }

  /** Stops watching and lets this program end; the process goes on. */
  release(): void {
    if (this.#poll !== null) clearInterval(this.#poll);
    this.#child?.unref();
  }
}

function markerVariable(marker: string): Record<string, string> {
  const equals = marker.indexOf('=');
  return { [marker.slice(0, equals)]: marker.slice(equals + 1) };
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();

function writePidFile(path: string, record: PidRecord): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
  renameSync(draft, path);
}

function readPidFile(path: string): PidRecord | null {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as PidRecord;
    return record.bootId === bootId() ? record : null;
  } catch {
    return null;
  }
}

/** Forgets a process that is known to be gone. */
export const removePidFile = (path: string): void => rmSync(path, { force: true });
