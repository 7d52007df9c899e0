import { AssertionFailed } from '../../core/base/assert.ts';
import { causeText, HoldfastError } from '../../wire/holdfast-error.ts';

/**
 * How long-running processes begin and end. Exit codes: 0 asked to · 2 configuration · 70 a bug (an assertion failed) · 74 something
 * that had to be durable was not · 1 anything else · 130 asked twice.
 */
export interface ProcessLife {
  /** Ends the process with this cause, after `lastWords` (at most `LAST_WORDS_WITHIN_MS`). Once. */
  die(cause: unknown): void;
  /** Ends it in good order. */
  finish(): void;
}

export const exitCodes = { ok: 0, failed: 1, configuration: 2, bug: 70, notDurable: 74, interrupted: 130 } as const;

const LAST_WORDS_WITHIN_MS = 500;

/**
 * First SIGTERM or SIGINT: `close`, at most `closeWithinMs`; second: at once. What nobody caught is a bug and ends the process: one
 * that is wrong must stop.
 */
export function liveUntilSignal(options: {
  readonly name: string;
  readonly closeWithinMs: number;
  readonly close: () => Promise<void>;
  /** Evidence about the end. */
  readonly lastWords: (cause: unknown) => Promise<void>;
}): ProcessLife {
  const { name, closeWithinMs, close, lastWords } = options;
  let ending = false;
  const exitWithin = (delayMs: number, code: number) => setTimeout(() => process.exit(code), delayMs);
  const finish = (signal: string | null) => {
    if (ending) process.exit(exitCodes.interrupted);
    ending = true;
    if (signal !== null)
      process.stderr.write(`${name}: ${signal}, closing within ${closeWithinMs} ms; a second signal ends it at once\n`);
    exitWithin(closeWithinMs, exitCodes.failed);
    close().then(
      () => process.exit(exitCodes.ok),
      (cause: unknown) => {
        process.stderr.write(`${name}: while closing: ${causeText(cause)}\n`);
        process.exit(exitCodes.failed);
      },
    );
  };
  const die = (cause: unknown) => {
    if (ending) return;
    ending = true;
    const code = exitCodeFor(cause);
    process.stderr.write(`${name}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`);
    exitWithin(LAST_WORDS_WITHIN_MS, code);
    lastWords(cause).then(
      () => process.exit(code),
      () => process.exit(code),
    );
  };
  process.on('SIGTERM', finish);
  process.on('SIGINT', finish);
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  return { die, finish: () => finish(null) };
}

function exitCodeFor(cause: unknown): number {
  if (
    cause instanceof AssertionFailed ||
    cause instanceof TypeError ||
    cause instanceof RangeError ||
    cause instanceof ReferenceError
  )
    return exitCodes.bug;
  const name = cause instanceof Error ? cause.name : '';
  return name === 'EvidenceUnwritten' || name === 'EvidenceLogError' || (cause instanceof Error && 'syscall' in cause)
    ? exitCodes.notDurable
    : exitCodes.failed;
}

/** Runs a process's `main`; what prevents the start is printed for people. */
export async function runMain(name: string, main: (configPath: string) => Promise<void>): Promise<void> {
  // Whoever read our output may be gone; that is no reason to end.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const [path, ...rest] = process.argv.slice(2);
  if (path === undefined || rest.length > 0) {
    process.stderr.write(`usage   ${name} CONFIG.json\n`);
    process.exit(exitCodes.configuration);
  }
  try {
    await main(path);
  } catch (cause) {
    const text =
      cause instanceof HoldfastError
        ? cause.message
        : cause instanceof Error
          ? (cause.stack ?? cause.message)
          : String(cause);
    process.stderr.write(`${name}: ${text}\n`);
    process.exit(cause instanceof HoldfastError ? exitCodes.configuration : exitCodes.failed);
  }
}
