import { spawn } from 'node:child_process';
import { join } from 'node:path';

const REHEARSAL = join(import.meta.dirname, '..', 'trading', 'testing', 'rehearsal.ts');

const COMPILE_CACHE = 'NODE_COMPILE_CACHE';

/**
 * How an engine that is to take over at once is started (`trading/README.md`): what it runs in a takeover was compiled before.
 * Everything that this process starts until `restore` gets it.
 */
export class StandbyEnvironment {
  readonly #before = process.env[COMPILE_CACHE];

  constructor(directory: string) {
    process.env[COMPILE_CACHE] = join(directory, 'compile-cache');
  }

  /** One takeover, after which its processes leave what they compiled. */
  rehearse(): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [...process.execArgv, REHEARSAL], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      child.once('error', reject);
      child.once('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`the rehearsal of a takeover ended with ${code}`));
      });
    });
  }

  restore(): void {
    if (this.#before === undefined) delete process.env[COMPILE_CACHE];
    else process.env[COMPILE_CACHE] = this.#before;
  }
}
