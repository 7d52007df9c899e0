import type { SiteId } from '../../src/core/base/ids.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import type { Fault } from '../fault.ts';
import { machineNamed, type NetworkPlan, networkOf, type PlannedWire, type WireEnd } from './network-plan.ts';

/** What a fault of latency or loss changes at one end. */
export interface Worsening {
  readonly end: WireEnd;
  readonly wire: PlannedWire;
  readonly addMs: number;
  readonly lossPercent: number;
}

/**
 * The ends at which a fault lets nothing arrive any more. Packets are lost where they arrive: senders see a silent wire, never an
 * error. Pure.
 */
export function cutEnds(plan: NetworkPlan, topology: Topology, fault: Fault): readonly WireEnd[] {
  const both = (wires: readonly PlannedWire[]) => wires.flatMap(({ ends }) => ends);
  switch (fault.kind) {
    case 'link-down':
      return both(plan.wires.filter(({ link }) => link === fault.link));
    case 'path-down': {
      const links = topology.links.filter(({ pathGroup }) => pathGroup === fault.pathGroup).map(({ id }) => id);
      return both(plan.wires.filter(({ link }) => link !== null && links.includes(link)));
    }
    case 'cut':
      return fault.over === 'any-way' ? [] : both(wiresBetween(plan, topology, ...fault.between));
    case 'one-way':
      if (fault.over === 'any-way') return [];
      return both(wiresBetween(plan, topology, fault.from, fault.to)).filter(
        (end) => placeOf(plan, topology, end) === fault.to,
      );
    case 'site-isolated':
    case 'site-power-off': {
      const keep = fault.kind === 'site-isolated' ? (fault.keep ?? []) : [];
      const venues = keep.includes('venues') ? [] : topology.venues.map(({ id }) => id);
      const outside = keep.includes('outside') ? [] : ['outside'];
      const others = topology.sites.map(({ id }) => id).filter((id) => id !== fault.site);
      return [...others, ...venues, ...outside].flatMap((other) =>
        both(wiresBetween(plan, topology, fault.site, other)),
      );
    }
    case 'host-silent':
    case 'host-power-off':
      return both(plan.wires.filter(({ ends }) => ends.some(({ at }) => at === machineNamed(plan, fault.host)?.id)));
    case 'extra-latency':
    case 'loss':
    case 'freeze':
    case 'kill':
    case 'authority-restored':
      return [];
  }
}

/** What one site's network sends is lost at a router of another one. */
export interface Unheard {
  /** Of the router. */
  readonly namespace: string;
  readonly from: SiteId;
  readonly to: SiteId;
  /** The first address of the sender's network. */
  readonly network: string;
}

/** What a fault makes routers of a site lose, whichever way it came. Pure. */
export function unheardAt(plan: NetworkPlan, fault: Fault): readonly Unheard[] {
  if ((fault.kind !== 'cut' && fault.kind !== 'one-way') || fault.over !== 'any-way') return [];
  const lost = (from: string, to: string) =>
    plan.routers
      .filter(({ site }) => site === to)
      .map(({ id }) => ({
        namespace: plan.nodes.find((node) => node.id === id)!.namespace,
        from: from as SiteId,
        to: to as SiteId,
        network: networkOf(plan, from as SiteId).replace(/\/.*/, ''),
      }));
  if (fault.kind === 'one-way') return lost(fault.from, fault.to);
  const [left, right] = fault.between;
  return [...lost(left, right), ...lost(right, left)];
}

/** Which ends a fault of latency or loss makes worse; empty for any other fault. */
export function worsenedEnds(plan: NetworkPlan, topology: Topology, fault: Fault): readonly Worsening[] {
  if (fault.kind !== 'extra-latency' && fault.kind !== 'loss') return [];
  return wiresBetween(plan, topology, ...fault.between).flatMap((wire) => {
    const delayed = wire.ends.filter(({ delayMs }) => delayMs > 0);
    const addMs = fault.kind === 'extra-latency' ? fault.addRttMs / delayed.length : 0;
    return delayed.map((end) => ({ end, wire, addMs, lossPercent: fault.kind === 'loss' ? fault.percent : 0 }));
  });
}

function wiresBetween(plan: NetworkPlan, topology: Topology, left: string, right: string): readonly PlannedWire[] {
  return plan.wires.filter((wire) => {
    const places = wire.ends.map((end) => placeOf(plan, topology, end));
    return left !== right && places.includes(left) && places.includes(right);
  });
}

/** The site, the venue, or `outside`. */
function placeOf(plan: NetworkPlan, topology: Topology, { at }: WireEnd): string {
  const node = plan.nodes.find(({ id }) => id === at);
  if (node?.kind === 'observer') return at;
  if (node !== undefined) return node.site ?? topology.venues.find(({ id }) => at === `venue/${id}`)?.id ?? 'outside';
  return topology.sites.find(({ id }) => at === `lan/${id}`)?.id ?? 'outside';
}
