import type { Session } from './connect/session.ts';
import type { Terminal } from './terminal.ts';

/** What a command is given by whoever parsed the command line. */
export interface CommandContext {
  readonly session: Session;
  readonly terminal: Terminal;
  /** One JSON object on standard output at the end, nothing else, and nobody is asked anything. */
  readonly json: boolean;
  /** `--group`; null = the only one. */
  readonly group: string | null;
  /** UTC, milliseconds. */
  readonly nowMs: () => number;
  /** `--dry-run`: everything is shown, nobody is asked to confirm, and what would change something is not sent. */
  readonly dryRun?: boolean;
  /** Ctrl-C: end what is being followed, never what is being done. */
  readonly signal: AbortSignal;
}

/** Progress for a person; silent with `--json`. */
export function say({ json, terminal }: CommandContext, lines: readonly string[]): void {
  if (!json && lines.length > 0) terminal.out(`${lines.join('\n')}\n`);
}
