import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { downOnSignal } from '../lab/demo/bring-up.ts';
import { exampleFirm } from '../test/integration/netns-lab.under-test.ts';
import { ServersUnderTest } from '../test/integration/netns-servers/servers-under-test.ts';
import { type FaultName, faultNames, type Series } from './failover/failover-run.ts';
import { PatroniBaseline } from './failover/patroni-baseline.ts';
import { describeFault, faultRows, measurementsOf, tableHead } from './failover/table.ts';

const help = `Plays faults against Patroni alone, Sentinel alone, keepalived and BGP in a lab of network namespaces, and prints ours beside theirs.

  npm run bench:failover [-- NAME …] [--side theirs|ours] [--rounds N] [--long] [--json]

NAME: ${faultNames.join(', ')}; all of them when none is named. A figure is the median of the rounds (5 unless told), from the fault to
the first success of a client outside every site; timers are printed as the running servers have them. --side plays one side alone,
--long also BGP with a hold time of 180 s. Needs root. docs/reference/benchmarks.md says what the numbers mean.
`;

const root = join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    side: { type: 'string' },
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

/** Servers that nobody leads, all in one lab. */
async function theirs({ asked, rounds }: Wish): Promise<readonly Series[]> {
  const lab = { root, name: 'bench-failover' };
  const release = downOnSignal(lab, say);
  const series: Series[] = [];
  const servers = await ServersUnderTest.up(lab.name, say);
  const options = { servers, rounds, long: values.long, say };
  try {
    if (asked.has('database-killed') || asked.has('database-isolated')) {
      const patroni = await PatroniBaseline.open(options);
      try {
        if (asked.has('database-killed')) series.push(await patroni.killed());
        if (asked.has('database-isolated')) series.push(await patroni.isolated());
      } finally {
        patroni.close();
      }
    }
  } finally {
    say('bringing the lab down');
    await servers.down();
    release();
  }
  return series;
}

function complaintAbout(rounds: number): string | null {
  const unknown = positionals.find((name) => !faultNames.includes(name as FaultName));
  if (unknown !== undefined) return `no fault "${unknown}"`;
  if (!Number.isInteger(rounds) || rounds < 1) return `--rounds ${values.rounds} is not a count`;
  if (values.side !== undefined && !['theirs', 'ours'].includes(values.side)) return `no side "${values.side}"`;
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
  const series = values.side === 'ours' ? [] : await theirs({ asked, rounds });
  const rows = faultRows(exampleFirm().timing).filter(({ fault }) => asked.has(fault));
  const measured = rows.map((row) => measurementsOf(row, series, 'it was not asked for'));
  if (values.json) process.stdout.write(`${JSON.stringify(measured.flat())}\n`);
  else
    process.stdout.write(
      `${[tableHead, ...rows.map((row, index) => describeFault(row, measured[index]!))].join('\n')}\n`,
    );
  return 0;
}

process.exitCode = await main();
