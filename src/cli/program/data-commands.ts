import type { Command } from 'commander';
import { collect } from '../option-values.ts';
import type { GlobalOptions, Shell } from '../shell.ts';
import { teach } from './help.ts';

const group = 'Look:';

/** Commands about copies and what they would save; they change nothing. */
export function registerDataCommands(program: Command, shell: Shell): void {
  const globals = (command: Command) => command.optsWithGlobals<GlobalOptions>();
  teach(
    program
      .command('replication')
      .helpGroup(group)
      .summary('who copies from whom, and how far behind each copy is')
      .description(
        'Every copy of every component, from the primary or in a cascade: state, whether the primary waits for it, how far it is behind in bytes or records of the log, in time and in transactions, generations of both logs, age of the look. 0 where nothing is missing, however long ago something was written. "~" is estimated, ">" at least, "?" unknown; why stands below. No probe is made: it is what agents report anyway.',
      )
      .action(async (_options: object, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/replication.ts')).replicationCommand(context),
        ),
      ),
    {
      examples: [
        ['holdfast replication', 'every path, and the worst that was seen'],
        ['holdfast replication --json | jq ".groups[].paths[] | {to, state, behind}"', 'for scripts'],
      ],
      touches: 'nothing. Asks the controller that leads, else another one that answers.',
      exits: '1 a copy is lost, or a synchronous one is not in step · 5 one is not known, nothing worse',
    },
  );
  teach(
    program
      .command('rpo')
      .helpGroup(group)
      .summary('what would be lost now, by class of data, and how that is known')
      .description(
        'Every class of data of the topology file: objective, what keeps it, what would be lost if the active site vanished now, and whether that is proved, estimated or unknown. Proved means that a copy elsewhere is waited for and heard; a look that shows no difference proves nothing. Then what each component would lose, and every stretch in which something was acknowledged without its second copy.',
      )
      .option('--evidence <path>', 'count stretches from this bundle or directory; may be given again', collect)
      .action(async (options: { readonly evidence?: readonly string[] }, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/rpo.ts')).rpoCommand(context, { evidence: options.evidence ?? [] }),
        ),
      ),
    {
      examples: [
        ['holdfast rpo', 'every class, every component, every stretch'],
        ['holdfast rpo --evidence .holdfast/labs/lab', 'with how much was acknowledged in each stretch'],
        ['holdfast rpo --json | jq ".classes[] | select(.verdict != "kept")"', 'what is not kept or not known'],
      ],
      touches: 'nothing. Asks the controller that leads, else another one that answers, and for its history.',
      exits: '1 an objective is missed · 5 one is not known, none missed, or nothing was promised',
    },
  );
}
