import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

/** A helper process that says its port and, asked, how long its handler took. */
export class PeerProcess {
  readonly #process: ChildProcess;
  readonly port: number;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static start(name: string, ...args: readonly string[]): Promise<PeerProcess> {
    return new Promise((resolve, reject) => {
      const child = fork(join(import.meta.dirname, 'peer', `${name}.ts`), args, { execArgv: [] });
      child.once('message', (message) => resolve(new PeerProcess(child, (message as { port: number }).port)));
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Nanoseconds of each turn of its handler since the last time it was asked, sorted; the first third is left out. */
  handlerNs(): Promise<Float64Array> {
    return new Promise((resolve) => {
      this.#process.once('message', (message) => {
        const { handlerNs } = message as { handlerNs: number[] };
        resolve(Float64Array.from(handlerNs.slice(Math.floor(handlerNs.length / 3))).toSorted());
      });
      this.#process.send('handler');
    });
  }

  stop(): void {
    this.#process.removeAllListeners('exit');
    this.#process.kill('SIGKILL');
  }
}
