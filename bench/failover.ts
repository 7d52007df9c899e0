import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bringDown } from '../lab/demo/bring-up.ts';
import { onInterruption } from '../lab/demo/interruption.ts';
import { messageOf } from '../lab/lab-error.ts';
import type { Topology } from '../src/core/topology/topology.ts';
import { ServersUnderTest } from '../test/integration/netns-servers/servers-under-test.ts';
import { type FaultName, faultNames, notSeenBecause, type Series } from './failover/failover-run.ts';
import { databaseFaults, LedDatabase } from './failover/led-database.ts';
import { firmFaults, firmTopology, LedFirm } from './failover/led-firm.ts';
import { PatroniBaseline } from './failover/patroni-baseline.ts';
import { RoutesBaseline } from './failover/routes-baseline.ts';
import { SentinelBaseline } from './failover/sentinel-baseline.ts';
import { describeFault, faultRows, measurementsOf, tableHead } from './failover/table.ts';

const help = `Plays faults against Patroni alone, Sentinel alone, keepalived and BGP in a lab of network namespaces, and prints ours beside theirs.

  npm run bench:failover [-- NAME …] [--lab servers|firm|database] [--overlay FILE …] [--rounds N] [--long] [--json]

NAME: ${faultNames.join(', ')};
all of them when none is named. A figure is the median of the rounds (5 unless told), from the fault to the first success of a client
outside every site; timers are printed as the running servers have them. --lab plays only what one of the three labs is needed for: servers
that nobody leads, a firm whose agents lead them, or one whose database is under Patroni. --overlay is laid over that firm, e.g. with other timing on a machine that does much
else. --long also plays BGP with a hold time of 180 s. Needs root. docs/reference/benchmarks.md says what the numbers mean.
`;

const root = join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    lab: { type: 'string' },
    overlay: { type: 'string', multiple: true, default: [] },
    long: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const begun = performance.now();
const say = (line: string) =>
  void process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(1).padStart(7)} s  ${line}\n`);

interface Wish {
  readonly asked: ReadonlySet<FaultName>;
  readonly rounds: number;
}

const labs = {
  servers: { root, name: 'bench-failover' },
  firm: { root, name: 'bench-failover-firm' },
  database: { root, name: 'bench-failover-database' },
};

let isInterrupted = false;
const untilExit = new Promise<never>(() => {});
/** Ctrl-C ends the labs before it ends the process. */
function downWhenInterrupted(): () => void {
  return onInterruption(() => {
    isInterrupted = true;
    say('interrupted');
    Promise.all(Object.values(labs).map((lab) => bringDown(lab, say))).then(
      () => process.exit(130),
      () => process.exit(1),
    );
  });
}

let isLeft = false;
/** What was measured is printed all the same. */
const notDown = (error: unknown): void => {
  isLeft = true;
  say(messageOf(error));
};

const serverFaults = ['database-killed', 'database-isolated', 'redis-killed', 'gateway-silent', 'link-silent'] as const;

/** Nothing begins any more once somebody has interrupted it. */
async function unlessInterrupted<Result>(
  work: () => Promise<Result>,
  otherwise: (error: unknown) => Result,
): Promise<Result> {
  try {
    return isInterrupted ? await untilExit : await work();
  } catch (error) {
    return isInterrupted ? await untilExit : otherwise(error);
  }
}

/** What could not even be begun is a series, too: of one round that was not seen. */
const tried = (
  who: Pick<Series, 'fault' | 'by' | 'side'>,
  work: () => Promise<readonly Series[]>,
): Promise<readonly Series[]> =>
  unlessInterrupted(work, (error) => {
    const round = notSeenBecause(error);
    say(`${who.fault}: ${round.why}`);
    return [{ ...who, timers: null, rounds: [round] }];
  });

/** Servers that nobody leads, all in one lab. */
async function amongServers({ asked, rounds }: Wish): Promise<readonly Series[]> {
  const series: Series[] = [];
  const play = async (fault: FaultName, by: string, side: Series['side'], work: () => Promise<readonly Series[]>) => {
    if (asked.has(fault)) series.push(...(await tried({ fault, by, side }, work)));
  };
  const servers = await ServersUnderTest.up(labs.servers.name, { servers: 'delegates', say });
  const options = { servers, rounds, long: values.long, say };
  try {
    for (const fault of ['database-killed', 'database-isolated'] as const)
      await play(fault, 'patroni', 'theirs', () => PatroniBaseline.measured(fault, options));
    await play('redis-killed', 'sentinel', 'theirs', () => SentinelBaseline.measured(options));
    const routes = new RoutesBaseline(options);
    await play('gateway-silent', 'holdfast', 'ours', () => routes.gatewaySilent('ours'));
    await play('link-silent', 'holdfast', 'ours', () => routes.linkSilent('ours'));
    await play('gateway-silent', 'keepalived', 'theirs', () => routes.gatewaySilent('theirs'));
    await play('link-silent', 'bgp', 'theirs', () => routes.linkSilent('theirs'));
    return series;
  } finally {
    say('bringing the lab down');
    await servers.down().catch(notDown);
  }
}

/** A whole firm whose agents lead its servers. */
async function amongTheFirm(topology: Topology, { asked, rounds }: Wish): Promise<readonly Series[]> {
  try {
    const firm = await LedFirm.up(labs.firm, topology, { rounds, say });
    try {
      const series: Series[] = [];
      for (const fault of firmFaults) if (asked.has(fault)) series.push(await firm.measured(fault));
      return series;
    } finally {
      firm.close();
    }
  } finally {
    await bringDown(labs.firm, say).catch(notDown);
  }
}

/** A whole firm whose database is under Patroni. */
async function amongTheDatabase(topology: Topology, { asked, rounds }: Wish): Promise<readonly Series[]> {
  try {
    const firm = await LedDatabase.up(labs.database, topology, { rounds, say });
    try {
      const series: Series[] = [];
      for (const fault of databaseFaults) if (asked.has(fault)) series.push(await firm.measured(fault));
      return series;
    } finally {
      firm.close();
    }
  } finally {
    await bringDown(labs.database, say).catch(notDown);
  }
}

function complaintAbout(rounds: number): string | null {
  const unknown = positionals.find((name) => !faultNames.includes(name as FaultName));
  if (unknown !== undefined) return `no fault "${unknown}"`;
  if (!Number.isInteger(rounds) || rounds < 1) return `--rounds ${values.rounds} is not a count`;
  if (values.lab !== undefined && !Object.hasOwn(labs, values.lab)) return `no lab "${values.lab}"`;
  return null;
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const rounds = Number(values.rounds);
  const complaint = complaintAbout(rounds);
  if (complaint !== null) {
    process.stderr.write(`HF-1002 ${complaint}\n\n${help}`);
    return 2;
  }
  const asked = new Set(positionals.length > 0 ? (positionals as FaultName[]) : faultNames);
  const temporary = join(root, '.holdfast', `bench-failover-${process.pid}`);
  mkdirSync(temporary, { recursive: true });
  process.env['TMPDIR'] = temporary;
  process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
  const topology = firmTopology(root, values.overlay);
  const release = downWhenInterrupted();
  /** Why something that was asked for was not played. */
  let leftOut = `--lab ${values.lab} leaves it out`;
  const played = async (
    lab: keyof typeof labs,
    faults: readonly FaultName[],
    work: () => Promise<readonly Series[]>,
  ): Promise<readonly Series[]> => {
    if ((values.lab !== undefined && values.lab !== lab) || !faults.some((fault) => asked.has(fault))) return [];
    return unlessInterrupted(work, (error) => {
      leftOut = notSeenBecause(error).why!;
      say(leftOut);
      return [];
    });
  };
  const series = [
    ...(await played('servers', serverFaults, () => amongServers({ asked, rounds }))),
    ...(await played('firm', firmFaults, () => amongTheFirm(topology, { asked, rounds }))),
    ...(await played('database', databaseFaults, () =>
      amongTheDatabase(firmTopology(root, values.overlay, 'three-site-patroni'), { asked, rounds }),
    )),
  ];
  release();
  const rows = faultRows(topology.timing).filter(({ fault }) => asked.has(fault));
  const measured = rows.map((row) => measurementsOf(row, series, leftOut));
  if (values.json) process.stdout.write(`${JSON.stringify(measured.flat())}\n`);
  else
    process.stdout.write(
      `${[tableHead, ...rows.map((row, index) => describeFault(row, measured[index]!))].join('\n')}\n`,
    );
  const isMeasured = series.some((each) => each.rounds.some(({ seconds }) => seconds !== null));
  return isLeft ? 1 : isMeasured ? 0 : 5;
}

process.exitCode = await main();
