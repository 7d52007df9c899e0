import type { LinkId, SiteId } from '../../src/core/base/ids.ts';
import type { Link, Topology } from '../../src/core/topology/topology.ts';
import type { ActiveFault, Fault } from '../fault.ts';
import type { PlaceId, Where } from '../layout.ts';

/** One direction of one path at one moment. */
export interface PathState {
  readonly open: boolean;
  readonly oneWayMs: number;
  readonly lossPercent: number;
  /** Links in use, in order; empty where no link of the topology is involved. */
  readonly via: readonly LinkId[];
}

/** Faults in force and the moment to judge at, on one monotonic clock. */
export interface Conditions {
  readonly faults: readonly ActiveFault[];
  readonly nowMs: number;
}

const closed: PathState = { open: false, oneWayMs: 0, lossPercent: 0, via: [] };
const near: PathState = { open: true, oneWayMs: 0, lossPercent: 0, via: [] };

/**
 * Which way bytes go between two places, and whether they arrive. Pure: state is a function of topology, faults and time.
 *
 * - Of several links between two sites the one with the lowest priority number that is not cut is used. When the link
 *   in use is cut, traffic still runs into it for `rerouteMs` (what routing needs to notice) and is silent that long.
 * - Sites without a link of their own reach each other over the shortest way of the healthy topology, all hops needed.
 * - The authority stands outside: a site reaches it while it can reach, directly and both ways, a majority of voters,
 *   itself included if it votes.
 */
export class PathModel {
  readonly #topology: Topology;
  readonly #rerouteMs: number;
  readonly #links = new Map<string, readonly Link[]>();
  readonly #ways = new Map<string, readonly SiteId[] | null>();

  constructor(topology: Topology, options: { readonly rerouteMs: number }) {
    this.#topology = topology;
    this.#rerouteMs = options.rerouteMs;
    for (const link of topology.links) {
      const key = pairKey(...link.between);
      const links = [...(this.#links.get(key) ?? []), link].sort((left, right) => left.priority - right.priority);
      this.#links.set(key, links);
    }
  }

  /** One direction: from where bytes are sent to where they are wanted. */
  path(from: Where, to: Where, conditions: Conditions): PathState {
    if (conditions.faults.some(({ fault }) => silencesHost(fault, from) || silencesHost(fault, to))) return closed;
    if (from.place === to.place) return near;
    const places = [from.place, to.place];
    if (places.includes('authority')) return this.#toAuthority(from.place, to.place, conditions);
    const sites = places.filter((place) => this.#isSite(place)) as SiteId[];
    if (sites.length < 2) return this.#outOfSite(from.place, to.place, conditions);
    const way = this.#way(sites[0]!, sites[1]!);
    if (way === null) return closed;
    return joined(way.slice(1).map((site, index) => this.#hop(way[index]!, site, conditions)));
  }

  /** One direction of one link, whether or not it is the one in use; for measuring it. */
  linkState(link: Link, from: SiteId, conditions: Conditions): PathState {
    const to = link.between[0] === from ? link.between[1] : link.between[0];
    if (cutSince(link, conditions.faults) !== null) return closed;
    return withFaults(from, to, { open: true, oneWayMs: link.rttMs / 2, lossPercent: 0, via: [link.id] }, conditions);
  }

  /** Directly and both ways, over whichever link is in use. */
  siteReaches(from: SiteId, to: SiteId, conditions: Conditions): boolean {
    return this.#hop(from, to, conditions).open && this.#hop(to, from, conditions).open;
  }

  reachesAuthority(site: SiteId, conditions: Conditions): boolean {
    if (conditions.faults.some(({ fault }) => fault.kind === 'site-power-off' && fault.site === site)) return false;
    const voters = this.#topology.sites.filter((candidate) => candidate.voter);
    const reached = voters.filter((voter) => voter.id === site || this.siteReaches(site, voter.id, conditions));
    return reached.length > voters.length / 2;
  }

  /** When a state will change although no fault comes or goes: the end of a re-route. Null when nothing is pending. */
  nextChangeAt(conditions: Conditions): number | null {
    const ends = conditions.faults
      .map((active) => active.startedAt + this.#rerouteMs)
      .filter((end) => end > conditions.nowMs);
    return ends.length === 0 ? null : Math.min(...ends);
  }

  #toAuthority(from: PlaceId, to: PlaceId, conditions: Conditions): PathState {
    const site = from === 'authority' ? to : from;
    if (this.#isSite(site) && !this.reachesAuthority(site, conditions)) return closed;
    return withFaults(from, to, near, conditions);
  }

  #outOfSite(from: PlaceId, to: PlaceId, conditions: Conditions): PathState {
    const [site, other] = this.#isSite(from) ? [from, to] : [to, from];
    const venue = this.#topology.venues.find((candidate) => candidate.id === other);
    const keeps = venue === undefined ? 'outside' : 'venues';
    const shut = conditions.faults.some(
      ({ fault }) =>
        (fault.kind === 'site-power-off' && fault.site === site) ||
        (fault.kind === 'site-isolated' && fault.site === site && !(fault.keep ?? []).includes(keeps)),
    );
    if (shut) return closed;
    const rttMs = venue === undefined ? 0 : venue.rttMsBySite[site];
    if (rttMs === undefined) return closed;
    return withFaults(from, to, { open: true, oneWayMs: rttMs / 2, lossPercent: 0, via: [] }, conditions);
  }

  #hop(from: SiteId, to: SiteId, conditions: Conditions): PathState {
    for (const link of this.#links.get(pairKey(from, to)) ?? []) {
      const since = cutSince(link, conditions.faults);
      if (since === null) {
        const state = { open: true, oneWayMs: link.rttMs / 2, lossPercent: 0, via: [link.id] };
        return withFaults(from, to, state, conditions);
      }
      if (conditions.nowMs - since < this.#rerouteMs) return closed;
    }
    return closed;
  }

  #isSite(place: PlaceId): place is SiteId {
    return this.#topology.sites.some((site) => site.id === place);
  }

  #way(from: SiteId, to: SiteId): readonly SiteId[] | null {
    const key = `${from}|${to}`;
    const known = this.#ways.get(key);
    if (known !== undefined) return known;
    const way = this.#links.has(pairKey(from, to)) ? [from, to] : shortestWay(this.#topology, from, to);
    this.#ways.set(key, way);
    return way;
  }
}

/** The best round trip within which a majority of voters can be asked from a site: what one quorum operation costs there. */
export function quorumRttMs(topology: Topology, site: SiteId): number | null {
  const model = new PathModel(topology, { rerouteMs: 0 });
  const calm = { faults: [], nowMs: 0 };
  const voters = topology.sites.filter((candidate) => candidate.voter);
  const rtts = voters
    .map((voter) => model.path({ place: site, host: null }, { place: voter.id, host: null }, calm))
    .filter((state) => state.open)
    .map((state) => state.oneWayMs * 2)
    .sort((left, right) => left - right);
  return rtts[Math.floor(voters.length / 2)] ?? null;
}

/** Start of the earliest fault in force that cuts this link both ways; null when none does. */
function cutSince(link: Link, faults: readonly ActiveFault[]): number | null {
  let since: number | null = null;
  for (const { fault, startedAt } of faults) {
    const cuts =
      (fault.kind === 'link-down' && fault.link === link.id) ||
      (fault.kind === 'path-down' && fault.pathGroup === link.pathGroup) ||
      (fault.kind === 'cut' && isPair(fault.between, link.between)) ||
      ((fault.kind === 'site-isolated' || fault.kind === 'site-power-off') && link.between.includes(fault.site));
    if (cuts) since = Math.min(since ?? startedAt, startedAt);
  }
  return since;
}

function withFaults(from: PlaceId, to: PlaceId, state: PathState, conditions: Conditions): PathState {
  let { open, oneWayMs, lossPercent } = state;
  for (const { fault } of conditions.faults) {
    if (fault.kind === 'one-way' && fault.from === from && fault.to === to) open = false;
    if (fault.kind === 'cut' && isPair(fault.between, [from, to])) open = false;
    if (fault.kind === 'extra-latency' && isPair(fault.between, [from, to])) oneWayMs += fault.addRttMs / 2;
    if (fault.kind === 'loss' && isPair(fault.between, [from, to])) lossPercent = Math.max(lossPercent, fault.percent);
  }
  return { open, oneWayMs, lossPercent, via: state.via };
}

function joined(hops: readonly PathState[]): PathState {
  if (hops.some((hop) => !hop.open)) return closed;
  if (hops.length === 1) return hops[0]!;
  return {
    open: true,
    oneWayMs: hops.reduce((sum, hop) => sum + hop.oneWayMs, 0),
    lossPercent: 100 * (1 - hops.reduce((kept, hop) => kept * (1 - hop.lossPercent / 100), 1)),
    via: hops.flatMap((hop) => hop.via),
  };
}

function shortestWay(topology: Topology, from: SiteId, to: SiteId): readonly SiteId[] | null {
  const best = new Map<SiteId, { readonly rttMs: number; readonly way: readonly SiteId[] }>([
    [from, { rttMs: 0, way: [from] }],
  ]);
  const open = [from];
  while (open.length > 0) {
    open.sort((left, right) => best.get(left)!.rttMs - best.get(right)!.rttMs);
    const site = open.shift()!;
    const here = best.get(site)!;
    if (site === to) return here.way;
    for (const link of topology.links) {
      if (!link.between.includes(site)) continue;
      const next = link.between[0] === site ? link.between[1] : link.between[0];
      const rttMs = here.rttMs + link.rttMs;
      if (rttMs >= (best.get(next)?.rttMs ?? Number.POSITIVE_INFINITY)) continue;
      best.set(next, { rttMs, way: [...here.way, next] });
      open.push(next);
    }
  }
  return null;
}

const silencesHost = (fault: Fault, at: Where): boolean =>
  (fault.kind === 'host-silent' || fault.kind === 'host-power-off') && at.host !== null && fault.host === at.host;

const isPair = (pair: readonly [PlaceId, PlaceId], other: readonly [PlaceId, PlaceId]): boolean =>
  (pair[0] === other[0] && pair[1] === other[1]) || (pair[0] === other[1] && pair[1] === other[0]);

const pairKey = (left: SiteId, right: SiteId): string => (left < right ? `${left}|${right}` : `${right}|${left}`);
