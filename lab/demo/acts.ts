import type { HostId, InstanceId, SiteId } from '../../src/core/base/ids.ts';
import type { RunState } from '../../src/core/run/run.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import type { FlowReport, Platform, Verification } from './platform.ts';
import { type DecisionView, type GroupView, unsettled } from './status-view.ts';

export type ActName = 'engine-crash' | 'engine-freeze' | 'host-freeze' | 'site-loss' | 'failback';

/** One act of the demo as it was seen: what was done, the run that followed, what clients saw and what was counted. */
export interface ActOutcome {
  readonly name: ActName;
  readonly title: string;
  readonly what: string;
  /** Null for a planned move: nothing was broken. */
  readonly brokenAtMs: number | null;
  readonly before: GroupView;
  readonly after: GroupView;
  readonly run: RunState | null;
  readonly decision: DecisionView | null;
  readonly flow: FlowReport;
  readonly leaseBoundMs: number;
  /** Counted after the heal, over everything since the flow began. */
  readonly verification: Verification;
}

export type Narrate = (line: string) => void;

interface Act {
  readonly name: ActName;
  readonly title: string;
  /** Hurts or moves the platform; returns what heals it. */
  readonly perform: (group: GroupView) => Promise<{
    readonly what: string;
    readonly brokenAtMs: number | null;
    readonly heal: (() => Promise<void>) | null;
  }>;
}

const SETTLED_WITHIN_MS = 60_000;
const TAKEN_OVER_WITHIN_MS = 45_000;

/** The acts in their order. Nothing in them names a site, a host or a component of a particular firm. */
export function actsFor(platform: Platform): readonly Act[] {
  const { topology } = platform;
  const engineOf = (group: GroupView): { instance: InstanceId; host: HostId } => {
    const component = topology.components.find((each) => each.kind === 'trading-engine')!;
    const instance = group.record!.grants[component.id]!.holder!;
    return { instance, host: component.instances.find((each) => each.id === instance)!.host };
  };
  return [
    {
      name: 'engine-crash',
      title: 'The trading engine crashes',
      perform: async (group) => {
        const { instance } = engineOf(group);
        const fault = await platform.break({ kind: 'kill', target: { kind: 'instance', instance } }, null);
        return { what: `${instance} is killed (SIGKILL)`, brokenAtMs: fault.startedAt, heal: null };
      },
    },
    {
      name: 'engine-freeze',
      title: 'The trading engine freezes',
      perform: async (group) => {
        const { instance } = engineOf(group);
        const fault = await platform.break({ kind: 'freeze', target: { kind: 'instance', instance } }, 3000);
        return {
          what: `${instance} is stopped (SIGSTOP) and continued 3 s later`,
          brokenAtMs: fault.startedAt,
          heal: () => healed(platform, fault.id),
        };
      },
    },
    {
      name: 'host-freeze',
      title: 'A whole host freezes',
      perform: async (group) => {
        const { host } = engineOf(group);
        const fault = await platform.break({ kind: 'freeze', target: { kind: 'host', host } }, 6000);
        return {
          what: `everything on ${host} (engine, agent and warden) is stopped, and continued 6 s later`,
          brokenAtMs: fault.startedAt,
          heal: () => healed(platform, fault.id),
        };
      },
    },
    {
      name: 'site-loss',
      title: 'The active site loses its power',
      perform: async (group) => {
        const site = group.record!.activeSite!;
        const fault = await platform.break({ kind: 'site-power-off', site }, 120_000);
        return {
          what: `all of ${site} goes dark; its power returns after the take-over`,
          brokenAtMs: fault.startedAt,
          heal: () => healed(platform, fault.id),
        };
      },
    },
    {
      name: 'failback',
      title: 'The platform goes back, as planned',
      perform: async (group) => {
        const toSite = homeOf(topology, group.record!.activeSite!);
        await platform.demand('Omar Operator', {
          kind: 'move',
          group: group.group,
          move: 'switchover',
          toSite,
          digest: null,
          overrides: [],
          reason: 'failback after the repair',
          acceptDataLoss: null,
        });
        return { what: `Omar Operator asks for a switchover to ${toSite}`, brokenAtMs: null, heal: null };
      },
    },
  ];
}

/** The most preferred serving site that is not active. */
function homeOf(topology: Topology, active: SiteId): SiteId {
  const sites = topology.sites.filter(
    (site) => site.id !== active && site.capabilities.some((each) => each === 'serve' || each === 'standby'),
  );
  return sites.reduce((best, site) => (site.preference < best.preference ? site : best)).id;
}

async function healed(platform: Platform, fault: string): Promise<void> {
  // It may have healed by its own expiry; that is what expiries are for.
  await platform.heal(fault).catch(() => {});
}

/** Plays one act: from a settled platform through the take-over and the heal to a settled platform again, then counts. */
export async function play(platform: Platform, act: Act, narrate: Narrate): Promise<ActOutcome> {
  const outcome = await playUncounted(platform, act, narrate);
  const verification = await platform.verify();
  narrate(
    `counted: ${verification.ordersAcked} orders and ${verification.commitsAcked} commits acknowledged so far, verdict ${verification.verdict}${verification.reasons.length > 0 ? ` (${verification.reasons.join('; ')})` : ''}`,
  );
  return { ...outcome, verification };
}

/** As {@link play}, without the count: it reads everything since the flow began, which takes longer the longer that is ago. */
export async function playUncounted(
  platform: Platform,
  act: Act,
  narrate: Narrate,
): Promise<Omit<ActOutcome, 'verification'>> {
  const before = await settle(platform, narrate);
  await platform.mark(act.name);
  const epochFrom = before.record!.epoch;
  const { what, brokenAtMs, heal } = await act.perform(before);
  narrate(what);
  let decision: DecisionView | null = null;
  let told = '';
  const taken = await platform.until(
    'the take-over has ended',
    (group) => {
      if (group.decision) decision = group.decision;
      const failed =
        group.run?.result === 'failed'
          ? `${group.run.run} failed: ${group.run.reason}`
          : group.decision?.verdict === 'hold'
            ? `held: ${group.decision.reason}`
            : '';
      if (failed !== '' && failed !== told) narrate(failed);
      told = failed;
      const { record } = group;
      if (record === null || record.epoch <= epochFrom) return 'the epoch has not been raised yet';
      if (record.run !== null) return `run ${record.run} is open${stepOf(group)}`;
      return record.tradingEnabled ? null : 'new risk is not accepted yet';
    },
    TAKEN_OVER_WITHIN_MS,
  );
  narrate(`taken over: epoch ${epochFrom} → ${taken.record!.epoch}, active site ${taken.record!.activeSite}`);
  const flow = await platform.settledFlow(act.name, 15_000);
  narrate(
    `clients: no order acknowledged for ${flow.outageMs ?? '?'} ms, no commit for ${flow.commitOutageMs ?? '?'} ms (±${Math.round(flow.resolution.atEdgesMs)} ms)`,
  );
  if (heal) {
    await heal();
    narrate('healed');
  }
  await platform.demand('Omar Operator', { kind: 'acknowledge', group: before.group });
  const after = await settle(platform, narrate);
  const { run } = taken;
  return {
    name: act.name,
    title: act.title,
    what,
    brokenAtMs,
    before,
    after,
    run,
    decision: decision ?? taken.decision,
    flow,
    leaseBoundMs: taken.leaseBoundMs,
  };
}

const stepOf = ({ run }: GroupView): string => {
  const step = run?.steps.find((each) => each.state !== 'finished');
  return step ? `, at ${step.step.id} (attempt ${step.attempts})` : '';
};

/** Strict durability, everybody following, nothing wrong. */
export async function settle(platform: Platform, narrate: Narrate): Promise<GroupView> {
  let said = '';
  return platform.until('the platform is settled', unsettled, SETTLED_WITHIN_MS, (missing) => {
    if (missing !== said && performance.now() - lastSaidAt > 1500) {
      said = missing;
      lastSaidAt = performance.now();
      narrate(`waiting: ${missing}`);
    }
  });
}
let lastSaidAt = 0;
