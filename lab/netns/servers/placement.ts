import type { InstanceId } from '../../../src/core/base/ids.ts';
import type { ServedKind } from '../../../src/core/topology/served.ts';
import type { Component, ComponentKind, Site, Topology } from '../../../src/core/topology/topology.ts';
import type { Address } from '../../layout.ts';
import type { NetworkPlan, PlannedNode } from '../network-plan.ts';

/** Enough to say where everything stands. */
export interface Placement {
  readonly topology: Topology;
  readonly plan: NetworkPlan;
}

/** What the planning of every server knows. */
export interface ServerGround extends Placement {
  /** A password or key of this lab, by its name: the same whenever it is asked for. */
  readonly secret: (name: string) => string;
  /** Absent: no platform runs behind the servers. */
  readonly platform?: PlatformBehind;
}

/** What of the lab's platform its servers lead to. */
export interface PlatformBehind {
  /** Where a front takes orders. */
  readonly orders: (front: InstanceId) => Address;
  /** Who logs in at its databases through a pooler, with the password. */
  readonly databaseUsers: Readonly<Record<string, string>>;
  /** Where controllers tell their figures; none where the topology does not ask for them. */
  readonly figures: readonly Address[];
}

/** Sites that may be active. */
export const tradingSites = ({ sites }: Topology): readonly Site[] =>
  sites.filter(({ capabilities }) => capabilities.includes('serve') || capabilities.includes('standby'));

/** Databases that run as a cluster under Patroni in a lab with all servers. A `postgres` has another one, which agents run, beside it. */
export const patroniClusters = ({ components }: Topology): readonly Component[] =>
  components.filter((component) => component.kind === 'postgres' || isDelegated(component));

/** The lab's agents look at it and ask it, and the platform keeps its data there. */
export const isDelegated = ({ kind }: Pick<Component, 'kind'>): boolean => kind === 'patroni';

/** Machines of the servers of a kind that agents lead, in the topology's order; null where it has none, and the lab chooses. */
export function ledNodes({ topology, plan }: Placement, kind: ServedKind): readonly PlannedNode[] | null {
  const hosts = topology.components.filter((each) => each.kind === kind).flatMap(({ instances }) => instances);
  if (hosts.length === 0) return null;
  return [...new Set(hosts.map(({ host }) => plan.nodes.find((node) => node.host === host)!))];
}

/** Of which kind an instance is, and the machine on which it is. */
export function homeOf(
  { topology, plan }: Placement,
  instance: InstanceId,
): { readonly kind: ComponentKind; readonly node: PlannedNode } {
  const component = topology.components.find(({ instances }) => instances.some(({ id }) => id === instance))!;
  const { host } = component.instances.find(({ id }) => id === instance)!;
  return { kind: component.kind, node: plan.nodes.find((node) => node.host === host)! };
}

/** Machines of a site for what stands at its edge: hosts of a front first, then the others from the last. */
export function edgeNodes({ topology, plan }: Placement, site: Site): readonly PlannedNode[] {
  const fronts = new Set(
    topology.components
      .filter(({ kind }) => kind === 'front')
      .flatMap((front) => front.instances.map(({ host }) => host)),
  );
  const hosts = plan.nodes.filter((node) => node.kind === 'host' && node.site === site.id).toReversed();
  const isEdge = ({ host }: PlannedNode) => host !== null && fronts.has(host);
  return [...hosts.filter(isEdge), ...hosts.filter((node) => !isEdge(node))];
}

/** Machines of a site for what holds data: hosts of a database first, then the others as the topology has them. */
export function dataNodes({ topology, plan }: Placement, site: Site): readonly PlannedNode[] {
  const databases = new Set(patroniClusters(topology).flatMap(({ instances }) => instances.map(({ host }) => host)));
  const hosts = plan.nodes.filter((node) => node.kind === 'host' && node.site === site.id);
  const isData = ({ host }: PlannedNode) => host !== null && databases.has(host);
  return [...hosts.filter(isData), ...hosts.filter((node) => !isData(node))];
}

/** A machine's address in the network of its site. */
export function lanAddress(plan: NetworkPlan, node: PlannedNode): string {
  const end = plan.wires
    .flatMap(({ ends }) => ends)
    .find(({ at, interface: name }) => at === node.id && name === 'lan');
  if (end?.address == null) throw new Error(`${node.id} has no address in a site`);
  return end.address.replace(/\/.*/, '');
}
