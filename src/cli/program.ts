import { Command } from 'commander';
import { registerChangeCommands } from './program/change-commands.ts';
import { registerDataCommands } from './program/data-commands.ts';
import { registerFileCommands } from './program/file-commands.ts';
import { registerNetworkCommands } from './program/network-commands.ts';
import { registerReadCommands } from './program/read-commands.ts';
import { registerServiceCommands } from './program/service-commands.ts';
import type { GlobalOptions, Shell } from './shell.ts';

export const exitCodeHelp = `
Exit codes: 0 ok · 1 failed · 2 usage · 3 refused by a safety rule · 4 needs an approval · 5 inconclusive or unknown`;

/** The root with the options that every command takes; whoever dispatches adds commands of other rooms. */
export function buildProgram(shell: Shell): Command {
  const program = new Command('holdfast')
    .description(
      'Disaster recovery for trading platforms: detects, decides, fences, fails over, measures and proves it.',
    )
    .version(shell.surroundings.version)
    .option('--json', 'one JSON object on standard output; nobody is asked anything')
    .option('--ascii', 'letters instead of symbols')
    .option('--connect <file>', 'where the controllers are (else HOLDFAST_CONNECT, else the newest running lab)')
    .option('--as <name>', "act as this one of the file's people (else HOLDFAST_AS, else the first)")
    .option('--group <group>', 'failover group, where there are several')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureHelp({
      sortSubcommands: false,
      showGlobalOptions: false,
      helpWidth: 100,
      optionDescription: (option) => {
        const { description, defaultValue, defaultValueDescription } = option;
        if (defaultValue === undefined || Array.isArray(defaultValue)) return description;
        return `${description} (default: ${defaultValueDescription ?? defaultValue})`;
      },
    });
  program.addHelpText(
    'after',
    `
Start here:
  holdfast demo                    a three-site firm loses its active site, and nothing is lost
  holdfast lab up                  the same firm on this machine, to play with
  holdfast status                  one screen: who is active, what would happen, what would stop it
  holdfast plan failover           the dry run; touches nothing
${exitCodeHelp}
More: docs/reference/cli.md, docs/reference/errors.md`,
  );
  program.exitOverride();
  registerReadCommands(program, shell);
  registerDataCommands(program, shell);
  registerNetworkCommands(program, shell);
  registerChangeCommands(program, shell);
  registerServiceCommands(program, shell);
  registerFileCommands(program, shell);
  return program;
}

export const globalsOf = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();
