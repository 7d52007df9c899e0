import { type Command, Option } from 'commander';
import { collect, durationOption, lossOption } from '../option-values.ts';
import type { GlobalOptions, Shell } from '../shell.ts';
import { teach } from './help.ts';

const group = 'Look:';

/** Commands that change nothing. */
export function registerReadCommands(program: Command, shell: Shell): void {
  const globals = (command: Command) => command.optsWithGlobals<GlobalOptions>();
  teach(
    program
      .command('status')
      .helpGroup(group)
      .summary('one screen: who is active, who can take over, what would stop it')
      .description(
        'One screen of at most 24 × 80: a verdict, what to do, who is active, epoch, durability with exposure, who can take over and which rule would stop that, quorum, brakes, every site. What is unknown is said as unknown, with the last value and its age.',
      )
      .option('-w, --watch', 'follow it; on a pipe, one JSON line per change')
      .addOption(
        new Option('--max-age <duration>', 'older than this counts as stale')
          .argParser(durationOption)
          .default(10_000, '10s'),
      )
      .action(async (options: { readonly watch?: boolean; readonly maxAge: number }, command: Command) =>
        shell.ask(globals(command), async (context) => {
          if (options.watch)
            return (await import('../commands/watch.ts')).watchCommand(context, { maxAgeMs: options.maxAge });
          return (await import('../commands/status.ts')).statusCommand(context, { maxAgeMs: options.maxAge });
        }),
      ),
    {
      examples: [
        ['holdfast status', 'now'],
        ['holdfast status -w', 'until Ctrl-C, redrawn with every event'],
        ['holdfast status -w --max-age 5s | tee log', 'one JSON line per change; 5 when the stream dies'],
        ['holdfast status --connect firm.json --as ada', 'another firm, as somebody else'],
      ],
      touches: 'nothing. Asks a controller for its status, and the leader for a dry run of a failover.',
      exits: '5 nobody answered, or what is known is older than --max-age',
    },
  );
  teach(
    program
      .command('health')
      .helpGroup(group)
      .summary('every instance at four depths, through every observer')
      .description(
        'Instances at four depths (process, application, business, end to end) with the age of each word, and what every observer says of every host.',
      )
      .action(async (_options: object, command: Command) =>
        shell.ask(globals(command), async (context) => (await import('../commands/health.ts')).healthCommand(context)),
      ),
    {
      examples: [
        ['holdfast health', 'everything'],
        ['holdfast health --json | jq .groups[].diagnoses', 'what is wrong, for scripts'],
      ],
      touches: 'nothing.',
      exits: '1 something failed or degraded · 5 something suspect or unknown, nothing worse',
    },
  );
  const plan = program
    .command('plan')
    .helpGroup(group)
    .summary('dry run of a failover or switchover: steps, cost, every rule')
    .description(
      'What would be done, in which order, with which predicted loss and duration, and what every safety rule says. Its digest is what scripts and approvals name.',
    );
  for (const move of ['failover', 'switchover'] as const) {
    const command = plan
      .command(`${move} [site]`)
      .summary(
        move === 'failover' ? 'unplanned: the active site is lost or must be left' : 'planned: both sites are well',
      )
      .option('--override <rule>', 'show it as if this rule were overridden; overrides nothing', collect);
    if (move === 'switchover') command.option('--ticket <name>', 'show it as if it belonged to this change ticket');
    if (move === 'failover')
      command.option(
        '--accept-data-loss <class:count>',
        'show it as if this loss were accepted; accepts nothing',
        lossOption,
      );
    command.action(
      async (
        site: string | undefined,
        options: { readonly acceptDataLoss?: string; readonly override?: readonly string[]; readonly ticket?: string },
        self: Command,
      ) =>
        shell.ask(globals(self), async (context) =>
          (await import('../commands/plan.ts')).planCommand(context, {
            move,
            toSite: site ?? null,
            acceptDataLoss: options.acceptDataLoss ?? null,
            overrides: options.override ?? [],
            ticket: options.ticket ?? null,
          }),
        ),
    );
    const preview =
      move === 'failover'
        ? ([
            [
              'holdfast plan failover chi --accept-data-loss=orders:12',
              'what would be done if that loss were accepted',
            ],
          ] as const)
        : [];
    teach(command, {
      examples: [
        [`holdfast plan ${move}`, 'to the preferred site'],
        [`holdfast plan ${move} chi --json`, 'to a named one, for scripts'],
        ...preview,
      ],
      touches: 'nothing. Only the leading controller answers.',
      exits: '3 a rule would refuse it · 4 it would need an approval · 5 no controller leads',
    });
  }
  teach(
    program
      .command('validate [site]')
      .helpGroup(group)
      .summary('ten checks and one verdict: is all well after a recovery?')
      .description(
        'Database, Redis, engine, market data, order management, risk, positions, integrity, replication, network: each with what was measured. The verdict is fail if any failed, else inconclusive if any could not be made. With --before: what a planned move asks for before it begins, instead.',
      )
      .option('--before', 'the list before a planned move, to SITE or the preferred one')
      .option('--ticket <name>', 'with --before: as if it belonged to this change ticket')
      .action(
        async (
          site: string | undefined,
          options: { readonly before?: boolean; readonly ticket?: string },
          command: Command,
        ) =>
          shell.ask(globals(command), async (context) => {
            const commands = await import('../commands/validate.ts');
            if (options.before !== true) return commands.validateCommand(context);
            return commands.beforeMoveCommand(context, { toSite: site ?? null, ticket: options.ticket ?? null });
          }),
      ),
    {
      examples: [
        ['holdfast validate', 'after a recovery, or at any time'],
        ['holdfast validate --json | jq .verdict', 'for scripts'],
        ['holdfast validate --before chi --ticket CHG-204', 'is everything ready for a planned move?'],
      ],
      touches: 'nothing. Only the leading controller answers.',
      exits: '1 a check failed · 5 none failed and one could not be made, or no controller leads',
    },
  );
  teach(
    program
      .command('residue')
      .helpGroup(group)
      .summary('is anything of an earlier reign left, after a move or a drill?')
      .description(
        'Looks for old writers that still run, hang or ended unseen; gates that stand open; runs that ended and are still named; epochs but the present one; leases of former holders; sessions of old writers at exchanges; copies that copy nobody without its being said. Each finding has its place and a remedy. What cannot be looked at, a host that is off for instance, is inconclusive, never clean.',
      )
      .action(async (_: unknown, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/residue.ts')).residueCommand(context),
        ),
      ),
    {
      examples: [
        ['holdfast residue', 'after a failover, a failback or a drill'],
        ["holdfast residue --json | jq '.looks[].findings[]'", 'for scripts'],
      ],
      touches: 'nothing. Only the leading controller answers.',
      exits: '1 something is left · 5 nothing was found and not all could be looked at, or no controller leads',
    },
  );
  teach(
    program
      .command('fates [instance]')
      .helpGroup(group)
      .summary('what became of every order that was in doubt at a take-over')
      .description(
        'Asks the engine that is primary, or the instance named, through its agent: how each exchange’s session was proven, how many reports were missed, and every order and request that was in doubt with its fate and what proved it. An instance that is not primary tells of its last take-over; still earlier ones are in the data directories of the engines.',
      )
      .option('--order <id>', 'only this one; may be given again', collect)
      .action(async (instance: string | undefined, options: { readonly order?: readonly string[] }, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/fates.ts')).fatesCommand(context, {
            instance: instance ?? null,
            orders: options.order ?? [],
          }),
        ),
      ),
    {
      examples: [
        ['holdfast fates', 'the engine that is primary'],
        ['holdfast fates engine-nyc', 'its last take-over, also when it is standby now'],
        ['holdfast fates --order c1-204 --json', 'one order, as data'],
      ],
      touches: 'nothing. Only the leading controller asks; the engine answers from what it knows.',
      exits: '1 the engine cannot tell · 5 something is still without a proof, or no controller leads',
    },
  );
  teach(
    program
      .command('tail [instance]')
      .helpGroup(group)
      .summary('what only a former primary had: its divergent tail, row by row')
      .description(
        'Asks the instance that keeps a divergent tail, through its agent, what that was decoded to before its data was replaced: every order, execution, commit or other row by its id, what happened to it there, and what the new primary has under the same id. Whether a client was told is not in a log: compare with the ledgers of clients. Where something could not be decoded the reasons are named, there may be more than what is listed, and the data directory was not given up.',
      )
      .action(async (instance: string | undefined, _: unknown, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/tail.ts')).tailCommand(context, instance ?? null),
        ),
      ),
    {
      examples: [
        ['holdfast tail', 'of the only instance that keeps one'],
        ['holdfast tail db-nyc', 'of this one, where several do'],
        ['holdfast tail --json | jq \'.entries[] | select(.kind == "order") | .id\'', 'order ids, for scripts'],
      ],
      touches: 'nothing. Only the leading controller asks; databases decode their tails with "rejoinPolicy: listed".',
      exits: '1 nobody keeps a tail that was decoded · 5 there may be more than what is listed, or no controller leads',
    },
  );
  teach(
    program
      .command('runs [id]')
      .helpGroup(group)
      .summary('history of moves, or one of them with steps and proofs')
      .description(
        'Every run that the answering controllers remember, newest first; with an id (or "last") its steps, outcomes, durations and fencing proofs.',
      )
      .action(async (id: string | undefined, _options: object, command: Command) =>
        shell.ask(globals(command), async (context) =>
          (await import('../commands/runs.ts')).runsCommand(context, id ?? null),
        ),
      ),
    {
      examples: [
        ['holdfast runs', 'the list'],
        ['holdfast runs last', 'the newest, whole'],
        ['holdfast runs trading-7 --json', 'one, as data'],
      ],
      touches: 'nothing. Reads the journal as every controller has copied it.',
      exits: '5 no controller answered',
    },
  );
}
