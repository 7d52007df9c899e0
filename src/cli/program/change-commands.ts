import { type Command, Option } from 'commander';
import { collect, exposureOption, lossOption, minutesOption } from '../option-values.ts';
import type { GlobalOptions, Shell } from '../shell.ts';
import { teach } from './help.ts';

const group = 'Act:';
const globals = (command: Command) => command.optsWithGlobals<GlobalOptions>();
const asks =
  'Shows topology, plan and rules, asks for the target to be typed, follows the run, shows the topology again.';
const exits = '3 refused by a safety rule · 4 needs an approval · 5 unknown: look before you repeat it';

/** Commands that change something. Each is evidence, also when it is refused. */
export function registerChangeCommands(program: Command, shell: Shell): void {
  const before = new Set(program.commands);
  registerMoves(program, shell);
  registerRecovery(program, shell);
  registerApproval(program, shell);
  registerResume(program, shell);
  registerFencing(program, shell);
  registerBrakes(program, shell);
  registerAuthority(program, shell);
  for (const command of program.commands.filter((each) => !before.has(each)))
    for (const changing of command.commands.length === 0 ? [command] : command.commands)
      changing.option('--dry-run', 'show everything, change nothing: the last step is not asked for');
}

interface MoveFlags {
  readonly override?: readonly string[];
  readonly ticket?: string;
  readonly reason?: string;
  readonly acceptDataLoss?: string;
  readonly plan?: string;
  readonly yes?: boolean;
  readonly wait: boolean;
}

function registerMoves(program: Command, shell: Shell): void {
  const move = (
    verb: 'failover' | 'switchover' | 'failback',
    words: { readonly args: string; readonly summary: string; readonly description: string },
  ) => {
    const command = program
      .command(`${verb}${words.args}`)
      .helpGroup(group)
      .summary(words.summary)
      .description(`${words.description} ${asks}`)
      .option('--plan <digest>', 'only this plan, as "holdfast plan" showed it')
      .option('-y, --yes', 'do not ask; needs --plan. Skips no safety rule')
      .option(
        '--override <rule>',
        'act in spite of one rule that allows it, or of one prerequisite; needs --reason and the role risk-officer',
        collect,
      )
      .option('--reason <text>', 'why; stands beside your name in the evidence')
      .option('--no-wait', 'return when the run has begun');
    if (verb !== 'failover') command.option('--ticket <name>', 'the change ticket that it belongs to');
    if (verb === 'failover')
      command.option(
        '--accept-data-loss <class:count>',
        'accept this loss by name, e.g. orders:12; needs the role risk-officer',
        lossOption,
      );
    return command.action(async (...given: readonly unknown[]) => {
      const command = given.at(-1) as Command;
      const flags = command.opts<MoveFlags>();
      const site = verb === 'failback' ? undefined : (given[0] as string | undefined);
      await shell.ask(globals(command), async (context) =>
        (await import('../commands/move.ts')).moveCommand(context, {
          verb,
          toSite: site ?? null,
          overrides: flags.override ?? [],
          ticket: flags.ticket ?? null,
          reason: flags.reason ?? '',
          acceptDataLoss: flags.acceptDataLoss ?? null,
          consent: { yes: flags.yes === true, digest: flags.plan ?? null },
          wait: flags.wait,
        }),
      );
    });
  };
  teach(
    move('failover', {
      args: ' [site]',
      summary: 'unplanned move: the active site is lost or must be left',
      description:
        'Moves a group away from a site that has failed. The old holders are fenced before anything is promoted.',
    }),
    {
      examples: [
        ['holdfast failover', 'to the preferred site that is left'],
        ['holdfast failover chi --plan 8c1f… --yes', 'from a script: exactly this plan'],
        ['holdfast failover chi --override R-VERDICT --reason "NOC sees smoke"', 'on what only you know'],
        ['holdfast plan failover chi --accept-data-loss=orders:12', 'look first: the plan as if it were accepted'],
        ['holdfast failover chi --accept-data-loss=orders:12', 'accepting a loss by name'],
      ],
      touches: 'the group: epoch, holders, traffic.',
      exits,
    },
  );
  teach(
    move('switchover', {
      args: ' [site]',
      summary: 'planned move: both sites are well',
      description:
        'Moves a group while everything is well: only to a site that is in step, the old holders are asked to stop and confirm it, then the usual order. Loses nothing or is refused.',
    }),
    {
      examples: [
        ['holdfast switchover chi', 'to chi'],
        ['holdfast switchover --no-wait', 'to the preferred other site; return at once'],
      ],
      touches: 'the group: epoch, holders, traffic; new risk stops for the time of the move.',
      exits,
    },
  );
  teach(
    move('failback', {
      args: '',
      summary: 'switchover to the most preferred serving site that is not active',
      description:
        'Goes back after a failover: a switchover to the most preferred serving site that is not active, which must have been fenced, re-seeded and caught up.',
    }),
    {
      examples: [['holdfast failback', 'says where to, and asks']],
      touches: 'the group, as switchover does.',
      exits,
    },
  );
}

function registerRecovery(program: Command, shell: Shell): void {
  teach(
    program
      .command('recover <component>')
      .helpGroup(group)
      .summary('recover one component by its own plan, where it stands')
      .description(
        'Runs the recovery plan of a component: the engine from checkpoint and journal, order management from the database, risk behind fail-safe, market data from its feeds, positions from the trades. Steps that the component does not offer are not applicable, which is no success. A run like any other: journalled, resumable by another controller, with the validation as its last step.',
      )
      .option('--plan <name>', 'the plan by name, e.g. recover-engine; without it, the one of its kind')
      .option('--reason <text>', 'why; stands beside your name in the evidence')
      .option('-y, --yes', 'do not ask. Skips no safety rule')
      .option('--no-wait', 'return when the run has begun')
      .action(
        async (
          component: string,
          flags: { readonly plan?: string; readonly reason?: string; readonly yes?: boolean; readonly wait: boolean },
          command: Command,
        ) =>
          shell.ask(globals(command), async (context) =>
            (await import('../commands/recover.ts')).recoverCommand(context, {
              component,
              runbook: flags.plan ?? null,
              reason: flags.reason ?? '',
              yes: flags.yes === true,
              wait: flags.wait,
            }),
          ),
      ),
    {
      examples: [
        ['holdfast recover order-management --dry-run', 'the steps and every rule; nothing is done'],
        ['holdfast recover engine', 'look, type the name, follow'],
        ['holdfast recover engine --plan recover-engine --yes', 'from a script'],
      ],
      touches: 'the component and, where its process starts anew, the epoch of the group. Needs the role operator.',
      exits,
    },
  );
}

function registerApproval(program: Command, shell: Shell): void {
  teach(
    program
      .command('approve <digest>')
      .helpGroup(group)
      .summary('say yes to exactly the plan that waits')
      .description(
        'Approves one plan by its digest. When the facts change so does the digest, and the approval says nothing any more. Follows the run that it allows.',
      )
      .addOption(
        new Option('--for <duration>', 'the approval holds so long').argParser(minutesOption).default(30, '30min'),
      )
      .option(
        '--accept-data-loss <class:count>',
        'accept this loss by name, e.g. orders:12; needs the role risk-officer',
        lossOption,
      )
      .option('-y, --yes', 'do not ask: the digest names the plan')
      .option('--no-wait', 'return when the approval is recorded')
      .action(
        async (
          digest: string,
          flags: {
            readonly for: number;
            readonly acceptDataLoss?: string;
            readonly yes?: boolean;
            readonly wait: boolean;
          },
          command: Command,
        ) =>
          shell.ask(globals(command), async (context) =>
            (await import('../commands/approve.ts')).approveCommand(context, {
              digest,
              minutes: flags.for,
              acceptDataLoss: flags.acceptDataLoss ?? null,
              yes: flags.yes === true,
              wait: flags.wait,
            }),
          ),
      ),
    {
      examples: [
        ['holdfast status', 'shows the plan that waits, and its digest'],
        ['holdfast approve 8c1f27aa90e3b1d4', 'look, type the target, follow'],
      ],
      touches:
        "the group's approvals; the leader then acts. Needs the role approver; with --accept-data-loss risk-officer.",
      exits,
    },
  );
  teach(
    program
      .command('activate <site>')
      .helpGroup(group)
      .summary('first grant of a group, once in its life')
      .description('Grants the first epoch to the instances of one site. Only for a group that nobody has ever held.')
      .option('-y, --yes', 'do not ask')
      .option('--no-wait', 'return when the run has begun')
      .action(async (site: string, flags: { readonly yes?: boolean; readonly wait: boolean }, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/activate.ts')).activateCommand(context, {
            site,
            yes: flags.yes === true,
            wait: flags.wait,
          }),
        ),
      ),
    {
      examples: [['holdfast activate nyc', 'look, type the site, follow']],
      touches: 'the group: its first epoch. Needs the role admin.',
      exits,
    },
  );
}

function registerResume(program: Command, shell: Shell): void {
  teach(
    program
      .command('resume')
      .helpGroup(group)
      .summary('end a halt on your name, without waiting for the lost copy')
      .description(
        'A component whose policy is to halt takes no new risk while nobody confirms as the policy asks. That ends by itself as soon as somebody has caught up. This ends it now: it goes on exposed, without exactly those that you name. A further loss halts it again.',
      )
      .option('--accept-exposure <component:instances>', 'who is done without, as --dry-run names it', exposureOption)
      .option('--reason <text>', 'why it may be borne; stands beside your name in the evidence')
      .option('-y, --yes', 'do not ask')
      .action(
        async (
          flags: {
            readonly acceptExposure?: string;
            readonly reason?: string;
            readonly dryRun?: boolean;
            readonly yes?: boolean;
          },
          command: Command,
        ) =>
          shell.ask(globals(command), async (context) =>
            (await import('../commands/resume.ts')).resumeCommand(context, {
              acceptExposure: flags.acceptExposure ?? null,
              reason: flags.reason ?? '',
              dryRun: flags.dryRun === true,
              yes: flags.yes === true,
            }),
          ),
      ),
    {
      examples: [
        ['holdfast resume --dry-run', 'what stands still, and without whom it would go on'],
        ['holdfast resume --accept-exposure db:nj-db --reason "NJ is flooded"', 'look, type the group, go on exposed'],
      ],
      touches: 'the halted grants of the group: mode and acknowledgement set. Needs the role risk-officer.',
      exits: '3 nothing is halted, or the exposure is another one · 5 unknown: look before you repeat it',
    },
  );
}

function registerFencing(program: Command, shell: Shell): void {
  teach(
    program
      .command('fence <instance>')
      .helpGroup(group)
      .summary('stop one instance now, through its agent')
      .description(
        'Stops the instance and keeps it from being a candidate until it is unfenced. If it holds a grant, what follows is decided as after any failure.',
      )
      .option(
        '--attest',
        'say that its host is off for good, when nobody can ask it; counts once two people have said so',
      )
      .option('--reason <text>', 'why; stands beside your name in the evidence')
      .option('-y, --yes', 'do not ask')
      .action(
        async (
          instance: string,
          flags: { readonly attest?: boolean; readonly reason?: string; readonly yes?: boolean },
          command: Command,
        ) =>
          shell.ask(globals(command), async (context) =>
            (await import('../commands/fence.ts')).fenceCommand(context, {
              instance,
              lift: false,
              attest: flags.attest === true,
              reason: flags.reason ?? '',
              yes: flags.yes === true,
            }),
          ),
      ),
    {
      examples: [
        ['holdfast fence engine-nyc-1 --reason "odd prices"', 'look, type the instance, see it stop'],
        [
          'holdfast fence engine-nyc-1 --attest --reason "PDU off, seen dark"',
          'the first person; the same again by the second',
        ],
      ],
      touches:
        'one instance, and the brakes of its group. --attest stops nothing, needs the role approver twice, and holds 30 min.',
      exits:
        '3 it cannot be fenced or need not be · 4 --attest waits for a second person · 5 told to stop, not seen to have stopped',
    },
  );
  teach(
    program
      .command('unfence <instance>')
      .helpGroup(group)
      .summary('let a fenced instance be a candidate again')
      .description('Takes back a fence. Starts nothing but a service that it barred; a standby comes up by its agent.')
      .option('--reason <text>', 'why')
      .action(async (instance: string, flags: { readonly reason?: string }, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/fence.ts')).fenceCommand(context, {
            instance,
            lift: true,
            attest: false,
            reason: flags.reason ?? '',
            yes: true,
          }),
        ),
      ),
    { examples: [['holdfast unfence engine-nyc-1', '']], touches: "the group's brakes." },
  );
}

function registerBrakes(program: Command, shell: Shell): void {
  const brake = (
    what: 'freeze' | 'maintenance',
    lift: boolean,
    flags: { readonly reason?: string; readonly for?: number },
    command: Command,
  ) =>
    shell.ask(globals(command), async (context) =>
      (await import('../commands/brakes.ts')).brakeCommand(context, {
        what,
        lift,
        reason: flags.reason ?? '',
        minutes: flags.for ?? null,
      }),
    );
  teach(
    program
      .command('freeze')
      .helpGroup(group)
      .summary('nothing happens by itself until it is lifted')
      .description('Freezes automation of a group. Diagnosis goes on, and people can still act.')
      .option('--reason <text>', 'why; whoever meets the brake tonight will read it')
      .option('--for <duration>', 'ends by itself after so long; without it, until lifted', minutesOption)
      .option('--lift', 'the same as unfreeze')
      .action((flags: { readonly reason?: string; readonly for?: number; readonly lift?: boolean }, command: Command) =>
        brake('freeze', flags.lift === true, flags, command),
      ),
    {
      examples: [
        ['holdfast freeze --reason "exchange test" --for 2h', ''],
        ['holdfast unfreeze', 'lift it'],
      ],
      touches: "the group's brakes.",
    },
  );
  teach(
    program
      .command('unfreeze')
      .helpGroup(group)
      .summary('let automation act again')
      .description('Lifts a freeze. What has waited is decided at once.')
      .option('--reason <text>', 'why')
      .action((flags: { readonly reason?: string }, command: Command) => brake('freeze', true, flags, command)),
    { examples: [['holdfast unfreeze', '']], touches: "the group's brakes." },
  );
  teach(
    program
      .command('maintenance')
      .helpGroup(group)
      .summary('announced work: what looks like a failure may be a screwdriver')
      .description('Announces work on a group. Automation waits; diagnosis goes on; people can still act.')
      .option('--reason <text>', 'what is being done')
      .option('--for <duration>', 'ends by itself after so long; without it, until ended', minutesOption)
      .option('--end', 'the work is done')
      .action((flags: { readonly reason?: string; readonly for?: number; readonly end?: boolean }, command: Command) =>
        brake('maintenance', flags.end === true, flags, command),
      ),
    {
      examples: [
        ['holdfast maintenance --reason "new switch" --for 90min', ''],
        ['holdfast maintenance --end', ''],
      ],
      touches: "the group's brakes.",
    },
  );
  teach(
    program
      .command('announce')
      .helpGroup(group)
      .summary('planned work is coming: its notice period counts from now')
      .description(
        'Records who announced which change, and when. A planned move of a group asks for so much notice (plannedMove.notice in the topology); an announcement starts nothing and stops nothing.',
      )
      .requiredOption('--ticket <name>', 'the change ticket')
      .requiredOption('--reason <text>', 'what is going to be done')
      .action(async (flags: { readonly ticket: string; readonly reason: string }, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/announce.ts')).announceCommand(context, flags),
        ),
      ),
    {
      examples: [
        ['holdfast announce --ticket CHG-204 --reason "move to chi for the switch"', 'now'],
        ['holdfast switchover chi --ticket CHG-204', 'when the notice period has passed'],
      ],
      touches: "the group's brakes.",
    },
  );
  teach(
    program
      .command('ack [run]')
      .helpGroup(group)
      .summary('you have looked: finished runs hold nothing up, tails that are kept are no news')
      .description(
        'Acknowledges the finished runs of a group, so that cool-down and flapping no longer count them, and the diverged tails that are kept aside now, so that they are no longer diagnosed. With an id it first makes sure that the group remembers that run; all are acknowledged together.',
      )
      .action(async (run: string | undefined, _flags: object, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/brakes.ts')).acknowledgeCommand(context, run ?? null),
        ),
      ),
    {
      examples: [
        ['holdfast runs last', 'look at why first'],
        ['holdfast ack', ''],
      ],
      touches: "the group's brakes.",
    },
  );
}

function registerAuthority(program: Command, shell: Shell): void {
  const authority = program
    .command('authority')
    .helpGroup(group)
    .summary('adopt: believe an authority that was restored from a backup')
    .description('What people decide about the store that says who may write.');
  teach(
    authority
      .command('adopt')
      .summary('say that a restored authority is to be believed')
      .description(
        'After the authority was restored from a backup R-INCARNATION blocks everything, because it may have forgotten a newer epoch. This says that it is to be believed: the epoch is raised far above every one that was heard of, every grant is taken, and what follows is decided by the usual rules. Refused until every instance was heard, or is attested to be off by two people. A holder that may not be the last one is doubted: giving its component to anybody then needs an accepted loss.',
      )
      .option('--reason <text>', 'which backup, and why it may be believed; stands beside your name in the evidence')
      .option('-y, --yes', 'do not ask')
      .action(async (flags: { readonly reason?: string; readonly yes?: boolean }, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/authority.ts')).adoptCommand(context, {
            reason: flags.reason ?? '',
            yes: flags.yes === true,
          }),
        ),
      ),
    {
      examples: [
        ['holdfast authority adopt --reason "etcd snapshot of 02:00"', 'look, type the group, see what is believed'],
      ],
      touches: 'the group: its epoch, every grant, the brakes, and leadership. Needs the role admin.',
      exits: '3 it may not be believed yet · 5 unknown: look before you repeat it',
    },
  );
}
