import type { HostId, InstanceId, SiteId } from '../core/base/ids.ts';
import {
  type DetectorBounds,
  type FailureDetector,
  heard,
  newDetector,
  type Opinion,
  observerWasAway,
  opinion,
  silenceThresholdMs,
} from '../core/health/failure-detector.ts';
import { hasUpstream, letInAlike } from '../core/health/instance-observation.ts';
import type { Observer, PeerOpinion } from '../core/health/verdict.ts';
import type { Topology } from '../core/topology/topology.ts';
import type { AgentReport, InstanceReport } from './messages.ts';

/** The last word of another controller, when it came, and since when its words have come without a gap. */
interface PeerWord {
  readonly opinion: PeerOpinion;
  readonly at: number;
  readonly since: number;
}

/** What one controller sees: reports of agents, when each was heard, and what the other controllers say of the same hosts. */
export class Vantage {
  readonly #topology: Topology;
  readonly #site: SiteId;
  readonly #bounds: DetectorBounds;
  readonly #detectors = new Map<HostId, FailureDetector>();
  readonly #reports = new Map<HostId, { readonly report: AgentReport; readonly at: number }>();
  readonly #links = new Set<HostId>();
  readonly #peers = new Map<SiteId, PeerWord>();
  #tickedAt: number | null = null;

  constructor(topology: Topology, site: SiteId) {
    this.#topology = topology;
    this.#site = site;
    this.#bounds = { floorMs: topology.timing.silenceFloorMs, ceilingMs: topology.timing.silenceCeilingMs };
    for (const host of topology.hosts) this.#detectors.set(host.id, newDetector(topology.timing.reportEveryMs));
  }

  /**
   * Call with every event. A gap in our own running means that we were away, not that the others were silent; nor does it
   * end the silence of one that was silent before. What the other controllers said before or meanwhile is of the past.
   */
  ran(now: number): void {
    const before = this.#tickedAt;
    this.#tickedAt = now;
    if (before === null || now - before <= this.#bounds.floorMs / 2) return;
    this.#peers.clear();
    for (const [host, detector] of this.#detectors)
      if (opinion(detector, before, this.#bounds) !== 'silent')
        this.#detectors.set(host, observerWasAway(detector, now));
  }

  /** @returns true when it says something that the last one did not, beyond positions and ages. */
  report(report: AgentReport, now: number): boolean {
    const detector = this.#detectors.get(report.host);
    if (!detector) return false;
    const known = this.#reports.get(report.host);
    if (known && this.#isLate(report, known, now)) return false;
    const news =
      !known ||
      !this.#links.has(report.host) ||
      saysMore(known.report, report) ||
      now - known.at > this.#bounds.floorMs / 2;
    this.#detectors.set(report.host, heard(detector, now, this.#bounds));
    this.#reports.set(report.host, { report, at: now });
    this.#links.add(report.host);
    return news;
  }

  /**
   * Said before what is known of that host. An agent whose memory was restored from a backup counts its starts from an earlier one: it
   * is heard when the later one no longer is.
   */
  #isLate(report: AgentReport, known: { readonly report: AgentReport; readonly at: number }, now: number): boolean {
    if (report.boot === known.report.boot) return report.sequence <= known.report.sequence;
    return report.start <= known.report.start && now - known.at <= this.#bounds.ceilingMs;
  }

  link(host: HostId, up: boolean): void {
    if (up) this.#links.add(host);
    else this.#links.delete(host);
  }

  /** @returns true when its word on a host is another one than before. */
  peer(opinion: PeerOpinion, now: number): boolean {
    const before = this.#peers.get(opinion.observer);
    const since = before && now - before.at <= this.#bounds.floorMs ? before.since : now;
    const after = { opinion, at: now, since };
    this.#peers.set(opinion.observer, after);
    return this.#topology.hosts.some(({ id }) => this.#word(before, id, now) !== this.#word(after, id, now));
  }

  /**
   * None from one that we have not heard lately, nor right after a silence: what it had written meanwhile comes first then, and
   * is of the past.
   */
  #word(peer: PeerWord | undefined, host: HostId, now: number): Opinion {
    const { ceilingMs, floorMs } = this.#bounds;
    if (!peer || now - peer.at > ceilingMs || peer.at - peer.since < floorMs / 5) return 'unknown';
    return peer.opinion.hosts[host]?.opinion ?? 'unknown';
  }

  connected(host: HostId): boolean {
    return this.#links.has(host);
  }

  lastReport(host: HostId): { readonly report: AgentReport; readonly at: number } | null {
    return this.#reports.get(host) ?? null;
  }

  instanceReport(host: HostId, instance: InstanceId): InstanceReport | null {
    return this.#reports.get(host)?.report.instances.find((each) => each.instance === instance) ?? null;
  }

  own(host: HostId, now: number): { readonly opinion: Opinion; readonly silentMs: number } {
    const detector = this.#detectors.get(host);
    if (!detector) return { opinion: 'unknown', silentMs: 0 };
    return {
      opinion: opinion(detector, now, this.#bounds),
      silentMs: detector.lastHeardAt === null ? 0 : now - detector.lastHeardAt,
    };
  }

  /** When the next host that is heard now will have been silent for too long, if it stays silent. */
  nextSilenceAt(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    for (const detector of this.#detectors.values()) {
      if (detector.lastHeardAt === null) continue;
      const silentAt = detector.lastHeardAt + silenceThresholdMs(detector, this.#bounds);
      if (silentAt >= now) at = Math.min(at, silentAt);
    }
    return at;
  }

  opinions(now: number): PeerOpinion {
    const hosts: Record<HostId, { opinion: Opinion; silentMs: number }> = {};
    for (const host of this.#topology.hosts) hosts[host.id] = this.own(host.id, now);
    return { observer: this.#site, hosts };
  }

  /** Every controller's word on a host. */
  observers(host: HostId, now: number): readonly Observer[] {
    const observers: Observer[] = [{ name: `controller ${this.#site}`, site: this.#site, ...this.own(host, now) }];
    for (const [site, peer] of this.#peers)
      observers.push({
        name: `controller ${site}`,
        site,
        opinion: this.#word(peer, host, now),
        silentMs: peer.opinion.hosts[host]?.silentMs ?? 0,
      });
    return observers;
  }
}

const saysMore = (before: AgentReport, after: AgentReport): boolean =>
  before.boot !== after.boot ||
  before.instances.length !== after.instances.length ||
  after.instances.some((now, at) => {
    const then = before.instances[at]!;
    if (now.silenced !== then.silenced || now.leased !== then.leased || (now.exit === null) !== (then.exit === null))
      return true;
    const [is, was] = [now.observation, then.observation];
    if (is === null || was === null) return is !== was;
    return (
      is.process !== was.process ||
      is.role !== was.role ||
      is.epoch !== was.epoch ||
      is.health !== was.health ||
      is.releasing !== was.releasing ||
      is.tradingEnabled !== was.tradingEnabled ||
      is.upstream?.connected !== was.upstream?.connected ||
      is.upstream?.instance !== was.upstream?.instance ||
      hasUpstream(is.upstream) !== hasUpstream(was.upstream) ||
      (is.divergence === null) !== (was.divergence === null) ||
      is.difference?.sequence !== was.difference?.sequence ||
      is.difference?.wrong !== was.difference?.wrong ||
      !letInAlike(is, was) ||
      is.replicas.length !== was.replicas.length ||
      is.replicas.some((replica, index) => replica.state !== was.replicas[index]?.state)
    );
  });
