import { Argument, type Command, Option } from 'commander';
import { collect, durationOption, wholeNumberOption } from '../../src/cli/option-values.ts';
import { teach } from '../../src/cli/program/help.ts';
import type { GlobalOptions, Shell } from '../../src/cli/shell.ts';
import { registerPlayCommand } from './play-program.ts';
import { projectRoot } from './project-root.ts';

const globals = (command: Command) => command.optsWithGlobals<GlobalOptions>();

interface Named {
  readonly name: string;
}

/** `holdfast lab …`: several data centres on this machine. */
export function registerLabCommands(program: Command, shell: Shell): void {
  const lab = program
    .command('lab')
    .helpGroup('On this machine:')
    .summary('several data centres on this machine: up, status, break, heal, load, down')
    .description(
      'The loopback lab: every site of a topology as processes on this machine, with the links’ latencies, and faults that end by themselves.',
    );
  const named = (command: Command) =>
    command.option('--name <name>', 'of the lab; several can run side by side', 'lab');
  const actions = () => import('./lab-actions.ts');
  teach(
    named(lab.command('up'))
      .summary('bring a topology up')
      .option('--topology <file>', 'the firm (default: examples/three-site.yaml)')
      .option('--overlay <file>', 'laid over it; may be given again, the lowest first', collect, [])
      .option('--block <n>', 'second octet of its addresses, 127.N.…', wholeNumberOption)
      .addOption(
        new Option('--ground <ground>', 'what it stands on: processes on loopback, or network namespaces (root, Linux)')
          .choices(['loopback', 'netns'])
          .default('loopback'),
      )
      .addOption(
        new Option(
          '--servers <which>',
          'with --ground netns: all of them, those that agents lead and the authority, or the authority alone',
        )
          .choices(['all', 'led', 'authority'])
          .default('all'),
      )
      .option(
        '--canary',
        'a client beside it that writes a marked order and row a second; holdfast lab canary counts them',
      )
      .option('--relayed', 'relays also inside a site, so that its hosts can be cut off from each other')
      .action(
        async (
          flags: Named & {
            readonly topology?: string;
            readonly overlay: readonly string[];
            readonly block?: number;
            readonly ground: 'loopback' | 'netns';
            readonly servers: 'all' | 'led' | 'authority';
            readonly relayed?: boolean;
            readonly canary?: boolean;
          },
          command: Command,
        ) =>
          shell.run(globals(command), async (terminal) =>
            (await actions()).up(
              {
                root: projectRoot,
                name: flags.name,
                topologyFile: flags.topology ?? null,
                overlays: flags.overlay,
                block: flags.block ?? null,
                relayed: flags.relayed === true,
                canary: flags.canary === true,
                ground: flags.ground,
                servers: flags.servers,
              },
              globals(command).json === true ? () => {} : (line) => terminal.out(`${line}\n`),
            ),
          ),
      ),
    {
      examples: [
        ['holdfast lab up', 'the three-site firm'],
        ['holdfast lab up --topology examples/two-site.yaml --name two', 'another one beside it'],
        [
          'holdfast lab up --ground netns',
          'its network and hosts with real routers and servers, and the platform on them',
        ],
        ['holdfast lab up --canary', 'with a client whose every acknowledged write is looked for later'],
      ],
      touches:
        'starts processes; files below .holdfast/labs/NAME. Nothing outside 127.0.0.0/8. With --ground netns: network namespaces and control groups, and Debian packages that it lacks, which it names first.',
    },
  );
  teach(
    named(lab.command('status'))
      .summary('processes, faults in force, memory and processor time')
      .option('--measure', 'also send messages over every link and time them')
      .action(async (flags: Named & { readonly measure?: boolean }, command: Command) =>
        shell.run(globals(command), async () =>
          (await actions()).status({ root: projectRoot, name: flags.name }, flags.measure === true),
        ),
      ),
    {
      examples: [
        ['holdfast lab status', ''],
        ['holdfast lab status --measure', 'with round trips as they are'],
      ],
      touches: 'nothing.',
    },
  );
  teach(
    named(lab.command('canary'))
      .summary('looks for every canary that was acknowledged; of a lab that is up with --canary')
      .description(
        'The canary client records what it means to write before it sends it, and what it was told after. This looks for every order and row that was acknowledged to it, at the engine and in the database, through the fronts. What was never answered is counted apart: it is no loss.',
      )
      .action(async (flags: Named, command: Command) =>
        shell.run(globals(command), async () => (await actions()).canary({ root: projectRoot, name: flags.name })),
      ),
    {
      examples: [
        ['holdfast lab canary', 'after a failover'],
        ['holdfast lab canary --json | jq .ordersMissing', 'for scripts'],
      ],
      touches: 'nothing. Reads the engine and the database as a client would.',
      exits: '1 one is missing · 5 they cannot all be looked for, none known to be missing',
    },
  );
  teach(
    named(lab.command('break <fault> [what...]'))
      .summary('hurt it; every fault ends by itself')
      .description(
        'Injects one fault. Kinds: link-down LINK · path-down GROUP · cut A B · one-way FROM TO · site-isolated SITE · extra-latency A B · loss A B · host-silent HOST · host-power-off HOST · site-power-off SITE · freeze KIND NAME · kill KIND NAME · authority-restored, where KIND is instance, agent, warden, controller, host or process.',
      )
      .addOption(
        new Option('--for <duration>', 'it ends by itself after so long (a kill and a restore are over at once)')
          .argParser(durationOption)
          .default(60_000, '60s'),
      )
      .option('--keep <place>', 'site-isolated: leave these paths open (outside, venues)', collect, [])
      .option('--rtt <ms>', 'extra-latency: so much is added to the round trip', wholeNumberOption)
      .option('--percent <n>', 'loss: so many of a hundred', wholeNumberOption)
      .action(
        async (
          kind: string,
          what: readonly string[],
          flags: Named & {
            readonly for: number;
            readonly keep: readonly string[];
            readonly rtt?: number;
            readonly percent?: number;
          },
          command: Command,
        ) =>
          shell.run(globals(command), async () =>
            (await actions()).breakIt(
              { root: projectRoot, name: flags.name },
              { kind, what, keep: flags.keep, rttMs: flags.rtt ?? null, percent: flags.percent ?? null },
              flags.for,
            ),
          ),
      ),
    {
      examples: [
        ['holdfast lab break site-power-off nyc --for 30s', 'the active site is gone; its power returns'],
        ['holdfast lab break freeze instance engine-nyc-1 --for 5s', ''],
        ['holdfast lab break kill controller chi', 'for good, until it is restarted'],
        ['holdfast lab break cut nyc chi --for 10s', 'both ways, every link'],
      ],
      touches: 'the lab.',
    },
  );
  teach(
    named(lab.command('heal [fault]'))
      .summary('end one fault before its time, or all')
      .action(async (fault: string | undefined, flags: Named, command: Command) =>
        shell.run(globals(command), async () =>
          (await actions()).heal({ root: projectRoot, name: flags.name }, fault ?? 'all'),
        ),
      ),
    {
      examples: [
        ['holdfast lab heal', 'all'],
        ['holdfast lab heal f3', 'one'],
      ],
      touches: 'the lab.',
    },
  );
  teach(
    named(lab.command('copy-authority'))
      .summary('copy the authority’s data as it is now, for a later authority-restored')
      .action(async (flags: Named, command: Command) =>
        shell.run(globals(command), async () =>
          (await actions()).copyAuthority({ root: projectRoot, name: flags.name }),
        ),
      ),
    {
      examples: [
        ['holdfast lab copy-authority', 'it stands still meanwhile, some milliseconds'],
        ['holdfast lab break authority-restored', 'later: it comes back as it was then'],
      ],
      touches: 'the lab.',
    },
  );
  teach(
    named(lab.command('restart <key>'))
      .summary('start a process again that was killed for good')
      .action(async (key: string, flags: Named, command: Command) =>
        shell.run(globals(command), async () =>
          (await actions()).restart({ root: projectRoot, name: flags.name }, key),
        ),
      ),
    { examples: [['holdfast lab restart controller/chi', 'keys are in "lab status"']], touches: 'the lab.' },
  );
  teach(
    named(lab.command('load'))
      .addArgument(
        new Argument('<action>', 'what to do').choices(['start', 'status', 'pause', 'resume', 'rate', 'stop']),
      )
      .argument('[rate]', 'orders per second', wholeNumberOption)
      .summary('the order flow: an open loop of clients, in a process of its own')
      .action(async (action: string, rate: number | undefined, flags: Named, command: Command) =>
        shell.run(globals(command), async () =>
          (await actions()).load({ root: projectRoot, name: flags.name }, action, rate ?? null),
        ),
      ),
    {
      examples: [
        ['holdfast lab load start 1000', 'orders per second'],
        ['holdfast lab load status', ''],
        ['holdfast lab load stop', 'ledgers stay'],
      ],
      touches: 'the lab: orders flow to its fronts.',
    },
  );
  registerPlayCommand(lab, shell);
  teach(
    named(lab.command('down'))
      .summary('end it, whatever state it is in; evidence and reports stay')
      .action(async (flags: Named, command: Command) =>
        shell.run(globals(command), async (terminal) =>
          (await actions()).down({ root: projectRoot, name: flags.name }, (line) => terminal.err(`${line}\n`)),
        ),
      ),
    {
      examples: [
        ['holdfast lab down', ''],
        ['holdfast lab down --name two', ''],
      ],
      touches: 'ends every process of this lab and removes its files, except evidence and report.',
    },
  );
}
