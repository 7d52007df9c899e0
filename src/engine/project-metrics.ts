import type { WallMs } from '../core/base/ids.ts';
import { brakeHolds } from '../core/decision/brakes.ts';
import type { Facts, InstanceFacts } from '../core/decision/facts.ts';
import { diagnose } from '../core/diagnosis/diagnose.ts';
import { DIAGNOSES } from '../core/diagnosis/diagnosis.ts';
import type { Sample } from '../core/metrics/exposition.ts';
import type { MetricName } from '../core/metrics/metric-list.ts';
import { dataClassRpo } from '../core/replication/data-class-rpo.ts';
import { type Paces, replicationPaths } from '../core/replication/replication-path.ts';
import { isOpen } from '../core/run/run.ts';
import type { Host } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { keys } from './authority-keys.ts';
import type { ControllerCore } from './controller-core.ts';
import type { LeaderRecord } from './leadership.ts';

type Labels = Readonly<Record<string, string>>;

/** Head of the controller's own evidence chain; its sequence is the number of the last entry. */
export interface EvidenceHead {
  readonly chain: string;
  readonly sequence: number;
}

const VERDICTS = ['healthy', 'degraded', 'suspect', 'failed', 'unknown'];
const ROLES = ['closed', 'standby', 'primary', 'fenced', 'unknown'];
const MODES = ['strict', 'degraded', 'halted'];
const RESULTS = ['completed', 'failed', 'superseded'];
const COPY_STATES = ['connecting', 'catching-up', 'in-sync', 'lost', 'following', 'unknown'];
const RPO_STATES = ['kept', 'missed', 'unknown'];

/** What this controller knows, in figures. Every controller tells for itself; as many series as the topology has names, and no more. */
export function projectMetrics(
  controller: ControllerCore,
  { now, wall, evidence }: { readonly now: number; readonly wall: WallMs; readonly evidence: EvidenceHead },
): readonly Sample[] {
  const { config, mirror, replication } = controller;
  const all = [...controller.groups.values()].map((group) => group.facts(now, wall));
  const leader = mirror.value<LeaderRecord>(keys.leader);
  const own = { controller: config.id };
  return [
    one('holdfast_controller_leading', own, controller.leading),
    ...(leader === null
      ? []
      : indexOf(config.topology).voters.map(({ id }) =>
          one('holdfast_leader', { controller: id }, id === (leader.controller as string)),
        )),
    ...known('holdfast_leader_term', {}, leader?.term ?? null),
    ...known('holdfast_authority_silence_seconds', {}, mirror.heardAt === null ? null : (now - mirror.heardAt) / 1000),
    one('holdfast_evidence_sequence', { chain: evidence.chain }, evidence.sequence),
    // What every group sees alike.
    ...all.slice(0, 1).flatMap(ofPlatform),
    ...config.topology.hosts.flatMap((host) => ofAgent(controller, host, now)),
    ...all.flatMap((facts) => [...ofGroup(facts, wall), ...ofCopies(facts, replication.paces)]),
    ...(config.dataClasses ?? []).flatMap((dataClass) => {
      const labels = { data_class: dataClass.id };
      const factsOf = (component: string) =>
        all.find((facts) => facts.group.components.some((each) => each === component)) ?? null;
      const { now: lost, verdict } = dataClassRpo(dataClass, factsOf, replication.paces);
      return [
        ...known('holdfast_rpo_seconds', labels, lost.certainty === 'unknown' ? null : seconds(lost.value)),
        one('holdfast_rpo_objective_seconds', labels, dataClass.rpoMs / 1000),
        ...states('holdfast_rpo_state', labels, 'state', RPO_STATES, verdict),
      ];
    }),
  ];
}

function ofPlatform({ authority, hosts, sites }: Facts): readonly Sample[] {
  return [
    one('holdfast_authority_stale_after_seconds', {}, authority.staleAfterMs / 1000),
    ...[...sites.values()].flatMap(({ site, verdict }) =>
      states('holdfast_site_state', { site: site.id }, 'state', VERDICTS, verdict.state),
    ),
    ...[...hosts.values()].map(({ host, connected }) =>
      one('holdfast_host_agent_linked', { site: host.site, host: host.id }, connected),
    ),
  ];
}

/** Agents listen nowhere: this is what a controller knows of them. */
function ofAgent({ vantage, agentAnswers }: ControllerCore, { id, site }: Host, now: number): readonly Sample[] {
  const labels = { site, host: id };
  const last = vantage.lastReport(id);
  const { refused, proofs } = agentAnswers.of(id);
  return [
    ...known('holdfast_agent_report_age_seconds', labels, seconds(last === null ? null : now - last.at)),
    ...known('holdfast_agent_starts', labels, last?.report.start ?? null),
    one('holdfast_agent_orders_refused_total', labels, refused),
    one('holdfast_agent_fencing_proofs_total', labels, proofs),
  ];
}

function ofGroup(facts: Facts, wall: WallMs): readonly Sample[] {
  const { record, brakes, run } = facts;
  const group = facts.group.id;
  const ofIt = { group };
  const diagnoses = diagnose(facts);
  return [
    one('holdfast_authority_incarnation_matches', ofIt, facts.authority.incarnationMatches),
    one('holdfast_group_activated', ofIt, record !== null),
    ...known('holdfast_group_epoch', ofIt, record?.epoch ?? null),
    ...(record === null ? [] : [one('holdfast_group_trading_enabled', ofIt, record.tradingEnabled)]),
    ...facts.topology.sites.flatMap(({ id: site }) =>
      record === null
        ? []
        : [
            one('holdfast_group_active_site', { group, site }, record.activeSite === site),
            one('holdfast_group_traffic_site', { group, site }, record.traffic === site),
          ],
    ),
    one('holdfast_group_run_open', ofIt, isOpen(run)),
    one('holdfast_group_frozen', ofIt, brakeHolds(brakes.freeze, wall)),
    one('holdfast_group_maintenance', ofIt, brakeHolds(brakes.maintenance, wall)),
    ...RESULTS.map((result) =>
      one('holdfast_group_runs', { group, result }, brakes.history.filter((each) => each.result === result).length),
    ),
    ...Object.keys(DIAGNOSES).map((diagnosis) =>
      one('holdfast_group_diagnoses', { group, diagnosis }, diagnoses.filter(({ kind }) => kind === diagnosis).length),
    ),
    ...ofComponents(facts),
    ...[...facts.leases].flatMap(([component, { holder, seenMsAgo }]) => {
      const labels = { group, component, instance: holder };
      return [
        one('holdfast_lease_silence_seconds', labels, seenMsAgo / 1000),
        one('holdfast_lease_remaining_seconds', labels, Math.max(0, facts.successorWaitMs - seenMsAgo) / 1000),
      ];
    }),
    ...[...facts.instances.values()].flatMap((each) => ofInstance(group, each)),
  ];
}

function ofComponents({ record, topology, group }: Facts): readonly Sample[] {
  if (record === null) return [];
  const { component: components } = indexOf(topology);
  return group.components.flatMap((component) => {
    const grant = record.grants[component];
    const holder = grant?.holder ?? record.delegates?.[component]?.holder ?? null;
    if (grant === undefined && record.delegates?.[component] === undefined) return [];
    const labels = { group: group.id, component };
    return [
      ...(grant === undefined ? [] : states('holdfast_component_durability', labels, 'mode', MODES, grant.mode.kind)),
      ...(components.get(component)?.instances ?? [])
        .filter(({ eligible }) => eligible)
        .map(({ id }) => one('holdfast_component_holder', { ...labels, instance: id }, id === holder)),
    ];
  });
}

function ofInstance(
  group: string,
  { instance, site, verdict, observation, ageMs, fresh }: InstanceFacts,
): readonly Sample[] {
  const labels = { group, component: instance.component, instance: instance.id, site };
  const role = fresh && observation !== null ? observation.role : 'unknown';
  return [
    ...states('holdfast_instance_state', labels, 'state', VERDICTS, verdict.state),
    ...states('holdfast_instance_role', labels, 'role', ROLES, role),
    ...known('holdfast_instance_observation_age_seconds', labels, seconds(ageMs)),
    ...known('holdfast_instance_epoch', labels, observation?.epoch ?? null),
  ];
}

function ofCopies(facts: Facts, paces: Paces): readonly Sample[] {
  return replicationPaths(facts, paces).flatMap(({ component, to, toSite, state, unit, behind, behindMs }) => {
    const labels = { group: facts.group.id, component, instance: to, site: toSite };
    const lag = behind.certainty === 'unknown' ? null : behind.value;
    const inLog = unit === 'bytes' ? 'holdfast_replication_lag_bytes' : 'holdfast_replication_lag_records';
    return [
      ...states('holdfast_replication_state', labels, 'state', COPY_STATES, state),
      ...known(inLog, labels, lag),
      ...known(
        'holdfast_replication_lag_seconds',
        labels,
        behindMs.certainty === 'unknown' ? null : seconds(behindMs.value),
      ),
      ...(lag === null ? [] : [one('holdfast_replication_lag_counted', labels, behind.certainty === 'counted')]),
    ];
  });
}

const one = (metric: MetricName, labels: Labels, value: number | boolean): Sample => ({
  metric,
  labels,
  value: Number(value),
});

const known = (metric: MetricName, labels: Labels, value: number | null): readonly Sample[] =>
  value === null ? [] : [one(metric, labels, value)];

/** One series for each of a closed list, 1 for the one that holds. */
const states = (
  metric: MetricName,
  labels: Labels,
  label: string,
  list: readonly string[],
  holds: string,
): readonly Sample[] => list.map((each) => one(metric, { ...labels, [label]: each }, each === holds));

const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000);
