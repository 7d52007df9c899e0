import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ActName, actsFor, play } from '../lab/demo/acts.ts';
import { activate, bringDown, bringUp, startFlow } from '../lab/demo/bring-up.ts';
import { readTopology } from '../lab/demo/demo.ts';
import { Platform } from '../lab/demo/platform.ts';
import { LabDirectory } from '../lab/lab-directory.ts';
import { quorumRttMs } from '../lab/net/path-model.ts';
import { leaseBounds } from '../src/core/authority/lease-arithmetic.ts';
import { parseEntry } from '../src/core/evidence/evidence-entry.ts';
import type { Topology } from '../src/core/topology/topology.ts';
import { chainFiles } from '../src/wire/evidence-bundle/chain-directory.ts';

const help = `Breaks one part of a lab under load again and again, and compares what clients saw with a floor.

  npm run bench:outage -- [FAULT …] [--times N] [--rate N] [--topology FILE] [--trace] [--json]

FAULT: engine-crash, engine-freeze, host-freeze; all three when none is named. The floor is what no implementation with this
topology can go below: the round trips to a quorum that a safe take-over needs, and where the old writer says nothing the
silence that has to be heard or the lease that has to run out first. --trace prints what agents and controllers recorded.
`;

const root = join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1000' },
    topology: { type: 'string', default: join(root, 'examples/three-site.yaml') },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Revoke, grant, the successor's lease, and the move of the traffic: each waits for the one before it. */
const QUORUM_ROUND_TRIPS = 4;
/** An agent hears its instance every 100 ms; one missed sign of life is no silence. */
const SILENCE_AT_LEAST_MS = 200;

type Repeatable = Extract<ActName, 'engine-crash' | 'engine-freeze' | 'host-freeze'>;
const REPEATABLE: readonly Repeatable[] = ['engine-crash', 'engine-freeze', 'host-freeze'];

function floorMs(fault: Repeatable, topology: Topology): number {
  const active = topology.sites.toSorted((a, b) => a.preference - b.preference)[0]!;
  const roundTripsMs = QUORUM_ROUND_TRIPS * (quorumRttMs(topology, active.id) ?? 0);
  const waitMs = {
    'engine-crash': 0,
    'engine-freeze': SILENCE_AT_LEAST_MS,
    // The last renewal may be as old as the interval between two.
    'host-freeze': leaseBounds(topology.timing).successorWaitMs - topology.timing.leaseRenewEveryMs,
  }[fault];
  return waitMs + roundTripsMs;
}

interface Measured {
  readonly fault: Repeatable;
  readonly outagesMs: readonly number[];
  readonly resolutionMs: number;
  readonly medianMs: number;
  readonly worstMs: number;
  readonly floorMs: number;
  /** Median over floor. */
  readonly ratio: number;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** What everybody recorded between these two moments, in the order of the wall clock. */
function recorded(topology: Topology, directory: LabDirectory, fromMs: number, toMs: number): readonly string[] {
  const chains = directory.evidenceChains(topology).map((chain) => join(chain, chainFiles.entries));
  return chains
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(0, -1))
    .flatMap((line) => {
      const entry = parseEntry(line);
      return entry.ok && entry.value.at >= fromMs && entry.value.at <= toMs ? [entry.value] : [];
    })
    .toSorted((a, b) => a.at - b.at)
    .map(
      ({ at, chain, kind, data }) =>
        `${String(Math.round(at - fromMs)).padStart(7)} ms  ${chain.padEnd(22)} ${kind.padEnd(18)} ${JSON.stringify(data).slice(0, 120)}`,
    );
}

async function measure(fault: Repeatable, platform: Platform, times: number): Promise<Measured> {
  const { topology } = platform;
  const outagesMs: number[] = [];
  let resolutionMs = 0;
  for (let n = 1; n <= times; n += 1) {
    const act = actsFor(platform).find((each) => each.name === fault)!;
    const { flow, brokenAtMs, verification } = await play(platform, act, () => {});
    if (verification.verdict !== 'met') throw new Error(`${fault} ${n}: ${verification.reasons.join('; ')}`);
    if (flow.outageMs === null) throw new Error(`${fault} ${n}: no outage was seen`);
    outagesMs.push(flow.outageMs);
    resolutionMs = Math.max(resolutionMs, flow.resolution.atEdgesMs);
    say(`${fault} ${n} of ${times}: ${flow.outageMs} ms (± ${flow.resolution.atEdgesMs})`);
    if (values.trace && brokenAtMs !== null)
      for (const line of recorded(topology, new LabDirectory(root, lab.name), brokenAtMs, brokenAtMs + 4000)) say(line);
  }
  const sorted = outagesMs.toSorted((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)]!;
  const floor = floorMs(fault, topology);
  return {
    fault,
    outagesMs,
    resolutionMs,
    medianMs,
    worstMs: sorted.at(-1)!,
    floorMs: floor,
    ratio: Math.round((medianMs / floor) * 10) / 10,
  };
}

const lab = { root, name: 'bench-outage' };

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const unknown = positionals.find((each) => !REPEATABLE.includes(each as Repeatable));
  const times = Number(values.times);
  if (unknown !== undefined || !Number.isInteger(times) || times < 1) {
    say(
      `HF-1002 ${unknown === undefined ? `--times ${values.times} is not a count` : `no fault "${unknown}"`}\n\n${help}`,
    );
    return 2;
  }
  const faults = positionals.length > 0 ? (positionals as Repeatable[]) : REPEATABLE;
  const topology = readTopology({
    topologyFile: values.topology,
    overlays: [join(root, 'examples/demo-overlay.yaml')],
  });
  const command = 'npm run bench:outage';
  await bringUp({ lab, topology, topologyFile: values.topology, command, attended: true, replace: false }, say);
  try {
    const platform = new Platform(lab, topology);
    await activate(platform, say);
    await startFlow(platform, Number(values.rate), say);
    const measured: Measured[] = [];
    for (const fault of faults) measured.push(await measure(fault, platform, times));
    if (values.json) process.stdout.write(`${JSON.stringify(measured)}\n`);
    else
      for (const { fault, medianMs, worstMs, floorMs: floor, ratio, resolutionMs } of measured)
        process.stdout.write(
          `${fault.padEnd(14)} median ${Math.round(medianMs)} ms, worst ${Math.round(worstMs)} ms (± ${Math.round(resolutionMs)}), floor ${floor} ms, ratio ${ratio}\n`,
        );
    return 0;
  } finally {
    await bringDown(lab, say);
  }
}

process.exitCode = await main();
