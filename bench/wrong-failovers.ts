import { cpSync, existsSync } from 'node:fs';
import { availableParallelism, getPriority, setPriority } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { activate, bringDown, bringUp, downOnSignal, startFlow } from '../lab/demo/bring-up.ts';
import { readTopology } from '../lab/demo/demo.ts';
import { Platform } from '../lab/demo/platform.ts';
import { LabDirectory } from '../lab/lab-directory.ts';
import type { Topology } from '../src/core/topology/topology.ts';
import { chainFiles } from '../src/wire/evidence-bundle/chain-directory.ts';
import { describeOutcome } from './wrong-failovers-outcome.ts';
import { observe } from './wrong-failovers-watch.ts';

const help = `Does anybody fail over whom nothing has broken, while the processors are busy with something else?

  npm run bench:wrong-failovers -- [--minutes 60] [--load N] [--freezes M] [--rate N] [--topology FILE] [--json]

Brings up a lab under order flow, keeps as many processes busy as there are processors (--load), and for so many minutes counts
every run and every rise of the epoch that no fault asked for. Now and then (--freezes, every four minutes) the trading engine is
frozen, and the outage is taken by the client's clock: at most 600 ms. Ends with 0 only if nothing was wrong and every freeze met
its goal, 1 if not, 5 if that cannot be told because processors stood still below the kernel; each such standstill is printed.
`;

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    load: { type: 'string', default: String(availableParallelism()) },
    freezes: { type: 'string' },
    rate: { type: 'string', default: '1000' },
    topology: { type: 'string', default: join(root, 'examples/three-site.yaml') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const FREEZE_EVERY_MIN = 4;
const lab = { root, name: 'bench-wrong' };
const begun = performance.now();
const say = (line: string) =>
  void process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(1).padStart(7)} s  ${line}\n`);

/** Whether what this user starts may come before other work of the machine, as the platform's processes are to. */
function mayOutrank(): boolean {
  const own = getPriority();
  try {
    setPriority(own - 1);
    setPriority(own);
    return true;
  } catch {
    return false;
  }
}

/** The lab's logs and what everybody recorded stay beside its evidence: with the lab itself they would be gone. Never a key. */
function keepTraces(topology: Topology): void {
  const directory = new LabDirectory(root, lab.name);
  if (existsSync(directory.logs)) cpSync(directory.logs, join(directory.report, 'logs'), { recursive: true });
  for (const chain of directory.evidenceChains(topology)) {
    const entries = join(chain, chainFiles.entries);
    if (existsSync(entries)) cpSync(entries, join(directory.report, 'chains', relative(directory.path, entries)));
  }
  say(`logs and chains are kept in ${relative(root, directory.report)}`);
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const minutes = Number(values.minutes);
  const load = Number(values.load);
  const freezes = Number(values.freezes ?? Math.max(1, Math.round(minutes / FREEZE_EVERY_MIN)));
  const rate = Number(values.rate);
  const counts = { load, freezes };
  const wrongCount = Object.entries(counts).find(([, count]) => !Number.isInteger(count) || count < 0);
  if (wrongCount !== undefined || !(minutes > 0) || !(rate > 0)) {
    const what = wrongCount === undefined ? '--minutes and --rate are' : `--${wrongCount[0]} is`;
    process.stderr.write(`HF-1002 ${what} not a number that can be used\n\n${help}`);
    return 2;
  }
  const overlays = [join(root, 'examples/demo-overlay.yaml')];
  const topology = readTopology({ topologyFile: values.topology, overlays });
  const command = 'npm run bench:wrong-failovers';
  const release = downOnSignal(lab, say);
  if (!mayOutrank())
    say(
      'this user may not put the platform before other work: what is frozen is missed for longer than on a host of the platform',
    );
  try {
    await bringUp({ lab, topology, topologyFile: values.topology, command, attended: true, replace: false }, say);
    let met = false;
    try {
      const platform = new Platform(lab, topology);
      await activate(platform, say);
      await startFlow(platform, rate, say);
      const outcome = await observe({ platform, minutes, load, freezes, say });
      process.stdout.write(values.json ? `${JSON.stringify(outcome)}\n` : describeOutcome(outcome));
      met = outcome.verdict === 'met';
      return outcome.verdict === 'met' ? 0 : outcome.verdict === 'missed' ? 1 : 5;
    } finally {
      if (!met) keepTraces(topology);
      await bringDown(lab, say);
    }
  } finally {
    release();
  }
}

process.exitCode = await main();
