import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bringDown, downOnSignal } from '../lab/demo/bring-up.ts';
import { ServersUnderTest } from '../test/integration/netns-servers/servers-under-test.ts';
import { type FaultName, faultNames, type Series } from './failover/failover-run.ts';
import { firmFaults, firmTopology, LedFirm } from './failover/led-firm.ts';
import { PatroniBaseline } from './failover/patroni-baseline.ts';
import { RoutesBaseline } from './failover/routes-baseline.ts';
import { SentinelBaseline } from './failover/sentinel-baseline.ts';
import { describeFault, faultRows, measurementsOf, tableHead } from './failover/table.ts';

const help = `Plays faults against Patroni alone, Sentinel alone, keepalived and BGP in a lab of network namespaces, and prints ours beside theirs.

  npm run bench:failover [-- NAME …] [--lab servers|firm] [--rounds N] [--long] [--json]

NAME: ${faultNames.join(', ')}; all of them when none is named. A figure is the median of the rounds (5 unless told), from the fault to
the first success of a client outside every site; timers are printed as the running servers have them. --lab plays only what one
of the two labs is needed for: servers that nobody leads, or a firm whose agents lead them. --long also plays BGP with a hold time of 180 s. Needs root. docs/reference/benchmarks.md says what the numbers mean.
`;

const root = join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    lab: { type: 'string' },
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

const withoutLeaders = [
  'database-killed',
  'database-isolated',
  'redis-killed',
  'gateway-silent',
  'link-silent',
] as const;

/** Servers that nobody leads, all in one lab. */
async function amongServers({ asked, rounds }: Wish): Promise<readonly Series[]> {
  const lab = { root, name: 'bench-failover' };
  const release = downOnSignal(lab, say);
  try {
    const servers = await ServersUnderTest.up(lab.name, { servers: 'delegates', say });
    const options = { servers, rounds, long: values.long, say };
    try {
      const series: Series[] = [];
      if (asked.has('database-killed') || asked.has('database-isolated')) {
        const patroni = await PatroniBaseline.open(options);
        try {
          if (asked.has('database-killed')) series.push(await patroni.killed());
          if (asked.has('database-isolated')) series.push(await patroni.isolated());
        } finally {
          patroni.close();
        }
      }
      if (asked.has('redis-killed')) series.push(...(await (await SentinelBaseline.open(options)).killed()));
      // Last: routers keep the timers that they were given.
      const routes = new RoutesBaseline(options);
      if (asked.has('gateway-silent')) series.push(...(await routes.gatewaySilent()));
      if (asked.has('link-silent')) series.push(...(await routes.linkSilent()));
      return series;
    } finally {
      say('bringing the lab down');
      await servers.down();
    }
  } finally {
    release();
  }
}

/** A whole firm whose agents lead its servers. */
async function amongTheFirm({ asked, rounds }: Wish): Promise<readonly Series[]> {
  const lab = { root, name: 'bench-failover-firm' };
  const release = downOnSignal(lab, say);
  try {
    const firm = await LedFirm.up(lab, { rounds, say });
    try {
      const series: Series[] = [];
      for (const fault of firmFaults) if (asked.has(fault)) series.push(await firm.measured(fault));
      return series;
    } finally {
      firm.close();
    }
  } finally {
    await bringDown(lab, say);
    release();
  }
}

function complaintAbout(rounds: number): string | null {
  const unknown = positionals.find((name) => !faultNames.includes(name as FaultName));
  if (unknown !== undefined) return `no fault "${unknown}"`;
  if (!Number.isInteger(rounds) || rounds < 1) return `--rounds ${values.rounds} is not a count`;
  if (values.lab !== undefined && !['servers', 'firm'].includes(values.lab)) return `no lab "${values.lab}"`;
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
  const series: Series[] = [];
  if (values.lab !== 'firm' && withoutLeaders.some((fault) => asked.has(fault)))
    series.push(...(await amongServers({ asked, rounds })));
  if (values.lab !== 'servers' && firmFaults.some((fault) => asked.has(fault)))
    series.push(...(await amongTheFirm({ asked, rounds })));
  const rows = faultRows(firmTopology(root).timing).filter(({ fault }) => asked.has(fault));
  const measured = rows.map((row) => measurementsOf(row, series, `--lab ${values.lab} leaves it out`));
  if (values.json) process.stdout.write(`${JSON.stringify(measured.flat())}\n`);
  else
    process.stdout.write(
      `${[tableHead, ...rows.map((row, index) => describeFault(row, measured[index]!))].join('\n')}\n`,
    );
  return 0;
}

process.exitCode = await main();
