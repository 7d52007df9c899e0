import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory, writeFileDurably } from '../base/durable-file.ts';
import { countField, parseRecord } from '../base/json-record.ts';

/**
 * That a service was told to stand still, and in which epoch: a process that is started again in the same one goes on standing
 * still, one that is promoted in a newer one does not. A mark that cannot be read counts for every epoch.
 */
export class StoppedMark {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** On disk when this returns. */
  set(epoch: number): void {
    writeFileDurably(this.#path, `${JSON.stringify({ epoch })}\n`);
  }

  clear(): void {
    if (!existsSync(this.#path)) return;
    rmSync(this.#path);
    syncDirectory(dirname(this.#path));
  }

  holdsFor(epoch: number): boolean {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'ENOENT';
    }
    const record = parseRecord(text);
    const marked = record === null ? null : countField(record, 'epoch');
    return marked === null || marked === epoch;
  }
}
