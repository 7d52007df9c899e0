import { join } from 'node:path';
import type { SiteId } from '../../src/core/base/ids.ts';
import type { LabContext, LabMachines } from '../configs.ts';
import type { LabLayout } from '../layout.ts';
import { controllerKey, type LaunchSpec, loadKey, type ReadyCheck, venueKey } from '../process-spec.ts';
import { outsideLan, sitesNetwork } from './address-plan.ts';
import { controllerHost } from './controller-host.ts';
import { machineContext, type NamespaceWish } from './machine-context.ts';
import { type MachineContext, onMachine } from './machine-processes.ts';
import { NamespaceBook } from './namespace-book.ts';
import type { PlannedNode } from './network-plan.ts';
import { doorSocket } from './operator-doors.ts';
import { etcdVoters } from './servers/etcd.ts';
import { clientsWay } from './servers/led-servers.ts';
import type { Placement } from './servers/placement.ts';

export const doorwayKey = 'doorway';
const clients = 'client';

/** Where the platform's processes run and what they dial, in a lab of network namespaces. Touches nothing. */
export function onMachines(wish: NamespaceWish, layout: LabLayout): Required<Pick<LabContext, 'book' | 'machines'>> {
  const { topology } = wish;
  const context = machineContext(wish);
  const placement: Placement = { topology, plan: context.plan };
  const nodeOf = homes(placement);
  const machines: LabMachines = {
    networks: ['127.0.0.0/8', sitesNetwork, outsideLan.network],
    votersFrom: (site) => votersFrom(placement, site),
    clientsWay: clientsWay(placement),
    place: (spec) => placed(context, nodeOf(spec), spec),
    amongClients: (command) => [
      'sh',
      join(import.meta.dirname, 'on-host.sh'),
      context.stateOf(clients),
      context.groupOf(clients) ?? '-',
      ...command,
    ],
  };
  return { book: new NamespaceBook(topology, context.plan, layout), machines };
}

/** What lets people into the lab, on the clients' machine. */
export function doorway(context: MachineContext): LaunchSpec {
  const node = context.plan.nodes.find(({ id }) => id === clients)!;
  const command = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(import.meta.dirname, 'doorway.ts'),
    doorSocket,
  ];
  const ready: ReadyCheck = { kind: 'output', text: 'ready', deadlineMs: 20_000 };
  return { ...onMachine(context, node, { key: doorwayKey, ready, stage: 1, command }), host: null };
}

/**
 * Whoever leads a router reaches its daemons as a member of their groups. Of the rights of root two are left: to read, for the way to the
 * lab's own files, and to come before other work, without which a busy machine makes it silent.
 */
const rightsOnRouter = [
  'setpriv',
  ...['--groups', 'frr,frrvty', '--no-new-privs', '--inh-caps', '-all'],
  ...['--bounding-set', '-all,+dac_read_search,+sys_nice'],
];

/**
 * Agents, wardens and controllers raise themselves, and where processors are shared between sessions first that counts for a session of their
 * own alone: without one it is that of whoever let them onto the machine. What stands outside the sites is raised by the lab.
 */
const ownSession = ['setsid'];

/** The machine on which each process of the platform belongs. */
function homes(placement: Placement): (spec: LaunchSpec) => PlannedNode {
  const { topology, plan } = placement;
  const special = new Map([
    [loadKey, clients],
    ...topology.venues.map(({ id }) => [venueKey(id), `venue/${id}`] as const),
    ...topology.sites.map(({ id }) => [controllerKey(id), `host/${controllerHost(placement, id)}`] as const),
  ]);
  return ({ key, host }) => {
    const id = special.get(key);
    const node = plan.nodes.find((each) => (id === undefined ? each.host === host : each.id === id));
    if (node === undefined) throw new TypeError(`there is no machine for ${key}`);
    return node;
  };
}

function placed(context: MachineContext, node: PlannedNode, spec: LaunchSpec): LaunchSpec {
  const { key, stage, command, args } = spec;
  // Whoever starts processes sees no port of a machine.
  const { ready } =
    spec.ready.kind === 'tcp'
      ? { ready: { kind: 'output', text: '"event":"ready"', deadlineMs: spec.ready.deadlineMs } as const }
      : spec;
  const rights = node.kind === 'router' ? rightsOnRouter : [];
  const session = spec.site === null ? [] : ownSession;
  const launch = onMachine(context, node, { key, stage, ready, command: [...rights, ...session, command, ...args] });
  return { ...launch, env: spec.env, site: spec.site, host: node.host };
}

/** The site's own vote first, then by the round trip. */
function votersFrom(placement: Placement, site: SiteId): readonly string[] {
  const { links } = placement.topology;
  const rttMs = (other: string | null) =>
    other === site
      ? 0
      : Math.min(
          ...links
            .filter(({ between }) => between.includes(site) && between.some((each) => each === other))
            .map((link) => link.rttMs),
        );
  return etcdVoters(placement)
    .toSorted((left, right) => rttMs(left.node.site) - rttMs(right.node.site))
    .map(({ client }) => client);
}
