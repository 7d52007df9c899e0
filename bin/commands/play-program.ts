import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PlayGround } from '../../lab/scenario/ground-switches.ts';
import { wholeNumberOption } from '../../src/cli/option-values.ts';
import { teach } from '../../src/cli/program/help.ts';
import type { GlobalOptions, Shell } from '../../src/cli/shell.ts';
import { projectRoot } from './project-root.ts';

/** `holdfast lab play FILE…`: the simulator's scenarios with real processes. */
export function registerPlayCommand(lab: Command, shell: Shell): void {
  teach(
    lab
      .command('play <files...>')
      .summary('play scenarios with real processes: faults, people, and what must be true')
      .description(
        'Brings up a lab for each scenario file, under load, does its lines one after the other and judges what it expects: by what the controllers and clients say, by counting the ledgers both ways, and by the evidence, which is kept. What a lab cannot do is said not to have been played; what could not be judged is inconclusive; neither is passed.',
      )
      .addOption(
        new Option('--ground <ground>', 'what it stands on: processes on loopback, or network namespaces (root, Linux)')
          .choices(['loopback', 'netns'])
          .default('loopback'),
      )
      .option('--name <name>', 'of the labs, before the name of the scenario', 'play')
      .option('--pace <factor>', 'everything takes so many times as long as in the simulator', paceOption, 2)
      .option('--rate <n>', 'orders per second', wholeNumberOption, 200)
      .action(
        async (
          files: readonly string[],
          flags: {
            readonly ground: PlayGround;
            readonly name: string;
            readonly pace: number;
            readonly rate: number;
          },
          command: Command,
        ) => {
          const options = command.optsWithGlobals<GlobalOptions>();
          return shell.run(options, async (terminal) =>
            (await import('./play-actions.ts')).play(
              {
                root: projectRoot,
                name: flags.name,
                files,
                pace: flags.pace,
                ground: flags.ground,
                ratePerSecond: flags.rate,
              },
              (line) => terminal.err(`${line}\n`),
            ),
          );
        },
      ),
    {
      examples: [
        ['holdfast lab play scenarios/engine-crash.scenario', ''],
        ['holdfast lab play scenarios/*.scenario --json', 'all of them, one after the other'],
        ['holdfast lab play scenarios/site-loss-automatic.scenario --ground netns', 'with real routers and etcd'],
        ['holdfast lab play scenarios/site-loss-automatic.scenario --pace 1', 'with the leases that are shipped'],
      ],
      touches:
        'starts processes; files below .holdfast/labs/play-…, of which evidence and report stay. With --ground netns: network namespaces and control groups besides.',
      exits: '1 something did not hold · 2 a file cannot be played · 5 not everything was played, or could be judged',
    },
  );
}

const SLOWEST = 20;

function paceOption(text: string): number {
  const pace = Number(text);
  if (!(pace >= 1 && pace <= SLOWEST)) throw new InvalidArgumentError(`a factor from 1 to ${SLOWEST}`);
  return pace;
}
