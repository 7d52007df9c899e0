import { componentId, groupId, hostId, instanceId, linkId, siteId } from '../src/core/base/ids.ts';
import type { Component, ComponentKind, Host, Link, Topology } from '../src/core/topology/topology.ts';

/** A small firm for tests: sites with hosts, links between them, instances where they are put. */
export function firm(shape: {
  readonly sites: Readonly<Record<string, { readonly hosts: number; readonly voter?: boolean }>>;
  readonly links: readonly (readonly [from: string, to: string, rttMs: number, pathGroup?: string])[];
  readonly components?: Readonly<Record<string, { readonly kind: ComponentKind; readonly on: readonly string[] }>>;
  readonly venues?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}): Topology {
  const hosts: Host[] = Object.entries(shape.sites).flatMap(([site, { hosts: count }]) =>
    Array.from({ length: count }, (_, index) => ({
      id: hostId(`${site}-h${index + 1}`),
      site: siteId(site),
      rack: null,
      scheduling: null,
    })),
  );
  const links: Link[] = shape.links.map(([from, to, rttMs, pathGroup], index) => {
    const before = shape.links.slice(0, index).filter(([a, b]) => [a, b].sort().join() === [from, to].sort().join());
    return {
      id: linkId(`${from}-${to}-${before.length + 1}`),
      between: [siteId(from), siteId(to)],
      rttMs,
      bandwidthMbps: 1_000,
      provider: null,
      pathGroup: pathGroup ?? `route-${index}`,
      priority: before.length + 1,
      slaPercent: null,
    };
  });
  return {
    name: 'firm',
    sites: Object.entries(shape.sites).map(([site, { voter }], index) => ({
      id: siteId(site),
      title: site,
      capabilities: ['serve', 'standby'],
      voter: voter ?? true,
      preference: index + 1,
      inventory: null,
    })),
    links,
    hosts,
    components: Object.entries(shape.components ?? {}).map(([id, { kind, on }]) => component(id, kind, on)),
    groups: [
      {
        id: groupId('all'),
        components: Object.keys(shape.components ?? {}).map(componentId),
        instancePolicy: 'automatic',
        sitePolicy: 'approval',
        coolDownMs: 1,
        maxRunsPerCoolDown: 1,
        rejoinPolicy: 'automatic',
        plannedMove: { approval: false, ticket: false, noticeMs: 0, watchMs: 60_000, outsideMarketHours: false },
      },
    ],
    venues: Object.entries(shape.venues ?? {}).map(([id, rttMsBySite]) => ({
      id,
      title: id,
      rttMsBySite,
      symbols: [],
      sessions: 'epochs',
      protocol: 'binary',
      onTakeover: 'keep',
      calendar: null,
    })),
    contacts: [],
    reconciliation: { toleranceLots: 0, alertAboveLots: 100, settleMs: 2000 },
    timing: {
      leaseRenewEveryMs: 100,
      selfFenceAfterMs: 500,
      stopWithinMs: 100,
      clockRatePpm: 1000,
      leaseMarginMs: 50,
      reportEveryMs: 100,
      silenceFloorMs: 100,
      silenceCeilingMs: 250,
      leaderRenewEveryMs: 100,
      leaderTimeoutMs: 1000,
      stepDeadlineMs: 1000,
    },
  };
}

function component(id: string, kind: ComponentKind, on: readonly string[]): Component {
  return {
    id: componentId(id),
    title: id,
    kind,
    category: 'hot',
    automation: 'full',
    objective: { rtoMs: 30_000, rpoMs: 0, availabilityPercent: null, stages: null },
    priority: 1,
    dependsOn: [],
    instances: on.map((host) => ({
      id: instanceId(`${id}-${host}`),
      component: componentId(id),
      host: hostId(host),
      replication: 'none',
      eligible: true,
      upstream: null,
    })),
    probes: [],
    authority: 'none',
    durability: null,
  };
}

/** Two trading sites joined by two paths and a slow VPN, and a witness. */
export const threeSites = (): Topology =>
  firm({
    sites: { east: { hosts: 2 }, west: { hosts: 2 }, far: { hosts: 1 } },
    links: [
      ['east', 'west', 8, 'a'],
      ['east', 'west', 12, 'b'],
      ['east', 'west', 30, 'vpn'],
      ['east', 'far', 20],
      ['west', 'far', 20],
    ],
    components: {
      engine: { kind: 'trading-engine', on: ['east-h1', 'east-h2', 'west-h1'] },
      database: { kind: 'postgres', on: ['east-h2', 'west-h2'] },
      front: { kind: 'front', on: ['east-h1', 'west-h1'] },
    },
    venues: { exchange: { east: 2, west: 4 } },
  });

/** Waits for a condition, looking every few milliseconds; fails with the given sentence when it does not come true in time. */
export async function eventually(
  claim: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${claim}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
