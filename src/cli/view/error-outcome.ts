import type { CommandOutcome } from '../command-outcome.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { labelled, spread } from './text.ts';

interface Told {
  readonly code: string;
  readonly attempted: string;
  readonly found: string;
  readonly next: string;
}

/** How an error ends the process where that is not simply "failed". */
const ends: Readonly<Record<string, ExitCode>> = {
  'HF-3102': exitCodes.unknown,
  'HF-3103': exitCodes.unknown,
  'HF-3101': exitCodes.usage,
  'HF-3201': exitCodes.usage,
  'HF-4002': exitCodes.usage,
  'HF-6010': exitCodes.usage,
  'HF-7002': exitCodes.refused,
  'HF-7003': exitCodes.usage,
  'HF-7007': exitCodes.usage,
  'HF-8001': exitCodes.usage,
  'HF-8002': exitCodes.usage,
  'HF-8003': exitCodes.usage,
  'HF-8004': exitCodes.usage,
  'HF-8006': exitCodes.unknown,
  'HF-8007': exitCodes.usage,
  'HF-8008': exitCodes.usage,
  'HF-8009': exitCodes.unknown,
  'HF-8010': exitCodes.unknown,
  'HF-8012': exitCodes.usage,
};

const isTold = (error: unknown): error is Error & Told =>
  error instanceof Error &&
  (['code', 'attempted', 'found', 'next'] as const).every((name) => typeof (error as Partial<Told>)[name] === 'string');

/** Any thrown value as a command's end. What has no HF code is a fault of Holdfast's own, and keeps its stack. */
export function errorOutcome(error: unknown): CommandOutcome {
  if (isTold(error)) return told(error);
  const message = error instanceof Error ? error.message : String(error);
  const code = /^HF-\d{4}/.exec(message)?.[0] ?? null;
  if (code !== null)
    return {
      exitCode: ends[code] ?? exitCodes.failed,
      text: `${message.trimEnd()}\n`,
      json: { error: { code, found: message }, exitCode: ends[code] ?? exitCodes.failed },
      toStderr: true,
    };
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  return {
    exitCode: exitCodes.failed,
    text: `HF-8000 Holdfast met something that it did not expect. This is a defect: please report it.\n${stack}\n`,
    json: { error: { code: 'HF-8000', found: message }, exitCode: exitCodes.failed },
    toStderr: true,
  };
}

function told({ code, attempted, found, next }: Told): CommandOutcome {
  const exitCode = ends[code] ?? exitCodes.failed;
  const heading =
    code === 'HF-3107'
      ? 'REFUSED'
      : { 0: 'ENDED', 1: 'FAILED', 2: 'USAGE', 3: 'REFUSED', 4: 'WAITS', 5: 'UNKNOWN' }[exitCode];
  const lines = [
    spread(`${heading} ${code}`, `exit ${exitCode}`),
    ...labelled('tried', attempted),
    ...found.split('\n').flatMap((line, index) => labelled(index === 0 ? 'found' : '', line)),
    ...labelled('next', next),
  ];
  return {
    exitCode,
    text: `${lines.join('\n')}\n`,
    json: { error: { code, tried: attempted, found, next }, exitCode },
    toStderr: true,
  };
}
