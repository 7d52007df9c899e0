import type { Command } from 'commander';
import { type ServiceOrder, serviceOrders } from '../../core/health/service-state.ts';
import type { GlobalOptions, Shell } from '../shell.ts';
import { teach } from './help.ts';

const group = 'Act:';

const summaries: Readonly<Record<ServiceOrder, { readonly summary: string; readonly description: string }>> = {
  start: { summary: 'has its manager start it', description: 'Refused where it is barred.' },
  stop: {
    summary: 'has its manager stop it',
    description:
      'Stopped is what its manager says is stopped and of which nothing is alive. Whoever may can start it again.',
  },
  restart: {
    summary: 'has its manager stop it, then start it',
    description: 'It is started once it was seen to be stopped. Refused where it is barred.',
  },
  bar: {
    summary: 'kills it and keeps it from starting',
    description:
      'Remembered by the agent and held through a restart of the manager, of the agent, and a start by hand, until it is allowed. An instance with "fencing: bar-service" is barred by holdfast fence as well.',
  },
  allow: { summary: 'takes a bar back', description: 'Starts nothing.' },
};

/** Commands about what systemd and supervisord keep running. Orders are evidence, also when they are refused. */
export function registerServiceCommands(program: Command, shell: Shell): void {
  const globals = (command: Command) => command.optsWithGlobals<GlobalOptions>();
  const service = program
    .command('service')
    .helpGroup(group)
    .summary('the service of an instance, as systemd or supervisord keeps it running: look, start, stop, bar')
    .description('Of instances whose "server.service" says who keeps them running.');
  teach(
    service
      .command('status <instance>')
      .summary('what its manager says, what of it is alive, whether it is barred')
      .description('Asks the agent on its host, which asks the manager and looks at the processes itself.')
      .action(async (instance: string, _options: object, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/service.ts')).serviceStatusCommand(context, instance),
        ),
      ),
    {
      examples: [['holdfast service status proxy-nyc-1', '']],
      touches: 'nothing.',
      exits:
        '1 it is barred and runs, or has no service (HF-4127) · 5 its manager does not say, or its processes cannot be seen',
    },
  );
  for (const order of serviceOrders)
    teach(
      service
        .command(`${order} <instance>`)
        .summary(summaries[order].summary)
        .description(summaries[order].description)
        .option('--reason <text>', 'why; stands beside your name in the evidence')
        .option('-y, --yes', 'do not ask')
        .option('--dry-run', 'show everything, change nothing: the last step is not asked for')
        .action(
          async (instance: string, flags: { readonly reason?: string; readonly yes?: boolean }, command: Command) =>
            shell.ask(globals(command), async (context) =>
              (await import('../commands/service.ts')).orderServiceCommand(context, {
                instance,
                order,
                reason: flags.reason ?? '',
                yes: flags.yes === true,
              }),
            ),
        ),
      {
        examples: [[`holdfast service ${order} proxy-nyc-1 --reason "CHG-77"`, '']],
        touches: 'one program on the host of the instance; needs the role operator.',
        exits: '1 its manager refused, or it has no service (HF-4127) · 5 told, and not seen to be so in time',
      },
    );
}
