import type { Json } from '../core/base/canonical-json.ts';
import type { ExitCode } from './exit-code.ts';

/** What a command hands back: the text for people, the one object of `--json`, and how the process ends. */
export interface CommandOutcome {
  readonly exitCode: ExitCode;
  /** For standard output; for standard error when `toStderr`. Empty = nothing. */
  readonly text: string;
  readonly json: Json;
  /** Refusals and errors: not part of what a script reads on standard output. */
  readonly toStderr?: boolean;
}
