import { rmSync, statSync } from 'node:fs';
import { writeDurably } from '../system/durable-file.ts';

/**
 * A file that keeps Patroni from being started on its host while it is there: whoever starts it looks for that first (systemd's
 * `ConditionPathExists=!FILE`, or a line in front of it). It says for which epoch it was made.
 */
export class StartBar {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** Durable when this returns. @throws when it cannot be written */
  hold(epoch: number): void {
    writeDurably(this.file, `${JSON.stringify({ epoch })}\n`);
  }

  lift(): void {
    rmSync(this.file, { force: true });
  }

  /** For how long it has been there; null: it is not. By the clock of the file system, as an earlier agent may have made it. */
  heldForMs(wallMs: number = Date.now()): number | null {
    const found = statSync(this.file, { throwIfNoEntry: false });
    return found === undefined ? null : wallMs - found.mtimeMs;
  }
}
