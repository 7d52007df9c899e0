import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommanderError } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';
import { Shell } from '../../src/cli/shell.ts';
import { processTerminal } from '../../src/cli/terminal.ts';
import { registerDemoCommands, registerSimulator } from './demo-program.ts';
import { registerLabCommands } from './lab-program.ts';
import { projectRoot } from './project-root.ts';

/** `holdfast …`: parses, dispatches, and ends the process with the command's exit code once everything is written. */
export async function run(args: readonly string[]): Promise<void> {
  if (args[0] === 'sim') return simulate(args.slice(1));
  const shell = new Shell({
    projectRoot,
    version: versionOf(projectRoot),
    environment: process.env,
    terminal: (options) => processTerminal(process, options),
    nowMs: () => Date.now(),
  });
  process.exitCode = await parse(shell, args);
}

/** Parses and runs; usage errors end as 2 with the same four lines as every other error. */
export async function parse(shell: Shell, args: readonly string[]): Promise<number> {
  const program = buildProgram(shell);
  registerDemoCommands(program, shell);
  registerLabCommands(program, shell);
  registerSimulator(program);
  const complaints: string[] = [];
  const json = args.includes('--json');
  const terminal = shell.surroundings.terminal({ ascii: args.includes('--ascii') });
  const output = {
    writeOut: (text: string) => terminal.out(text),
    writeErr: (text: string) => void complaints.push(text),
  };
  for (const command of [program, ...allBelow(program)]) command.exitOverride().configureOutput(output);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return shell.exitCode;
  } catch (error) {
    if (!isCommanderError(error)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return 0;
    const { usageOutcome } = await import('../../src/cli/view/usage-outcome.ts');
    const { exitCode, text, json: report } = usageOutcome(complaints.join(''), args);
    if (json) terminal.out(`${JSON.stringify(report)}\n`);
    else terminal.err(text);
    return exitCode;
  }
}

function allBelow(command: ReturnType<typeof buildProgram>): readonly (typeof command)[] {
  return command.commands.flatMap((each) => [each, ...allBelow(each)]);
}

const isCommanderError = (error: unknown): error is CommanderError =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');

/** The simulator parses its own arguments, as under `npm run sim`. */
async function simulate(args: readonly string[]): Promise<void> {
  const script = join(projectRoot, 'src', 'sim', 'main.ts');
  process.argv.splice(1, process.argv.length - 1, script, ...args);
  await import('../../src/sim/main.ts');
}

const versionOf = (root: string): string =>
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }).version;
