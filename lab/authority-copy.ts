import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from './lab-error.ts';
import { authorityKey } from './process-spec.ts';
import { isAlive } from './process-table.ts';
import type { Supervisor } from './supervisor.ts';
import { waitFor } from './wait.ts';

const target = { kind: 'process', key: authorityKey } as const;
/** The database and what belongs to it: a copy of all of them at one moment is what a loss of power would have left. */
const isDatabase = (name: string): boolean => name.startsWith('authority.db');

/**
 * The lab authority's backup: its files as they were at one moment, and put back later, by which the authority goes back in time
 * and does not know it. Whoever has seen more finds out, as with etcd (decision 0004).
 */
export class AuthorityCopy {
  readonly #folder: string;
  readonly #supervisor: Supervisor;

  /** @param folder where the authority keeps its database. */
  constructor(folder: string, supervisor: Supervisor) {
    this.#folder = folder;
    this.#supervisor = supervisor;
  }

  /** Takes the copy that a later restore uses; it stands still meanwhile, some milliseconds. Replaces an earlier copy. */
  async take(): Promise<{ readonly bytes: number }> {
    if (!existsSync(this.#folder))
      refuse(
        'copy-authority',
        'the authority of this lab is etcd, of which the lab takes no copy',
        'use a loopback lab',
      );
    const draft = join(this.#folder, 'copy.new');
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { mode: 0o700 });
    const stopped = await this.#supervisor.freeze(target);
    try {
      if (stopped.length === 0)
        refuse('copy-authority', 'the authority does not run', `holdfast lab restart ${authorityKey}`);
      for (const name of readdirSync(this.#folder).filter(isDatabase))
        copyFileSync(join(this.#folder, name), join(draft, name));
    } finally {
      this.#supervisor.thaw(stopped, target, []);
    }
    rmSync(this.#copy, { recursive: true, force: true });
    renameSync(draft, this.#copy);
    return { bytes: readdirSync(this.#copy).reduce((sum, name) => sum + statSync(join(this.#copy, name)).size, 0) };
  }

  /** @throws LabError HF-7007 when no copy was taken. */
  requireCopy(): void {
    if (!existsSync(this.#copy))
      refuse(
        'break authority-restored',
        'no copy of the authority was taken',
        'holdfast lab copy-authority, then later this',
      );
  }

  /** Ends the authority, puts the copy in place of its files, and starts it again; resolves when it listens. */
  async restore(): Promise<readonly number[]> {
    this.requireCopy();
    const killed = this.#supervisor.kill(target);
    await waitFor('the authority to end', () => !killed.some(isAlive), 10_000);
    for (const name of readdirSync(this.#folder).filter(isDatabase)) rmSync(join(this.#folder, name));
    for (const name of readdirSync(this.#copy)) copyFileSync(join(this.#copy, name), join(this.#folder, name));
    await this.#supervisor.restart(authorityKey);
    return killed.map(({ pid }) => pid);
  }

  get #copy(): string {
    return join(this.#folder, 'copy');
  }
}

function refuse(attempted: string, found: string, next: string): never {
  throw new LabError({ code: 'HF-7007', attempted, found, next });
}
