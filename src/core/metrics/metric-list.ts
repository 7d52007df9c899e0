/** What one metric says. Seconds, bytes and counts, as Prometheus asks; labels are names of the topology or of closed lists. */
export interface MetricKind {
  readonly type: 'gauge' | 'counter';
  readonly labels: readonly string[];
  /** One sentence. What is not known has no sample: it is never a zero. */
  readonly help: string;
}

const gauge = (help: string, ...labels: readonly string[]): MetricKind => ({ type: 'gauge', labels, help });
const counter = (help: string, ...labels: readonly string[]): MetricKind => ({ type: 'counter', labels, help });

/** Every metric of a controller, in the order in which it is told. */
export const METRICS = {
  holdfast_controller_leading: gauge('1 while this controller leads.', 'controller'),
  holdfast_leader: gauge(
    '1 for the controller that leads, as this one has heard. No sample: of none yet.',
    'controller',
  ),
  holdfast_leader_term: gauge('Term of the controller that leads, as this one has heard.'),
  holdfast_authority_silence_seconds: gauge('Since the authority was last heard by this controller. No sample: never.'),
  holdfast_authority_stale_after_seconds: gauge('A longer silence of the authority blocks every decision.'),
  holdfast_authority_incarnation_matches: gauge(
    '1 while the authority is the one that the record of the group was written in; 0 after a restore that nobody adopted.',
    'group',
  ),
  holdfast_evidence_sequence: gauge('Number of the last entry of this controller\u2019s evidence chain.', 'chain'),
  holdfast_group_activated: gauge('1 once the group was activated.', 'group'),
  holdfast_group_epoch: gauge('Epoch of the group.', 'group'),
  holdfast_group_active_site: gauge('1 for the active site of the group.', 'group', 'site'),
  holdfast_group_traffic_site: gauge('1 for the site that clients of the group are led to.', 'group', 'site'),
  holdfast_group_trading_enabled: gauge('1 while the record lets the group take new risk.', 'group'),
  holdfast_group_run_open: gauge('1 while a run may act on the group.', 'group'),
  holdfast_group_frozen: gauge('1 while automation of the group is frozen by a person.', 'group'),
  holdfast_group_maintenance: gauge('1 while the group is in maintenance.', 'group'),
  holdfast_group_runs: gauge(
    'Finished runs by result, of the last 20 that the group remembers: not a counter.',
    'group',
    'result',
  ),
  holdfast_group_diagnoses: gauge('What is wrong now as this controller sees it, by diagnosis.', 'group', 'diagnosis'),
  holdfast_component_durability: gauge(
    '1 for the durability mode that the component is in.',
    'group',
    'component',
    'mode',
  ),
  holdfast_component_holder: gauge(
    '1 for the instance that the record names as primary.',
    'group',
    'component',
    'instance',
  ),
  holdfast_lease_silence_seconds: gauge(
    'Since this controller saw the last renewal of the lease of the component.',
    'group',
    'component',
    'instance',
  ),
  holdfast_lease_remaining_seconds: gauge(
    'So long a successor would have to wait, if the lease were renewed no more: at most so long its holder may write.',
    'group',
    'component',
    'instance',
  ),
  holdfast_site_state: gauge('1 for the verdict on the site.', 'site', 'state'),
  holdfast_host_agent_linked: gauge('1 while this controller has a link to the agent of the host.', 'site', 'host'),
  holdfast_agent_report_age_seconds: gauge(
    'Since this controller heard the last report of the agent of the host. No sample: none yet.',
    'site',
    'host',
  ),
  holdfast_agent_starts: gauge(
    'How often the agent of the host was started, by its own count. No sample: it has not reported yet.',
    'site',
    'host',
  ),
  holdfast_agent_orders_refused_total: counter(
    'Orders of any controller that the agent of the host refused, as stale or not its own, that this one has heard of since it started.',
    'site',
    'host',
  ),
  holdfast_agent_fencing_proofs_total: counter(
    'Proofs by the agent of the host that an instance writes no more, that this controller has heard of since it started.',
    'site',
    'host',
  ),
  holdfast_instance_state: gauge(
    '1 for the verdict on the instance.',
    'group',
    'component',
    'instance',
    'site',
    'state',
  ),
  holdfast_instance_role: gauge(
    '1 for the role in which the instance was last seen; "unknown" too while that is not fresh.',
    'group',
    'component',
    'instance',
    'site',
    'role',
  ),
  holdfast_instance_observation_age_seconds: gauge(
    'Age of the last look at the instance that this controller heard of. No sample: none yet.',
    'group',
    'component',
    'instance',
    'site',
  ),
  holdfast_instance_epoch: gauge(
    'Highest epoch that the instance has stored, as last seen.',
    'group',
    'component',
    'instance',
    'site',
  ),
  holdfast_replication_state: gauge('1 for the state of the copy.', 'group', 'component', 'instance', 'site', 'state'),
  holdfast_replication_lag_bytes: gauge(
    'What of the log of its source the copy does not have. No sample: not known, or the log counts records.',
    'group',
    'component',
    'instance',
    'site',
  ),
  holdfast_replication_lag_records: gauge(
    'The same of logs that count records.',
    'group',
    'component',
    'instance',
    'site',
  ),
  holdfast_replication_lag_seconds: gauge(
    'The same in time. No sample: not known.',
    'group',
    'component',
    'instance',
    'site',
  ),
  holdfast_replication_lag_counted: gauge(
    '1 where the lag in the log is counted from one look at both ends; 0 where it is estimated, or may be more.',
    'group',
    'component',
    'instance',
    'site',
  ),
  holdfast_rpo_seconds: gauge(
    'The last so many seconds of this class of data would be lost if the active site vanished now. No sample: not known.',
    'data_class',
  ),
  holdfast_rpo_objective_seconds: gauge('What was promised for this class of data.', 'data_class'),
  holdfast_rpo_state: gauge('1 for what is true of the promise: kept, missed or unknown.', 'data_class', 'state'),
} as const satisfies Readonly<Record<string, MetricKind>>;

export type MetricName = keyof typeof METRICS;
