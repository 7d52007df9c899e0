import type { Command } from 'commander';
import type { GlobalOptions, Shell } from '../shell.ts';
import { teach } from './help.ts';

const group = 'Look:';

/** Commands about the paths between sites, and about who is taken for the writer from where. */
export function registerNetworkCommands(program: Command, shell: Shell): void {
  const globals = (command: Command) => command.optsWithGlobals<GlobalOptions>();
  teach(
    program
      .command('latency')
      .helpGroup(group)
      .summary('round trips between sites against their budgets')
      .description(
        'Percentiles, jitter and loss of the probes between every two sites over the last minute (or the topology’s window), as each end sees them, against the budgets of the topology’s "network:" section or, for a pair without one, what its preferred link promises. Alerts wait before they come and before they go. What is not known says why. Without the section nothing is probed, and this says so.',
      )
      .action(async (_options: object, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/network.ts')).latencyCommand(context),
        ),
      ),
    {
      examples: [
        ['holdfast latency', 'every path, alerts, and what is unknown'],
        ['holdfast latency --json | jq ".paths[] | {from, to, p99: .trips.p99Ms}"', 'for scripts'],
      ],
      touches: 'nothing. Sends no probe: asks a controller what the probers told it.',
      exits: '1 a budget is exceeded or an alert has not ended · 5 a path is not known or not measured, nothing worse',
    },
  );
  const network = program
    .command('network')
    .helpGroup(group)
    .summary('do all vantages name the same writer, and are the paths within their budgets?')
    .description('Whether every vantage names the same writer, and what the paths between sites take.');
  teach(
    network
      .command('check')
      .summary('who is taken for the writer from where, then the latency')
      .description(
        'Asks every controller for itself: active site, clients’ route, holder and epoch of every component, as the record says it there; and what every instance and front is seen doing. Measured against the record of the highest epoch, not against a majority. Whoever differs is named; who cannot be asked is unknown, which is no agreement. Then the latency, where it is measured.',
      )
      .action(async (_options: object, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/network.ts')).networkCheckCommand(context),
        ),
      ),
    {
      examples: [
        ['holdfast network check', 'from every vantage'],
        [
          'holdfast network check --json | jq ".agreement[].subjects[] | select(.verdict != \\"agree\\")"',
          'who differs',
        ],
      ],
      touches: 'nothing. Asks every controller.',
      exits:
        '1 somebody differs, a budget is exceeded or an alert has not ended · 5 something is not known, nothing worse',
    },
  );
}
