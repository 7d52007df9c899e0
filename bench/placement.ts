import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * Who runs where while orders are measured. What is outside the firm, clients and exchange, is this process and has one processor
 * to itself; what is measured, echo or engine, has another one. A replica has a third where there is one. Where there is none it shares
 * the engine's while clients look at their sockets without pause, and the clients' while these sleep between answers. Without
 * `taskset`, or with one processor, nobody is placed and `described` says so.
 */
export class Placement {
  readonly #cpus: readonly number[];

  private constructor(cpus: readonly number[]) {
    this.#cpus = cpus;
  }

  /** Finds the processors that this process may use, and takes one of them for itself until `release`. */
  static take(): Placement {
    const cpus = availableParallelism() < 2 ? [] : allowedCpus();
    const placement = new Placement(cpus.length < 2 ? [] : cpus);
    placement.#move(process.pid, [placement.#cpus[1]]);
    return placement;
  }

  get described(): string {
    if (this.#cpus.length === 0) return 'nobody has a processor to itself';
    return this.#cpus.length === 2
      ? 'clients and exchange on one processor, echo or engine on the other; a replica with the engine, for throughput with the clients'
      : 'clients and exchange, echo or engine, and replica each on a processor of its own';
  }

  /** The process that is measured. */
  server(pid: number): void {
    this.#move(pid, [this.#cpus[0]]);
  }

  replica(pid: number): void {
    this.#move(pid, [this.#cpus[2] ?? this.#cpus[0]]);
  }

  /** A replica from here on: the clients sleep when they have nothing to do. */
  replicaBesideSleepers(pid: number): void {
    this.#move(pid, [this.#cpus[2] ?? this.#cpus[1]]);
  }

  /**
   * From here on the compilers of these processes, and of this one, have what nobody else wants of their processor: what an exchange does in
   * a take-over it has done long before, and what compiles it now would only be in the way of the clients that share its processor.
   */
  outsideIsCompiled(pids: readonly number[]): void {
    if (this.#cpus.length === 0) return;
    for (const pid of [process.pid, ...pids])
      for (const thread of readdirSync(`/proc/${pid}/task`))
        if (readFileSync(`/proc/${pid}/task/${thread}/comm`, 'latin1').trim() === 'V8Worker')
          execFileSync('chrt', ['--idle', '--pid', '0', thread], { stdio: 'pipe' });
  }

  release(): void {
    this.#move(process.pid, this.#cpus);
  }

  #move(pid: number, cpus: readonly (number | undefined)[]): void {
    if (this.#cpus.length === 0) return;
    execFileSync('taskset', ['-a', '-c', '-p', cpus.join(','), String(pid)], { stdio: 'pipe' });
  }
}

/** None when there is no `taskset`. */
const allowedCpus = (): number[] => {
  try {
    const said = execFileSync('taskset', ['-c', '-p', String(process.pid)], { encoding: 'utf8' });
    return (said.split(':').at(-1) ?? '').split(',').flatMap((part) => {
      const [first, last] = part.trim().split('-').map(Number);
      if (first === undefined || !Number.isInteger(first)) return [];
      return Array.from({ length: (last ?? first) - first + 1 }, (_, at) => first + at);
    });
  } catch {
    return [];
  }
};
