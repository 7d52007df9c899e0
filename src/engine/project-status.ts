import type { Json } from '../core/base/canonical-json.ts';
import type { WallMs } from '../core/base/ids.ts';
import { brakeHolds } from '../core/decision/brakes.ts';
import type { HostCheck } from '../core/health/host-checks.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { keys } from './authority-keys.ts';
import type { ControllerCore } from './controller-core.ts';
import { receipt } from './decision-receipt.ts';
import type { GroupControl } from './group-control.ts';
import type { LeaderRecord } from './leadership.ts';

/** What a screen shows of this controller's knowledge, with how old it is. Unknown is said, never left out. */
export function projectStatus(controller: ControllerCore, now: number, wall: WallMs): Json {
  const { mirror, config } = controller;
  const leader = mirror.value<LeaderRecord>(keys.leader);
  return {
    at: wall,
    controller: { id: config.id, site: config.site, leading: controller.leading, term: controller.leadership.term },
    leader: leader as unknown as Json,
    authority: {
      heardMsAgo: mirror.heardAt === null ? null : Math.round(now - mirror.heardAt),
      incarnation: mirror.incarnation,
      voters: indexOf(config.topology).voters.length,
    },
    groups: [...controller.groups.values()].map((group) => projectGroup(group, { controller, now, wall })),
  };
}

/** Only where the topology asks for them. */
const checksOf = (checks: readonly HostCheck[] | null) =>
  checks === null ? {} : { checks: checks.map((check) => ({ ...check })) };

interface Moment {
  readonly controller: ControllerCore;
  readonly now: number;
  readonly wall: WallMs;
}

function projectGroup(control: GroupControl, { controller, now, wall }: Moment): Json {
  const facts = control.facts(now, wall);
  const { record, brakes, run } = facts;
  return {
    group: control.group.id,
    record: record as unknown as Json,
    policy: { instance: control.group.instancePolicy, site: control.group.sitePolicy },
    brakes: {
      frozen: brakeHolds(brakes.freeze, wall) ? (brakes.freeze as unknown as Json) : null,
      maintenance: brakeHolds(brakes.maintenance, wall) ? (brakes.maintenance as unknown as Json) : null,
      fenced: [...(brakes.fenced ?? [])],
      notices: (brakes.notices ?? []) as unknown as Json,
      watch: brakes.watch !== undefined && wall < brakes.watch.until ? (brakes.watch as unknown as Json) : null,
      history: brakes.history as unknown as Json,
      attestations: (brakes.attestations ?? []).filter((each) => wall < each.until) as unknown as Json,
    },
    sites: [...facts.sites.values()].map(({ site, verdict }) => ({
      site: site.id,
      title: site.title,
      capabilities: [...site.capabilities],
      state: verdict.state,
      evidence: [...verdict.evidence],
    })),
    hosts: [...facts.hosts.values()].map(({ host, verdict, connected, observers }) => ({
      host: host.id,
      site: host.site,
      state: verdict.state,
      connected,
      scheduling: {
        asked: host.scheduling ?? null,
        processes: (controller.vantage.lastReport(host.id)?.report.scheduling ?? []) as unknown as Json,
      },
      ...checksOf(controller.hosts.checksOf(host.id, now, wall)),
      observers: observers.map((observer) => ({
        site: observer.site,
        opinion: observer.opinion,
        silentMs: Math.round(observer.silentMs),
      })),
    })),
    instances: [...facts.instances.values()].map((known) => ({
      instance: known.instance.id,
      component: known.instance.component,
      site: known.site,
      state: known.verdict.state,
      evidence: [...known.verdict.evidence],
      fresh: known.fresh,
      ageMs: known.ageMs === null ? null : Math.round(known.ageMs),
      provedDead: known.provedDead,
      observation: known.observation as unknown as Json,
    })),
    leases: [...facts.leases].map(([component, lease]) => ({
      component,
      holder: lease.holder,
      epoch: lease.epoch,
      seenMsAgo: Math.round(lease.seenMsAgo),
      gate: lease.gate as unknown as Json,
    })),
    leaseBoundMs: facts.successorWaitMs,
    diagnoses: control.lastDiagnoses as unknown as Json,
    decision: control.lastDecision === null ? null : receipt(control.lastDecision),
    run: run as unknown as Json,
  };
}
