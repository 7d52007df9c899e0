import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Scenario } from '../../src/core/drill/scenario.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import { activate, bringDown, bringUp, downOnSignal, startFlow } from '../demo/bring-up.ts';
import { keepEvidence } from '../demo/keep-evidence.ts';
import { Platform } from '../demo/platform.ts';
import { planWithEngineSettings } from '../engine-settings.ts';
import { commandProblems, readEvidence } from '../evidence-look.ts';
import { LabDirectory } from '../lab-directory.ts';
import { messageOf } from '../lab-error.ts';
import type { ServerChoice } from '../netns/servers/plan-servers.ts';
import { labFirm } from './ground-firm.ts';
import { loopbackSwitches, namespaceSwitches, type PlayGround } from './ground-switches.ts';
import { LabPlayer } from './lab-player.ts';
import { notPlayed } from './not-played.ts';
import { paced } from './pace.ts';
import { type PlayResult, unplayed, verdictOf } from './play-result.ts';
import { Story } from './story.ts';

export interface PlayOptions {
  /** The project's root, absolute. */
  readonly root: string;
  /** Of the lab. */
  readonly name: string;
  /** As the person named it. */
  readonly file: string;
  readonly scenario: Scenario;
  /** The simulator's firm for this scenario; given by whoever dispatches, since the lab does not know the simulator. */
  readonly firm: Topology;
  /** Everything takes so many times as long as in the simulator. */
  readonly pace: number;
  readonly ground: PlayGround;
  readonly ratePerSecond: number;
  /** As a person would type it. */
  readonly command: string;
  readonly say: (line: string) => void;
}

const ENGINE_REPLICA_LOST_MS = 400;
const ENGINE_UPSTREAM_SILENT_MS = 250;

/** Brings a lab up for one scenario, plays it, counts, keeps the evidence, and brings the lab down again in every case. */
export async function playInLab(options: PlayOptions): Promise<PlayResult> {
  const { root, name, file, scenario, firm, pace, ground, say, command } = options;
  const begun = performance.now();
  const wallMs = () => Math.round(performance.now() - begun);
  const obstacle = notPlayed(scenario, ground);
  if (obstacle !== null) {
    const reason = `HF-7023 ${file}${obstacle.line === null ? '' : `:${obstacle.line}`}: ${obstacle.reason}`;
    return unplayed(file, scenario, { verdict: 'not-played', reason, pace, ground, wallMs: wallMs() });
  }
  const lab = { root, name };
  const topology = labFirm(firm, { title: scenario.title, pace, ground });
  const release = downOnSignal(lab, say);
  try {
    const wish = { lab, topology, topologyFile: file, command, attended: true, replace: false, plan: enginesAt(pace) };
    await bringUp(ground === 'loopback' ? wish : { ...wish, namespaces: serversOf(scenario) }, say);
    const platform = new Platform(lab, topology);
    await activate(platform, say);
    await startFlow(platform, options.ratePerSecond, say);
    return await playAndCount(options, platform, wallMs);
  } catch (error) {
    const reason = messageOf(error);
    return unplayed(file, scenario, { verdict: 'inconclusive', reason, pace, ground, wallMs: wallMs() });
  } finally {
    await bringDown(lab, say).finally(release);
  }
}

/** Of a lab of network namespaces. */
const serversOf = ({ firm }: Scenario): ServerChoice =>
  firm.servers === true || firm.delegatedDatabase === true ? 'led' : 'authority';

/** Engines miss their neighbours as much later as everything else. */
const enginesAt = (pace: number) =>
  planWithEngineSettings({
    timing: {
      replicaLostMs: paced(ENGINE_REPLICA_LOST_MS, pace),
      upstreamSilentMs: paced(ENGINE_UPSTREAM_SILENT_MS, pace),
    },
  });

async function playAndCount(options: PlayOptions, platform: Platform, wallMs: () => number): Promise<PlayResult> {
  const { root, name, file, scenario, pace, ground, say } = options;
  const { topology } = platform;
  const directory = new LabDirectory(root, name);
  const story = new Story(say);
  const switches = ground === 'netns' ? namespaceSwitches(topology) : loopbackSwitches;
  const player = new LabPlayer(platform, { switches, pace }, story);
  await player.play(scenario);
  const outageMs = await player.judge.outageMs();
  const { verdict, found, counted } = player.judge.lastCount ?? (await player.judge.nothingLost());
  const lossAccepted = scenario.lines.some((line) => line.kind === 'person' && line.request.kind === 'approve-loss');
  story.judge(
    { number: null, text: 'at the end: everything that was acknowledged is there, once and unaltered' },
    lossAccepted && verdict === 'failed' ? 'done' : verdict,
    lossAccepted ? `a person accepted a loss; ${found}` : found,
  );
  const problems = commandProblems(readEvidence(directory, topology));
  story.judge(
    { number: null, text: 'at the end: no agent did an order twice, or an older one after a newer one' },
    problems.length === 0 ? 'held' : 'failed',
    problems.length === 0 ? 'as their own evidence says' : problems.slice(0, 5).join('; '),
  );
  const { evidence, bundlePath } = await keepEvidence(directory, topology);
  const verified = evidence.integrity === 'intact' && evidence.completeness.verdict !== 'incomplete';
  story.judge(
    { number: null, text: 'at the end: the evidence verifies' },
    verified ? 'held' : 'failed',
    evidence.sentence,
  );
  const result: PlayResult = {
    file,
    title: scenario.title,
    verdict: verdictOf(story.results),
    reason: null,
    pace,
    ground,
    lines: story.results,
    outageMs,
    counted: counted && { orders: counted.ordersAcked, commits: counted.commitsAcked },
    evidence: relative(root, bundlePath),
    wallMs: wallMs(),
  };
  mkdirSync(directory.report, { recursive: true });
  writeFileSync(join(directory.report, 'story.txt'), `${story.lines.join('\n')}\n`);
  writeFileSync(join(directory.report, 'play.json'), `${JSON.stringify(result, null, 1)}\n`);
  return result;
}
