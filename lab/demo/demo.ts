import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { faultVerdict, reportFigures } from '../../src/core/objective/recovery-report.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import { acceptedExposures, type ReportWithExposures } from '../../src/wire/evidence-bundle/accepted-exposures.ts';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';
import { problemText } from '../../src/wire/topology-file/topology-problem.ts';
import { LabDirectory } from '../lab-directory.ts';
import { type ActName, type ActOutcome, actsFor, type Narrate, play, settle } from './acts.ts';
import { assembleReport, lossesOf } from './assemble-report.ts';
import { activate, bringDown, bringUp, downOnSignal, startFlow } from './bring-up.ts';
import { keepEvidence } from './keep-evidence.ts';
import { Platform, type Verification } from './platform.ts';

export interface DemoOptions {
  /** The project's root, absolute. */
  readonly root: string;
  readonly name: string;
  readonly topologyFile: string;
  readonly overlays: readonly string[];
  readonly ratePerSecond: number;
  readonly keep: boolean;
  /** End a lab of this name that runs; without it one that runs is refused (HF-7002). */
  readonly replace?: boolean;
  readonly narrate: Narrate;
  /** Renders the report; given by whoever dispatches, since the lab does not know the command line's rooms. */
  readonly renderReport: (report: ReportWithExposures) => string;
  /** Which acts to play, in their order; all when absent. For tests that need only one. */
  readonly acts?: readonly ActName[];
  /** Called between the last act and the last count; the tests that prove that the demo can fail use it. */
  readonly beforeLastCount?: (platform: Platform) => Promise<void>;
}

export interface DemoResult {
  readonly ok: boolean;
  readonly ground: string;
  readonly authority: { readonly kind: string; readonly voters: number };
  readonly faults: ReturnType<typeof reportFigures>['faults'];
  readonly evidence: { readonly entries: number | null; readonly verified: boolean; readonly path: string };
  readonly report: string;
  readonly wallMs: number;
  /** What did not hold, by name; empty when `ok`. */
  readonly problems: readonly string[];
  readonly memoryPeakBytes: number | null;
  readonly idleCpuShare: number | null;
}

/**
 * The main job, end to end: a platform under load loses an engine, a host and its whole active site, goes back, and everything
 * is counted. `ok` only if all of it held. The lab is brought down again in every case, unless `keep`.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const begun = performance.now();
  const startedAtMs = Date.now();
  const narrate: Narrate = (line) =>
    options.narrate(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const topology = readTopology(options);
  const lab = { root: options.root, name: options.name };
  const directory = new LabDirectory(options.root, options.name);
  const release = downOnSignal(lab, narrate);
  try {
    const { topologyFile, keep, replace } = options;
    const command = `holdfast demo${keep ? ' --keep' : ''}`;
    await bringUp({ lab, topology, topologyFile, command, attended: !keep, replace: replace === true }, narrate);
    try {
      const played = await playAll(new Platform(lab, topology), options, narrate);
      return await conclude({ ...played, topology, directory, options, startedAtMs, begun, narrate });
    } finally {
      if (keep) narrate(`the lab stays up: holdfast lab down --name ${options.name}`);
      else await bringDown(lab, narrate);
    }
  } finally {
    release();
  }
}

export function readTopology({ topologyFile, overlays }: Pick<DemoOptions, 'topologyFile' | 'overlays'>): Topology {
  const parsed = readTopologyFile(topologyFile, { overlays });
  if (!parsed.ok) throw new TopologyUnusable(parsed.error.map(problemText).join('\n'));
  return parsed.value.topology;
}

/** Usage: the file, not the platform, is wrong. */
export class TopologyUnusable extends Error {
  override readonly name = 'TopologyUnusable';
}

interface Played {
  readonly acts: readonly ActOutcome[];
  readonly final: Awaited<ReturnType<typeof settle>>;
  readonly finalVerification: Verification;
  readonly memoryPeakBytes: number;
  readonly cpuMs: number;
  readonly idleCpuShare: number | null;
}

const IDLE_LOOK_MS = 2000;
const SETTLES_WITHIN_MS = 15_000;
/** A look that is lower than the one before by less than this share says that the lab has settled. */
const SETTLED_SHARE = 0.05;
/** Looks at the settled lab; what disturbs one of them is not taken for its use. */
const IDLE_LOOKS = 3;

/** What the lab uses while nothing happens, the median of some looks; right after the activation it still follows up what was begun. */
async function idleUsage(platform: Platform): Promise<{ readonly cpuShare: number; readonly memoryBytes: number }> {
  const deadline = performance.now() + SETTLES_WITHIN_MS;
  let earlier = await platform.usage();
  const look = async (): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, IDLE_LOOK_MS));
    const later = await platform.usage();
    const cpuShare = (later.cpuMs - earlier.cpuMs) / (later.atMs - earlier.atMs);
    earlier = later;
    return cpuShare;
  };
  let before = Number.POSITIVE_INFINITY;
  for (let share = await look(); share < before * (1 - SETTLED_SHARE) && performance.now() < deadline; ) {
    before = share;
    share = await look();
  }
  const shares: number[] = [];
  while (shares.length < IDLE_LOOKS) shares.push(await look());
  return { cpuShare: shares.toSorted((a, b) => a - b)[(IDLE_LOOKS - 1) / 2]!, memoryBytes: earlier.memoryBytes };
}

/** Activates, measures the idle lab, starts the order flow and plays every act. */
async function playAll(platform: Platform, options: DemoOptions, narrate: Narrate): Promise<Played> {
  await activate(platform, narrate);
  const idle = await idleUsage(platform);
  narrate(`idle: ${Math.round(idle.cpuShare * 100)} % of a core, ${Math.round(idle.memoryBytes / 1e6)} MB`);
  await startFlow(platform, options.ratePerSecond, narrate);
  let memoryPeakBytes = idle.memoryBytes;
  const acts: ActOutcome[] = [];
  for (const act of actsFor(platform).filter(({ name }) => options.acts?.includes(name) ?? true)) {
    narrate(`── ${act.title}`);
    acts.push(await play(platform, act, narrate));
    memoryPeakBytes = Math.max(memoryPeakBytes, (await platform.usage()).memoryBytes);
  }
  const final = await settle(platform, narrate);
  await options.beforeLastCount?.(platform);
  const finalVerification = await platform.verify();
  const used = await platform.usage();
  return {
    acts,
    final,
    finalVerification,
    memoryPeakBytes: Math.max(memoryPeakBytes, used.memoryBytes),
    cpuMs: used.cpuMs,
    idleCpuShare: idle.cpuShare,
  };
}

/** Verifies the evidence, writes the report and judges. */
async function conclude(
  facts: Played & {
    readonly topology: Topology;
    readonly directory: LabDirectory;
    readonly options: DemoOptions;
    readonly startedAtMs: number;
    readonly begun: number;
    readonly narrate: Narrate;
  },
): Promise<DemoResult> {
  const { topology, directory, options, narrate, acts, final, finalVerification } = facts;
  const { bundle, bundlePath, evidence, software } = await keepEvidence(directory, topology);
  mkdirSync(directory.report, { recursive: true });
  narrate(`evidence: ${evidence.sentence}`);
  const report: ReportWithExposures = {
    ...assembleReport({
      topology,
      acts,
      final,
      finalVerification,
      software,
      evidence,
      authority: { kind: 'lab-only', voters: 1 },
      evidencePath: relative(directory.report, bundlePath),
      resources: {
        memoryPeakBytes: facts.memoryPeakBytes,
        cpuSeconds: facts.cpuMs / 1000,
        cpuShare: null,
        wallMs: Math.round(performance.now() - facts.begun),
        processes: null,
      },
      startedAtMs: facts.startedAtMs,
      endedAtMs: Date.now(),
    }),
    acceptedExposures: acceptedExposures(bundle.chains, evidence),
  };
  const htmlPath = join(directory.report, 'report.html');
  writeFileSync(htmlPath, options.renderReport(report));
  writeFileSync(join(directory.report, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
  const figures = reportFigures(report);
  const problems = [
    ...report.faults
      .filter((fault) => faultVerdict(fault) !== 'met')
      .map(
        (fault) =>
          `${fault.name}: ${faultVerdict(fault)} (${
            fault.measurements
              .filter((each) => each.verdict !== 'met')
              .map((each) => `${each.name} ${each.reason}`)
              .join('; ') ||
            fault.losses
              .map((loss) => `${loss.of} ${loss.id} ${loss.how}`)
              .slice(0, 5)
              .join('; ') ||
            'not everything was measured'
          })`,
      ),
    ...lossesOf(finalVerification)
      .slice(0, 20)
      .map((loss) => `last count: ${loss.of} ${loss.how}: ${loss.id} (${loss.detail})`),
    ...(finalVerification.verdict === 'inconclusive' ? [`last count: ${finalVerification.reasons.join('; ')}`] : []),
    ...(figures.evidence.verified ? [] : [`evidence: ${evidence.sentence}`]),
  ];
  const root = options.root;
  for (const problem of problems) narrate(`✕ ${problem}`);
  return {
    ok: figures.ok && problems.length === 0,
    ground: figures.ground,
    authority: figures.authority,
    faults: figures.faults,
    evidence: { ...figures.evidence, path: relative(root, bundlePath) },
    report: relative(root, htmlPath),
    wallMs: Math.round(performance.now() - facts.begun),
    problems,
    memoryPeakBytes: facts.memoryPeakBytes,
    idleCpuShare: facts.idleCpuShare === null ? null : Math.round(facts.idleCpuShare * 1000) / 1000,
  };
}
