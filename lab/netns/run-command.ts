import { execFile } from 'node:child_process';
import { LabError } from '../lab-error.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** It was killed at its deadline: what it would have said is not known. */
  readonly timedOut: boolean;
}

export interface CommandOptions {
  readonly input?: string;
  readonly deadlineMs?: number;
}

const defaultDeadlineMs = 15_000;

/** Runs a command to its end; a later one than its deadline is killed and has code 124. Never throws. */
export function tryCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { promise, resolve } = Promise.withResolvers<CommandResult>();
  const child = execFile(
    command,
    [...args],
    { timeout: options.deadlineMs ?? defaultDeadlineMs, killSignal: 'SIGKILL', maxBuffer: 1 << 24 },
    (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 124;
      resolve({ code, stdout, stderr: stderr || (error?.message ?? ''), timedOut: error?.killed === true });
    },
  );
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  return promise;
}

/** @throws LabError HF-7014 with what the command said */
export async function mustRun(
  attempted: string,
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryCommand(command, args, options);
  if (code === 0) return stdout;
  const said = stderr.trim().split('\n').slice(-4).join('; ') || 'nothing was said';
  throw new LabError({
    code: 'HF-7014',
    attempted,
    found: `"${[command, ...args.slice(0, 6)].join(' ')}" ended with ${code}: ${said}`,
    next: 'see that this machine has what "holdfast lab up --ground netns" needs (docs/guide/netns-lab.md), then try again',
  });
}

/** A shell's text inside one namespace. */
export const inNamespace = (attempted: string, namespace: string, script: string): Promise<string> =>
  mustRun(attempted, 'ip', ['netns', 'exec', namespace, 'sh', '-s'], { input: script });
