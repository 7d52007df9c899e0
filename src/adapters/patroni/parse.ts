import { Fields } from '../../wire/fields.ts';

export type MemberRole = 'primary' | 'replica' | 'other';

export interface MemberTags {
  /** May never be promoted. */
  readonly nofailover: boolean;
  /** Is never chosen to acknowledge. */
  readonly nosync: boolean;
  readonly clonefrom: boolean;
  /** Streams from this member instead of the primary. */
  readonly replicatefrom: string | null;
}

/** `GET /patroni`: what one member says of itself. */
export interface MemberStatus {
  readonly version: string;
  readonly scope: string;
  /** Patroni's word, e.g. `running`, `starting`, `stopped`, `creating replica`. */
  readonly state: string;
  readonly role: MemberRole;
  readonly timeline: number | null;
  /** PostgreSQL's, e.g. 150018. */
  readonly serverVersion: number | null;
  /** When its postmaster began, as its own clock has it; another one is another postmaster. */
  readonly startedAt: string | null;
  /** A primary's end of WAL, or how far a standby has replayed. */
  readonly position: number | null;
  readonly synchronous: boolean;
  readonly paused: boolean;
  /** It knows of no leader. */
  readonly unlocked: boolean;
  readonly systemIdentifier: string | null;
  readonly standbys: readonly { readonly member: string; readonly state: string; readonly sync: string }[];
  readonly tags: MemberTags;
}

/** `GET /config`: what holds for every member. */
export interface ClusterSettings {
  readonly paused: boolean;
  readonly durability: 'strict' | 'preferred' | 'off';
  readonly ttlSeconds: number;
  readonly loopWaitSeconds: number;
  readonly retryTimeoutSeconds: number;
  readonly maximumLagBytes: number;
  readonly checkTimeline: boolean;
  readonly failsafe: boolean;
  /** Seconds that a crashed primary has to come back before another one takes over. */
  readonly primaryStartTimeoutSeconds: number;
  readonly usePgRewind: boolean;
  /** The data directory of one that diverged, or could not be rewound, is removed: with it what only it had. */
  readonly removesDiverged: boolean;
  /** What Patroni runs between its lock and a promotion, as far as the cluster's own configuration says; null: nothing. */
  readonly prePromote: string | null;
  readonly parameters: Readonly<Record<string, string>>;
}

/** One promotion: the timeline that ended, where, when, and who began the next. */
export interface TimelineChange {
  readonly endedTimeline: number;
  readonly at: number;
  readonly reason: string;
  readonly when: string | null;
  readonly newPrimary: string | null;
}

/** `master` until 3.x, `primary` from 4.0 on. */
export const memberRole = (word: string): MemberRole =>
  word === 'master' || word === 'primary' ? 'primary' : word === 'replica' ? 'replica' : 'other';

/** @throws ShapeError */
export function parseMember(text: string): MemberStatus {
  const fields = Fields.parse(text, 'patroni');
  const own = fields.fields('patroni');
  const xlog = fields.fieldsOrNull('xlog');
  const position = xlog === null ? null : (xlog.numberOrNull('location') ?? xlog.numberOrNull('replayed_location'));
  return {
    version: own.text('version'),
    scope: own.text('scope'),
    state: fields.text('state'),
    role: memberRole(fields.words('role', '')),
    timeline: fields.numberOrNull('timeline'),
    serverVersion: fields.numberOrNull('server_version'),
    startedAt: fields.textOrNull('postmaster_start_time'),
    position,
    synchronous: fields.flag('sync_standby', false) || fields.flag('quorum_standby', false),
    paused: fields.flag('pause', false),
    unlocked: fields.flag('cluster_unlocked', false),
    systemIdentifier: fields.textOrNull('database_system_identifier'),
    standbys: fields.list(
      'replication',
      (value, at) => {
        const standby = Fields.of(value, at);
        return {
          member: standby.words('application_name', ''),
          state: standby.words('state', ''),
          sync: standby.words('sync_state', ''),
        };
      },
      [],
    ),
    tags: parseTags(fields.fieldsOrNull('tags')),
  };
}

/** Members leave out what is not set. */
export function parseTags(tags: Fields | null): MemberTags {
  const flag = (name: string) => tags?.raw()[name] === true;
  return {
    nofailover: flag('nofailover') || tags?.raw()['failover_priority'] === 0,
    nosync: flag('nosync'),
    clonefrom: flag('clonefrom'),
    replicatefrom: tags?.textOrNull('replicatefrom') ?? null,
  };
}

/** What is absent has Patroni's own default. @throws ShapeError */
export function parseSettings(text: string): ClusterSettings {
  const fields = Fields.parse(text, 'config');
  const postgres = fields.fieldsOrNull('postgresql');
  const synchronous = isOn(fields.raw()['synchronous_mode']);
  const strict = isOn(fields.raw()['synchronous_mode_strict']);
  const setting = (name: string) => isOn(postgres?.raw()[name]);
  const parameters = postgres?.fieldsOrNull('parameters')?.raw() ?? {};
  return {
    paused: isOn(fields.raw()['pause']),
    durability: synchronous ? (strict ? 'strict' : 'preferred') : 'off',
    ttlSeconds: fields.number('ttl', 30),
    loopWaitSeconds: fields.number('loop_wait', 10),
    retryTimeoutSeconds: fields.number('retry_timeout', 10),
    maximumLagBytes: fields.number('maximum_lag_on_failover', 1_048_576),
    checkTimeline: isOn(fields.raw()['check_timeline']),
    failsafe: isOn(fields.raw()['failsafe_mode']),
    primaryStartTimeoutSeconds:
      fields.numberOrNull('primary_start_timeout') ?? fields.number('master_start_timeout', 300),
    usePgRewind: setting('use_pg_rewind'),
    removesDiverged:
      setting('remove_data_directory_on_diverged_timelines') || setting('remove_data_directory_on_rewind_failure'),
    prePromote: postgres?.textOrNull('pre_promote') ?? null,
    parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)])),
  };
}

/** `quorum` is a mode of 4.x. */
const isOn = (value: unknown): boolean => value === true || value === 'on' || value === 'true' || value === 'quorum';

/** `GET /history`, and the key of that name: oldest first. @throws Error when it is not a list of such */
export function parseHistory(text: string): readonly TimelineChange[] {
  const lines: unknown = JSON.parse(text);
  if (!Array.isArray(lines)) throw new Error('"history" must be a list');
  return lines.map((line: unknown, index) => {
    if (!Array.isArray(line) || typeof line[0] !== 'number' || typeof line[1] !== 'number')
      throw new Error(`"history[${index}]" must begin with a timeline and a position`);
    const word = (at: number) => (typeof line[at] === 'string' && line[at] !== '' ? (line[at] as string) : null);
    return {
      endedTimeline: line[0],
      at: line[1],
      reason: word(2) ?? '',
      when: word(3),
      newPrimary: word(4),
    };
  });
}
