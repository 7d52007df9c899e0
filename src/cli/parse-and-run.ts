import type { Command, CommanderError } from 'commander';
import { buildProgram } from './program.ts';
import type { Shell } from './shell.ts';

/** Adds commands of rooms that `src/cli` may not know. */
export type Register = (program: Command, shell: Shell) => void;

/** Parses and runs one command line; returns the exit code. What the parser complains about ends as 2, told like every error. */
export async function parseAndRun(
  shell: Shell,
  args: readonly string[],
  registers: readonly Register[],
): Promise<number> {
  const program = buildProgram(shell);
  for (const register of registers) register(program, shell);
  const complaints: string[] = [];
  const terminal = shell.surroundings.terminal({ ascii: args.includes('--ascii') });
  const output = {
    writeOut: (text: string) => terminal.out(text),
    writeErr: (text: string) => void complaints.push(text),
  };
  for (const command of withAllBelow(program)) command.exitOverride().configureOutput(output);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return shell.exitCode;
  } catch (error) {
    if (!isCommanderError(error)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return 0;
    const { usageOutcome } = await import('./view/usage-outcome.ts');
    const { exitCode, text, json } = usageOutcome(
      complaints.join(''),
      args,
      program.commands.map((command) => command.name()),
    );
    if (args.includes('--json')) terminal.out(`${JSON.stringify(json)}\n`);
    else terminal.err(text);
    return exitCode;
  }
}

const withAllBelow = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(withAllBelow)];

const isCommanderError = (error: unknown): error is CommanderError =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
