import { componentId, groupId, hostId, instanceId, linkId, siteId } from '../../core/base/ids.ts';
import type { HostCheckPolicy, Threshold } from '../../core/health/host-checks.ts';
import type { NetworkPolicy } from '../../core/network/budget.ts';
import { isServedKind, type Served } from '../../core/topology/served.ts';
import type {
  Component,
  Contact,
  FailoverGroup,
  Instance,
  Link,
  Objective,
  Probe,
  Site,
  SiteInventory,
  Topology,
} from '../../core/topology/topology.ts';
import {
  btuPerHourPerKw,
  canServe,
  defaultAuthority,
  defaultGroup,
  defaultHostChecks,
  defaultNetwork,
  defaultProbes,
  defaultReconciliation,
  timingOf,
} from './entry-defaults.ts';
import type { ComponentEntry, ObjectiveEntry, SiteEntry, TopologyFile } from './file-schema.ts';

/** The platform that a checked file describes, with every default filled in. */
export function buildTopology(file: TopologyFile): Topology {
  return {
    name: file.name,
    sites: Object.entries(file.sites).map(([id, entry], index) => buildSite(id, entry, index + 1)),
    links: Object.entries(file.links ?? {}).map(([id, entry]) => buildLink(id, entry)),
    hosts: Object.entries(file.hosts).map(([id, entry]) => ({
      id: hostId(id),
      site: siteId(entry.site),
      rack: entry.rack ?? null,
      scheduling: entry.scheduling ?? null,
      ...(entry.services === undefined ? {} : { services: entry.services }),
    })),
    components: Object.entries(file.components).map(([id, entry]) => buildComponent(id, entry, file)),
    groups: Object.entries(file.groups).map(([id, entry]) => buildGroup(id, entry)),
    venues: Object.entries(file.venues ?? {}).map(([id, entry]) => ({
      id,
      title: entry.title ?? id,
      rttMsBySite: entry.rtt,
      symbols: entry.symbols ?? [],
      sessions: entry.sessions ?? 'epochs',
      protocol: entry.protocol ?? 'binary',
      onTakeover: entry.onTakeover ?? 'keep',
      calendar: entry.calendar ?? null,
    })),
    contacts: (file.contacts ?? []).map(buildContact),
    timing: timingOf(file.timing),
    reconciliation: {
      toleranceLots: file.reconciliation?.tolerance ?? defaultReconciliation.toleranceLots,
      alertAboveLots: file.reconciliation?.alertAbove ?? defaultReconciliation.alertAboveLots,
      settleMs: file.reconciliation?.settleWithin ?? defaultReconciliation.settleMs,
    },
    ...(file.network === undefined ? {} : { network: buildNetwork(file.network) }),
    ...(file.metrics === true ? { metrics: true } : {}),
    ...(file.hostChecks === undefined ? {} : { hostChecks: buildHostChecks(file.hostChecks) }),
  };
}

const buildNetwork = (entry: NonNullable<TopologyFile['network']>): NetworkPolicy => ({
  everyMs: entry.every ?? defaultNetwork.everyMs,
  answerWithinMs: entry.answerWithin ?? defaultNetwork.answerWithinMs,
  windowMs: entry.window ?? defaultNetwork.windowMs,
  raiseAfterMs: entry.raiseAfter ?? defaultNetwork.raiseAfterMs,
  clearAfterMs: entry.clearAfter ?? defaultNetwork.clearAfterMs,
  budgets: Object.entries(entry.budgets ?? {}).map(([id, budget]) => ({
    id,
    between: [siteId(budget.between[0]), siteId(budget.between[1])],
    percentile: budget.percentile ?? 99,
    limitMs: budget.limit,
    lossPercent: budget.loss ?? null,
    jitterMs: budget.jitter ?? null,
    trafficClass: budget.class ?? null,
  })),
});

export const buildHostChecks = (entry: NonNullable<TopologyFile['hostChecks']>): HostCheckPolicy => ({
  everyMs: entry.every ?? defaultHostChecks.everyMs,
  diskFreePercent: threshold(entry.diskFree, defaultHostChecks.diskFreePercent),
  certificateMs: threshold(entry.certificate, defaultHostChecks.certificateMs),
  clockMs: threshold(entry.clock, defaultHostChecks.clockMs),
  memoryFreePercent: threshold(entry.memoryFree, defaultHostChecks.memoryFreePercent),
  memoryWaitPercent: threshold(entry.memoryWait, defaultHostChecks.memoryWaitPercent),
  loadPerProcessor: threshold(entry.load, defaultHostChecks.loadPerProcessor),
});

const threshold = (
  stated: { readonly warn?: number | undefined; readonly bad?: number | undefined } | undefined,
  usual: Threshold,
): Threshold => ({ warn: stated?.warn ?? usual.warn, bad: stated?.bad ?? usual.bad });

const buildSite = (id: string, entry: SiteEntry, position: number): Site => ({
  id: siteId(id),
  title: entry.title ?? id,
  capabilities: entry.capabilities,
  voter: entry.voter,
  preference: entry.preference ?? position,
  inventory: entry.inventory ? buildInventory(entry.inventory) : null,
});

const buildInventory = (entry: NonNullable<SiteEntry['inventory']>): SiteInventory => ({
  location: entry.location ?? null,
  serversByRole: entry.servers ?? {},
  cores: entry.cores ?? null,
  ramGb: entry.ram ?? null,
  storageTb: entry.storage ?? null,
  uplinks: (entry.uplinks ?? []).map(({ count, speed }) => ({ count, gbps: speed / 1000 })),
  powerKw: entry.power ?? null,
  coolingBtuPerHour: entry.cooling ?? (entry.power === undefined ? null : Math.round(entry.power * btuPerHourPerKw)),
  powerRedundancy: entry.powerRedundancy ?? null,
  coolingRedundancy: entry.coolingRedundancy ?? null,
  gridId: entry.grid ?? null,
  latitude: entry.position?.latitude ?? null,
  longitude: entry.position?.longitude ?? null,
  videoRetentionDays: entry.videoRetention === undefined ? null : entry.videoRetention / 86_400_000,
  authorizedPersonnel: entry.authorizedPersonnel ?? null,
  physicalControls: entry.physicalControls ?? [],
});

/** Links without a stated path share one: what nobody has checked is not diverse. */
export const unstatedPath = ([left, right]: readonly [string, string]): string =>
  `unstated-${[left, right].toSorted().join('-')}`;

const buildLink = (id: string, entry: NonNullable<TopologyFile['links']>[string]): Link => ({
  id: linkId(id),
  between: [siteId(entry.between[0]), siteId(entry.between[1])],
  rttMs: entry.rtt,
  bandwidthMbps: entry.bandwidth,
  provider: entry.provider ?? null,
  pathGroup: entry.pathGroup ?? unstatedPath(entry.between),
  priority: entry.priority ?? 1,
  slaPercent: entry.sla ?? null,
});

const buildComponent = (id: string, entry: ComponentEntry, file: TopologyFile): Component => ({
  id: componentId(id),
  title: entry.title ?? id,
  kind: entry.kind,
  category: entry.category,
  automation: entry.automation,
  objective: strictest(entry.objective, entry.alsoStated ?? []),
  priority: entry.priority,
  dependsOn: (entry.dependsOn ?? []).map(componentId),
  instances: Object.entries(entry.instances ?? {}).map(([name, each]) => buildInstance(id, name, each, file)),
  probes: entry.probes?.map(buildProbe) ?? defaultProbes(entry.kind),
  authority: entry.authority ?? defaultAuthority(entry.kind),
  durability: entry.durability
    ? { acknowledge: entry.durability.acknowledge, afterPeerLoss: entry.durability.afterPeerLoss ?? 'halt' }
    : null,
  ...(isServedKind(entry.kind) ? { served: buildServed(entry) } : {}),
});

/** What an instance says of its server counts for it; the rest is what its component says of all. */
const buildServed = (entry: ComponentEntry): Served => ({
  leads: Object.fromEntries(
    Object.entries(entry.leads ?? {}).map(([name, { to, as, ttl }]) => [
      name,
      { to: componentId(to), as: as ?? {}, ttlSeconds: ttl === undefined ? null : Math.round(ttl / 1000) },
    ]),
  ),
  servers: Object.fromEntries(
    Object.entries(entry.instances ?? {}).map(([id, { server }]) => [id, { ...entry.server, ...server }]),
  ),
});

function buildInstance(
  component: string,
  id: string,
  entry: NonNullable<ComponentEntry['instances']>[string],
  file: TopologyFile,
): Instance {
  const site = file.sites[file.hosts[entry.host]!.site]!;
  return {
    id: instanceId(id),
    component: componentId(component),
    host: hostId(entry.host),
    replication: entry.replication ?? 'none',
    eligible: entry.eligible ?? canServe(site),
    upstream: entry.upstream === undefined ? null : instanceId(entry.upstream),
  };
}

const buildProbe = (entry: NonNullable<ComponentEntry['probes']>[number]): Probe => ({
  depth: entry.depth,
  intervalMs: entry.every,
  timeoutMs: entry.timeout,
  maxLatencyMs: entry.maxLatency ?? null,
});

/** Where several documents disagree, the least that any of them allows. */
export function strictest(entry: ObjectiveEntry, others: NonNullable<ComponentEntry['alsoStated']>): Objective {
  const all = [entry, ...others];
  const least = (values: readonly (number | undefined)[]) => Math.min(...values.filter((each) => each !== undefined));
  const availability = all.map((each) => each.availability).filter((each) => each !== undefined);
  const { stages } = entry;
  return {
    rtoMs: least(all.map((each) => each.rto)),
    rpoMs: least(all.map((each) => each.rpo)),
    availabilityPercent: availability.length === 0 ? null : Math.max(...availability),
    stages: stages
      ? { detectMs: stages.detect, decideMs: stages.decide, executeMs: stages.execute, validateMs: stages.validate }
      : null,
  };
}

const buildGroup = (id: string, entry: TopologyFile['groups'][string]): FailoverGroup => ({
  id: groupId(id),
  components: entry.components.map(componentId),
  instancePolicy: entry.instancePolicy ?? defaultGroup.instancePolicy,
  sitePolicy: entry.sitePolicy ?? defaultGroup.sitePolicy,
  coolDownMs: entry.coolDown ?? defaultGroup.coolDownMs,
  maxRunsPerCoolDown: entry.maxRunsPerCoolDown ?? defaultGroup.maxRunsPerCoolDown,
  rejoinPolicy: entry.rejoinPolicy ?? defaultGroup.rejoinPolicy,
  plannedMove: {
    approval: entry.plannedMove?.approval ?? defaultGroup.plannedMove.approval,
    ticket: entry.plannedMove?.ticket ?? defaultGroup.plannedMove.ticket,
    noticeMs: entry.plannedMove?.notice ?? defaultGroup.plannedMove.noticeMs,
    watchMs: entry.plannedMove?.watch ?? defaultGroup.plannedMove.watchMs,
    outsideMarketHours: entry.plannedMove?.outsideMarketHours ?? defaultGroup.plannedMove.outsideMarketHours,
  },
});

const buildContact = (entry: NonNullable<TopologyFile['contacts']>[number]): Contact => ({
  role: entry.role,
  name: entry.name ?? null,
  phone: entry.phone ?? null,
  email: entry.email ?? null,
  crisisLead: entry.crisisLead ?? false,
});
