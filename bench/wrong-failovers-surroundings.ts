import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Standstill } from './wrong-failovers-judge.ts';

export interface SurroundingsOptions {
  readonly load: number;
  /** All of it ends by itself after this, whatever becomes of this process. */
  readonly deadlineS: number;
}

/** What disturbs, and what watches without taking part: each a process and a session of its own. */
export class Surroundings {
  readonly #children: ChildProcess[] = [];
  readonly #cpuMs = new Map<number, number>();
  readonly standstills: Standstill[] = [];
  /** Longest since the last `takeDelays`. */
  #delays: Delays = { busyNotRunMs: 0, lateMs: 0, firstLateMs: 0 };
  /** Of these processes ended before `close`. */
  ended = 0;
  /** Somebody stopped and continued one of the watchers: what happened meanwhile, nobody saw. */
  stopped = 0;

  constructor({ load, deadlineS }: SurroundingsOptions) {
    const onTask = spawnSync('taskset', ['-V']).status === 0;
    for (let n = 0; n < availableParallelism(); n += 1)
      this.#start(onTask ? ['taskset', '-c', String(n)] : [], 'clock', [deadlineS, process.pid, 'first'], (line) =>
        this.#watched(line, 'firstLateMs', n),
      );
    this.#start([], 'clock', [deadlineS, process.pid, 'as-any'], (line) => this.#watched(line, 'lateMs', null));
    for (let n = 0; n < load; n += 1)
      this.#start([], 'busy', [deadlineS, process.pid], ({ notRunMs = 0, cpuMs = 0 }) => {
        this.#cpuMs.set(n, cpuMs);
        this.#delays = { ...this.#delays, busyNotRunMs: Math.max(this.#delays.busyNotRunMs, notRunMs) };
      });
  }

  /** Processor time that the busy processes have had. */
  get busyCpuMs(): number {
    return [...this.#cpuMs.values()].reduce((sum, ms) => sum + ms, 0);
  }

  takeDelays(): Delays {
    const taken = this.#delays;
    this.#delays = { busyNotRunMs: 0, lateMs: 0, firstLateMs: 0 };
    return taken;
  }

  close(): void {
    for (const child of this.#children) {
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
    }
  }

  #start(
    prefix: readonly string[],
    what: 'busy' | 'clock',
    args: readonly (string | number)[],
    onLine: (line: Line) => void,
  ): void {
    const script = join(import.meta.dirname, `wrong-failovers-${what}.ts`);
    const command = [...prefix, process.execPath, '--disable-warning=ExperimentalWarning', script, ...args.map(String)];
    const child = spawn(command[0]!, command.slice(1), { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    child.on('exit', () => {
      this.ended += 1;
    });
    createInterface({ input: child.stdout! }).on('line', (line) => onLine(JSON.parse(line) as Line));
    this.#children.push(child);
  }

  #watched(line: Line, delay: 'lateMs' | 'firstLateMs', processor: number | null): void {
    if (line.kind === 'late')
      this.#delays = { ...this.#delays, [delay]: Math.max(this.#delays[delay], line.longestMs ?? 0) };
    else if (line.kind === 'stopped') this.stopped += 1;
    // Only whoever goes first says anything about the machine.
    else if (processor !== null)
      this.standstills.push({ processor, endedAtMs: line.endedAt ?? Date.now(), lastedMs: line.ms ?? 0 });
  }
}

/** Longest for which something could not run, in milliseconds. */
export interface Delays {
  /** A busy process, always ready to run. */
  readonly busyNotRunMs: number;
  /** A sleeper of ordinary priority, after its timer was due. */
  readonly lateMs: number;
  /** The same at the highest priority that this user may have. */
  readonly firstLateMs: number;
}

interface Line {
  readonly kind?: string;
  readonly notRunMs?: number;
  readonly cpuMs?: number;
  readonly longestMs?: number;
  readonly endedAt?: number;
  readonly ms?: number;
}
