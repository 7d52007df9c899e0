import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchOptions } from './bench-options.ts';
import { coreBench } from './core.ts';
import { linkBench } from './link.ts';
import { describeMeasurement, type Measurement } from './measurement.ts';
import { orderAckBench } from './order-ack.ts';
import { reconcileBench } from './reconcile.ts';
import { recoveryBench } from './recovery.ts';
import { replayBench } from './replay.ts';
import { takeoverBench } from './takeover.ts';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<Measurement[]>>> = {
  core: coreBench,
  replay: replayBench,
  'order-ack': orderAckBench,
  link: linkBench,
  takeover: takeoverBench,
  recovery: recoveryBench,
  reconcile: reconcileBench,
};

const help = `Measures the trading stack, each number with its floor or its peer in the same run.

  npm run bench [-- NAME …] [--rounds N] [--short] [--json]

NAME: ${Object.keys(BENCHES).join(', ')}; all of them when none is named. Medians of the rounds, 5 unless told. --short runs
everything at a twentieth of its size, once: to see that it runs. docs/reference/benchmarks.md says what the numbers mean.
`;

const root = join(import.meta.dirname, '..');
/** As an engine is started that reserves its memory (`trading/README.md`); the servers it is compared with as well. */
process.env['GLIBC_TUNABLES'] ??= 'glibc.malloc.hugetlb=1';
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** At a twentieth of its size nothing is judged. */
const unjudged = (result: Measurement): Measurement =>
  result.met === null ? result : { ...result, met: 'inconclusive', note: 'short' };

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const unknown = positionals.find((name) => BENCHES[name] === undefined);
  const rounds = Number(values.rounds ?? (values.short ? 1 : 5));
  if (unknown !== undefined || !Number.isInteger(rounds) || rounds < 1) {
    const complaint = unknown === undefined ? `--rounds ${values.rounds} is not a count` : `no benchmark "${unknown}"`;
    say(`HF-1002 ${complaint}\n\n${help}`);
    return 2;
  }
  const place = join(root, '.holdfast', `bench-${process.pid}`);
  const all: Measurement[] = [];
  try {
    for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) {
      const directory = join(place, name);
      mkdirSync(directory, { recursive: true });
      const found = await BENCHES[name]!({ directory, rounds, scale: values.short ? 0.05 : 1, say });
      const results = values.short ? found.map(unjudged) : found;
      all.push(...results);
      if (!values.json) for (const result of results) process.stdout.write(`${describeMeasurement(result)}\n`);
      rmSync(directory, { recursive: true, force: true });
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  if (values.json) process.stdout.write(`${JSON.stringify(all)}\n`);
  return 0;
}

process.exitCode = await main();
