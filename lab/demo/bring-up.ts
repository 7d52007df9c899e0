import type { Topology } from '../../src/core/topology/topology.ts';
import { firstSite } from '../agent-config.ts';
import { type LabName, labDownOwn } from '../cli.ts';
import type { ProcessPlanner } from '../configs.ts';
import { type LabUpOptions, labUp } from '../lab-up.ts';
import type { ServerChoice } from '../netns/servers/plan-servers.ts';
import { type Narrate, settle } from './acts.ts';
import { onInterruption } from './interruption.ts';
import type { Platform } from './platform.ts';
import type { GroupView } from './status-view.ts';

const ACTIVATED_WITHIN_MS = 30_000;
const FLOWING_WITHIN_MS = 20_000;
/** A firm has traded for hours when something fails; its programs have long found their stride. */
const TRADES_BEFORE_S = 5;

export interface BringUpWish {
  readonly lab: LabName;
  readonly topology: Topology;
  readonly topologyFile: string;
  /** As a person would type it; whoever meets the lab is told. */
  readonly command: string;
  /** This process will bring it down again. */
  readonly attended: boolean;
  /** End a lab of this name that runs. */
  readonly replace: boolean;
  /** Left out: as shipped. */
  readonly plan?: ProcessPlanner;
  /** On network namespaces with these servers. Left out: on loopback. */
  readonly namespaces?: ServerChoice;
}

/**
 * A fresh lab of this name: what is left of an earlier one goes, its evidence and report included.
 * @throws LabError HF-7002 when one runs and `replace` was not said; nothing was done then
 */
export async function bringUp(wish: BringUpWish, narrate: Narrate): Promise<void> {
  const { lab, topology, topologyFile, command, attended, replace, plan, namespaces } = wish;
  const options: LabUpOptions = {
    ...lab,
    topology,
    topologyFile,
    startedBy: { command, attended },
    ifThere: replace ? 'replace' : 'clear-leftover',
    fresh: true,
    ...(plan ? { plan } : {}),
  };
  const size = `${topology.sites.length} sites, ${topology.hosts.length} hosts`;
  if (namespaces !== undefined) {
    const { namespaceLabUp } = await import('../netns/namespace-lab-up.ts');
    narrate(`bringing up ${topology.name} on network namespaces: ${size}`);
    await namespaceLabUp({ ...options, servers: namespaces }, (event) => {
      if (event.kind === 'step') narrate(event.text);
    });
    return;
  }
  await labUp(options, (event) => {
    if (event.kind !== 'step') return;
    if (event.text === 'compiling') narrate(`bringing up ${topology.name} on the loopback ground: ${size}`);
    narrate(event.text);
  });
}

/** Takes down what `bringUp` brought up, and nothing else. */
export async function bringDown(lab: LabName, narrate: Narrate): Promise<void> {
  narrate('bringing the lab down');
  if ((await labDownOwn(lab)) === null)
    narrate(`another process has taken the name ${lab.name}; its lab is left alone`);
}

/** A person activates the preferred site; returns when the platform is as its topology wants it. */
export async function activate(platform: Platform, narrate: Narrate): Promise<void> {
  const group = platform.topology.groups[0]!.id;
  const site = firstSite(platform.topology.sites).id;
  await platform.until('a controller leads', (view) => notReady(view, site), ACTIVATED_WITHIN_MS);
  narrate(`Adam Admin activates ${group} at ${site}`);
  await platform.demand('Adam Admin', { kind: 'activate', group, site }, ACTIVATED_WITHIN_MS);
  await settle(platform, narrate);
}

export async function startFlow(platform: Platform, ratePerSecond: number, narrate: Narrate): Promise<void> {
  await platform.startFlow(ratePerSecond);
  narrate(`order flow: ${ratePerSecond} orders/s and a commit ledger, in a process of its own`);
  await platform.mark('warm-up');
  await platform.flowing('warm-up', FLOWING_WITHIN_MS, ratePerSecond * TRADES_BEFORE_S);
}

/** What an activation needs: every agent heard, every instance of the site running, closed. */
function notReady({ hosts, instances }: GroupView, site: string): string | null {
  const host = hosts.find((each) => !each.connected || each.state !== 'healthy');
  if (host) return `${host.host} is ${host.state}`;
  const instance = instances.find(
    (each) => each.site === site && (each.observation?.process !== 'running' || each.observation.health === 'unknown'),
  );
  return instance ? `${instance.instance} is not running yet` : null;
}

/** Ctrl-C ends the lab before it ends the process. @returns what takes this back */
export const downOnSignal = (lab: LabName, narrate: Narrate): (() => void) =>
  onInterruption(() => {
    narrate('interrupted');
    bringDown(lab, narrate).then(
      () => process.exit(130),
      () => process.exit(1),
    );
  });
