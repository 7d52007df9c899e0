import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAndRun } from '../../src/cli/parse-and-run.ts';
import { Shell } from '../../src/cli/shell.ts';
import { processTerminal } from '../../src/cli/terminal.ts';
import { registerDemoCommands, registerSimulator } from './demo-program.ts';
import { registerLabCommands } from './lab-program.ts';
import { projectRoot } from './project-root.ts';

/** `holdfast …`: parses, dispatches, and ends the process with the command's exit code once everything is written. */
export async function run(args: readonly string[]): Promise<void> {
  process.stdout.on('error', endWithoutReader);
  if (args[0] === 'sim') return simulate(args.slice(1));
  const shell = new Shell({
    projectRoot,
    version: versionOf(projectRoot),
    environment: process.env,
    terminal: (options) => processTerminal(process, options),
    nowMs: () => Date.now(),
  });
  process.exitCode = await parseAndRun(shell, args, [registerDemoCommands, registerLabCommands, registerSimulator]);
}

/** The simulator parses its own arguments, as under `npm run sim`. */
async function simulate(args: readonly string[]): Promise<void> {
  process.argv.splice(1, process.argv.length - 1, join(projectRoot, 'src', 'sim', 'main.ts'), ...args);
  await import('../../src/sim/main.ts');
}

/** 128 + SIGPIPE, as of any program whose reader left; Node itself ignores that signal. */
const READER_LEFT = 141;

let readerLeft = false;

/**
 * `holdfast … | head`: nobody reads on. What Ctrl-C would end first (a lab, a screen that is redrawn) ends first here, too; what it still
 * writes meanwhile fails as well and ends nothing.
 */
function endWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  if (readerLeft) return;
  readerLeft = true;
  process.exitCode = READER_LEFT;
  if (!process.emit('SIGINT', 'SIGINT')) process.exit();
}

const versionOf = (root: string): string =>
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }).version;
