import { spawn } from 'node:child_process';
import { join } from 'node:path';

const REHEARSAL = join(import.meta.dirname, '..', 'trading', 'testing', 'rehearsal.ts');

/**
 * How an engine that is to take over at once is started (`trading/README.md`): what it runs in a takeover was compiled before, and its
 * reserved memory is in huge pages, which a killed process gives back in a millisecond, and closes its connections after that.
 * Everything that this process starts until `restore` gets it.
 */
export class StandbyEnvironment {
  readonly #before: Readonly<Record<string, string | undefined>>;

  constructor(directory: string) {
    const wanted: Record<string, string> = {
      NODE_COMPILE_CACHE: join(directory, 'compile-cache'),
      GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
    };
    this.#before = Object.fromEntries(Object.keys(wanted).map((name) => [name, process.env[name]]));
    Object.assign(process.env, wanted);
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
    for (const [name, value] of Object.entries(this.#before))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
}
