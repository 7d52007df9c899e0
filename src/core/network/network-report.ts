import type { HostId, SiteId } from '../base/ids.ts';
import type { Host, Topology } from '../topology/topology.ts';
import type { RoundTrips } from './round-trips.ts';

/** What one site's prober found, as its agent tells every controller. It is no heartbeat, and no decision reads it. */
export interface NetworkReport {
  readonly host: HostId;
  readonly site: SiteId;
  readonly sequence: number;
  /** Why nothing is measured there; null = it is. */
  readonly problem: string | null;
  readonly paths: readonly MeasuredPath[];
}

export interface MeasuredPath {
  readonly to: SiteId;
  readonly trips: RoundTrips;
  /** Since the last answer; null = none since it began. */
  readonly answeredMsAgo: number | null;
}

/** How often a prober tells what it found. */
export const networkReportEveryMs = 1000;

/** Which host of each site measures and answers: its first one. A site without hosts has none. */
export function probingHosts({ sites, hosts }: Topology): ReadonlyMap<SiteId, Host> {
  const probing = new Map<SiteId, Host>();
  for (const { id } of sites) {
    const first = hosts.find(({ site }) => site === id);
    if (first !== undefined) probing.set(id, first);
  }
  return probing;
}
