import type { Command } from 'commander';
import { collect, wholeNumberOption } from '../../src/cli/option-values.ts';
import { teach } from '../../src/cli/program/help.ts';
import type { GlobalOptions, Shell } from '../../src/cli/shell.ts';
import { projectRoot } from './project-root.ts';

const globals = (command: Command) => command.optsWithGlobals<GlobalOptions>();
const group = 'On this machine:';

interface PlayFlags {
  readonly topology?: string;
  readonly overlay: readonly string[];
  readonly name: string;
  readonly rate: number;
  readonly keep?: boolean;
  readonly replace?: boolean;
}

/** `demo`, `start` and `report`: what the lab plays and what it leaves. */
export function registerDemoCommands(program: Command, shell: Shell): void {
  const playing = (command: Command, name: string) =>
    command
      .helpGroup(group)
      .option('--topology <file>', 'the firm (default: examples/three-site.yaml)')
      .option(
        '--overlay <file>',
        'instead of examples/demo-overlay.yaml, which makes a lost site automatic',
        collect,
        [],
      )
      .option('--name <name>', 'of the lab', name)
      .option('--replace', 'end a lab of this name first that runs')
      .option('--rate <n>', 'orders per second', wholeNumberOption, 1000);
  teach(
    playing(program.command('demo'), 'demo')
      .summary('the main job, end to end: a site dies, nothing is lost, and there is proof')
      .description(
        'Brings a firm up on this machine, lets clients trade, loses an engine, a host and the whole active site, goes back, counts every acknowledged order and commit, verifies the evidence, writes a report, and takes everything down.',
      )
      .option('--keep', 'leave the lab up')
      .action(async (flags: PlayFlags, command: Command) =>
        shell.run(globals(command), async (terminal) =>
          (await import('./demo-actions.ts')).demo(wishOf(flags), { terminal, json: globals(command).json === true }),
        ),
      ),
    {
      examples: [
        ['holdfast demo', 'about a minute and a half'],
        ['holdfast demo --topology examples/four-site.yaml', 'another firm, the same acts'],
        ['holdfast demo --json > result.json', 'one object; the story on standard error'],
      ],
      touches: 'starts and ends processes on 127.0.0.0/8; files below .holdfast/labs/NAME. Evidence and report stay.',
      exits: '1 something did not hold; it is named · 3 a lab of this name runs, and is left alone',
    },
  );
  teach(
    playing(program.command('start'), 'lab')
      .summary('the same lab with order flow and a live status board, until Ctrl-C')
      .description(
        'Brings a firm up on this machine with order flow and shows its status until Ctrl-C, then takes everything down.',
      )
      .action(async (flags: PlayFlags, command: Command) =>
        shell.run(globals(command), async (terminal) =>
          (await import('./demo-actions.ts')).start(wishOf(flags), { terminal, json: globals(command).json === true }),
        ),
      ),
    {
      examples: [
        ['holdfast start', 'Ctrl-C ends it'],
        ['holdfast start --topology examples/two-site.yaml', ''],
      ],
      touches: 'as demo.',
      exits: '3 a lab of this name runs, and is left alone',
    },
  );
  teach(
    program
      .command('report [lab]')
      .helpGroup(group)
      .summary('verify what a lab left and draw its report again')
      .description(
        'Verifies the evidence bundle that a report rests on, and draws the report again from its figures: a page of its own (HTML) and JSON. Without a name, the newest lab that left one.',
      )
      .option('--out <directory>', 'where to write report.html and report.json (default: beside the old ones)')
      .action(async (lab: string | undefined, flags: { readonly out?: string }, command: Command) =>
        shell.run(globals(command), async () =>
          (await import('./demo-actions.ts')).report(projectRoot, lab ?? null, flags.out ?? null),
        ),
      ),
    {
      examples: [
        ['holdfast report', ''],
        ['holdfast report demo --out /tmp/report', ''],
      ],
      touches: 'writes two files.',
      exits: '1 the evidence does not verify, or an objective was missed',
    },
  );
}

/** Only for the help: `sim` parses its own arguments, so it is dispatched before the others are looked at. */
export const registerSimulator = (program: Command): void =>
  void program
    .command('sim')
    .helpGroup(group)
    .summary('thousands of simulated worlds, or one of them: holdfast sim --help')
    .allowUnknownOption();

const wishOf = ({ topology, overlay, name, rate, keep, replace }: PlayFlags) => ({
  root: projectRoot,
  name,
  topologyFile: topology ?? null,
  overlays: overlay,
  ratePerSecond: rate,
  keep: keep === true,
  replace: replace === true,
});
