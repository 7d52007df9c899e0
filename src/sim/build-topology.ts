import { componentId, groupId, hostId, instanceId, linkId, siteId } from '../core/base/ids.ts';
import { isServedKind, type Served, type ServedKind } from '../core/topology/served.ts';
import type {
  Component,
  ComponentKind,
  FailoverGroup,
  Host,
  Instance,
  Link,
  Site,
  Timing,
  Topology,
} from '../core/topology/topology.ts';
import type { Random } from './random.ts';

/** What a world's platform looks like; drawn per seed, so quiet and brutal worlds, small and larger firms are all met. */
export interface Shape {
  readonly servingSites: number;
  readonly enginesPerSite: number;
  readonly archive: boolean;
  /** Two risk engines and a position keeper at each serving site. */
  readonly services: boolean;
  /** A proxy, a pooler, a name server, a Redis, a router, a member of service discovery and a shared address at each serving site; left out = none. */
  readonly servers?: boolean;
  /** The database is under Patroni: something else says who is primary of it. Left out = owned. */
  readonly delegatedDatabase?: boolean;
  /** With it: its clients come through gates. Left out = they come as they like. */
  readonly gatedDatabase?: boolean;
  /** With it: Patroni asks before it promotes. Left out = it asks nobody. */
  readonly askingDatabase?: boolean;
  readonly timing: Timing;
  readonly sitePolicy: FailoverGroup['sitePolicy'];
  readonly instancePolicy: FailoverGroup['instancePolicy'];
  readonly afterPeerLoss: 'degrade' | 'halt';
  readonly coolDownMs: number;
  readonly maxRunsPerCoolDown: number;
  readonly rttMs: number;
  readonly plannedMove: FailoverGroup['plannedMove'];
  /** The database acknowledges alone: nobody else has to have it, and nothing but its lease stops it. */
  readonly loneDatabase: boolean;
  /** One controller runs another release. */
  readonly mixedVersions: boolean;
}

export function drawShape(random: Random): Shape {
  const renew = random.pick([250, 400, 500]);
  const report = random.pick([400, 500, 700]);
  const drawn: Omit<Shape, 'plannedMove'> = {
    servingSites: random.chance(0.85) ? 2 : 3,
    enginesPerSite: random.chance(0.7) ? 2 : 1,
    archive: random.chance(0.6),
    services: false,
    sitePolicy: random.chance(0.85) ? 'automatic' : 'approval',
    instancePolicy: random.chance(0.97) ? 'automatic' : random.pick(['manual', 'observe']),
    afterPeerLoss: random.chance(0.9) ? 'degrade' : 'halt',
    coolDownMs: random.pick([2000, 5000, 20_000]),
    maxRunsPerCoolDown: random.whole(2, 6),
    rttMs: random.pick([1, 8, 20]),
    loneDatabase: random.chance(0.15),
    mixedVersions: random.chance(0.2),
    timing: {
      leaseRenewEveryMs: renew,
      selfFenceAfterMs: renew * random.whole(4, 6),
      stopWithinMs: random.pick([200, 400]),
      clockRatePpm: random.pick([500, 5000]),
      leaseMarginMs: random.pick([50, 150]),
      reportEveryMs: report,
      silenceFloorMs: report * 2.5,
      silenceCeilingMs: report * 5,
      leaderRenewEveryMs: 500,
      leaderTimeoutMs: random.pick([1600, 2500]),
      stepDeadlineMs: 3000,
    },
  };
  // Not drawn: what was drawn before stays as it was.
  return {
    ...drawn,
    plannedMove: {
      approval: drawn.coolDownMs === 2000,
      ticket: report !== 400,
      noticeMs: drawn.rttMs === 20 ? 1500 : 0,
      watchMs: 2000,
      outsideMarketHours: true,
    },
  };
}

export const GROUP = groupId('trading');

/** What each kind of server is called, and leads to under which name. */
const serversInOrder = [
  ['haproxy', { id: 'proxy', lead: 'orders', to: 'front' }],
  ['pgbouncer', { id: 'pooler', lead: 'trading', to: 'db' }],
  ['dns', { id: 'names', lead: 'trading', to: 'front' }],
  ['redis', { id: 'cache', lead: 'cache', to: 'engine' }],
  ['frr', { id: 'router', lead: '10.255.0.0/24', to: 'front' }],
  ['discovery', { id: 'registry', lead: 'engine', to: 'engine' }],
  ['keepalived', { id: 'gateway', lead: 'orders', to: 'proxy' }],
] as const satisfies readonly (readonly [ServedKind, object])[];

function authorityOf(kind: ComponentKind): Component['authority'] {
  if (kind === 'redis' || kind === 'patroni') return 'delegated';
  return kind === 'front' || kind === 'position-keeper' || isServedKind(kind) ? 'none' : 'owned';
}

/** Builds the topology of a shape. Names differ from every example file: nothing may depend on names. */
export function topologyOf(shape: Shape): Topology {
  const sites: Site[] = [];
  const hosts: Host[] = [];
  const db: Instance[] = [];
  const engine: Instance[] = [];
  const oms: Instance[] = [];
  const front: Instance[] = [];
  const risk: Instance[] = [];
  const keeper: Instance[] = [];
  const servers = {
    haproxy: [] as Instance[],
    pgbouncer: [] as Instance[],
    dns: [] as Instance[],
    redis: [] as Instance[],
    frr: [] as Instance[],
    discovery: [] as Instance[],
    keepalived: [] as Instance[],
  };
  const serving = ['alfa', 'bravo', 'carol'].slice(0, shape.servingSites);
  const witness = shape.servingSites === 2 ? ['wit'] : [];
  const host = (site: string, name: string) => {
    hosts.push({ id: hostId(`${site}-${name}`), site: siteId(site), rack: null, scheduling: null });
    return hostId(`${site}-${name}`);
  };
  const instance = (
    id: string,
    component: string,
    on: ReturnType<typeof host>,
    replication: Instance['replication'],
    eligible = true,
    upstream: string | null = null,
  ): Instance => ({
    id: instanceId(id),
    component: componentId(component),
    host: on,
    replication,
    eligible,
    upstream: upstream === null ? null : instanceId(upstream),
  });
  for (const [at, site] of serving.entries()) {
    sites.push({
      id: siteId(site),
      title: site,
      capabilities: at === 0 ? ['serve'] : ['serve', 'standby'],
      voter: true,
      preference: at + 1,
      inventory: null,
    });
    for (let n = 1; n <= shape.enginesPerSite; n += 1)
      engine.push(instance(`${site}-eng${n}`, 'engine', host(site, `e${n}`), 'sync'));
    db.push(instance(`${site}-db`, 'db', host(site, 'd'), 'sync'));
    const edge = host(site, 'x');
    oms.push(instance(`${site}-oms`, 'oms', edge, 'none'));
    front.push(instance(`${site}-front`, 'front', edge, 'none'));
    risk.push(instance(`${site}-risk1`, 'risk', edge, 'none'));
    risk.push(instance(`${site}-risk2`, 'risk', hostId(`${site}-e1`), 'none'));
    keeper.push(instance(`${site}-keeper`, 'keeper', edge, 'none'));
    for (const [kind, { id }] of serversInOrder) servers[kind].push(instance(`${site}-${id}`, id, edge, 'none'));
  }
  for (const site of witness) {
    sites.push({
      id: siteId(site),
      title: site,
      capabilities: ['witness', 'archive'],
      voter: true,
      preference: 9,
      inventory: null,
    });
    const box = host(site, 'a');
    if (shape.archive) db.push(instance(`${site}-db`, 'db', box, 'async', false, `${serving[1]}-db`));
  }
  const component = (
    id: string,
    kind: ComponentKind,
    instances: Instance[],
    dependsOn: string[],
    durable: boolean,
  ): Component => ({
    id: componentId(id),
    title: id,
    kind,
    category: 'hot',
    automation: 'full',
    priority: 1,
    probes: [],
    instances,
    objective: { rtoMs: 30_000, rpoMs: 0, availabilityPercent: null, stages: null },
    dependsOn: dependsOn.map(componentId),
    authority: authorityOf(kind),
    durability: durable ? { acknowledge: 'remote-site', afterPeerLoss: shape.afterPeerLoss } : null,
  });
  const links: Link[] = sites.flatMap((left, at) =>
    sites.slice(at + 1).map((right) => ({
      id: linkId(`${left.id}-${right.id}`),
      between: [left.id, right.id] as const,
      rttMs: shape.rttMs,
      bandwidthMbps: 1000,
      provider: null,
      pathGroup: `${left.id}${right.id}`,
      priority: 1,
      slaPercent: null,
    })),
  );
  const services = shape.services
    ? [
        component('risk', 'risk-engine', risk, ['db', 'engine'], false),
        component('keeper', 'position-keeper', keeper, ['engine'], false),
      ]
    : [];
  if (shape.servers === true)
    services.push(
      ...serversInOrder.map(([kind, { id, lead, to }]): Component => {
        const targets = to === 'proxy' ? [] : { front, db, engine }[to];
        const as = Object.fromEntries(targets.map((target, at) => [target.id, `10.0.0.${at + 1}:5432`]));
        const leads = { [lead]: { to: componentId(to), as, ttlSeconds: kind === 'dns' ? 5 : null } };
        const addresses = servers[kind].map((each, at) => [each.id, { sharedAddress: `10.0.${at + 1}.9/24` }] as const);
        const options = kind === 'keepalived' ? Object.fromEntries(addresses) : {};
        return { ...component(id, kind, servers[kind], [to], false), served: { leads, servers: options } };
      }),
    );
  return {
    name: 'simulated',
    sites,
    hosts,
    links,
    components: [
      shape.delegatedDatabase === true
        ? { ...component('db', 'patroni', db, [], true), served: { leads: {}, servers: membersOf(shape, db) } }
        : component('db', 'postgres', db, [], !shape.loneDatabase),
      component('engine', 'trading-engine', engine, ['db'], true),
      component('oms', 'order-management', oms, ['db', 'engine'], false),
      component('front', 'front', front, ['engine'], false),
      ...services,
    ],
    groups: [
      {
        id: GROUP,
        components: [...['db', 'engine', 'oms', 'front'].map(componentId), ...services.map(({ id }) => id)],
        instancePolicy: shape.instancePolicy,
        sitePolicy: shape.sitePolicy,
        coolDownMs: shape.coolDownMs,
        maxRunsPerCoolDown: shape.maxRunsPerCoolDown,
        rejoinPolicy: 'automatic',
        plannedMove: shape.plannedMove,
      },
    ],
    venues: [],
    contacts: [],
    timing: shape.timing,
    reconciliation: { toleranceLots: 0, alertAboveLots: 100, settleMs: 2000 },
  };
}

function membersOf({ gatedDatabase, askingDatabase }: Shape, members: readonly Instance[]): Served['servers'] {
  const options = {
    ...(gatedDatabase === true ? { gatePort: '5432' } : {}),
    ...(askingDatabase === true ? { grantSocket: '/run/grant.sock' } : {}),
  };
  return Object.fromEntries(members.map(({ id }) => [id, options]));
}
