import { type InstanceId, instanceId } from '../../core/base/ids.ts';
import type {
  InstanceObservation,
  ReplicaObservation,
  UpstreamObservation,
} from '../../core/health/instance-observation.ts';
import { CLOSED_SETTING } from './acknowledgement-names.ts';
import type { DriverState } from './driver-state.ts';
import type { JoinPositions } from './join-positions.ts';
import type { ServerReport } from './parse.ts';
import { latestOfEach, parseReplicationName, replicationName } from './replication-name.ts';

/** All that one observation is made of. */
export interface ObservationFacts {
  readonly instance: InstanceId;
  readonly process: InstanceObservation['process'];
  readonly state: DriverState;
  /** Null when the server did not answer in time. */
  readonly report: ServerReport | null;
  readonly lastPosition: InstanceObservation['position'];
  readonly tradingEnabled: boolean;
  /** How long each instance that replicates has said nothing, on this host's clock. */
  readonly replicaSilentMs: ReadonlyMap<string, number>;
  /** Replicas that were connected at some time since the driver started. */
  readonly knownReplicas: ReadonlySet<string>;
  readonly joins: Pick<JoinPositions, 'covered'>;
  readonly why: string | null;
}

/** An asynchronous replica within this of the primary's end counts as in sync. */
const IN_SYNC_WITHIN_BYTES = 1 << 20;

export function observationOf(facts: ObservationFacts): InstanceObservation {
  const { report, state } = facts;
  const replicas = report === null || report.inRecovery ? [] : replicasOf(facts, report);
  const names = report === null || report.inRecovery ? [] : (report.ackSet ?? []);
  const ackSet = names.map((name) => instanceId(parseReplicationName(name).instance));
  const role = roleOf(facts);
  const upstream = report?.inRecovery === true ? upstreamOf(state, report) : null;
  const acknowledged = names.every((name) =>
    report?.replicas.some((replica) => replica.name === name && replica.state === 'streaming' && replica.synchronous),
  );
  const releasing = role === 'primary' && facts.process === 'running' && report?.ackSet != null && acknowledged;
  const complaint = complaintOf(facts, { role, releasing, upstream });
  return {
    instance: facts.instance,
    process: facts.process,
    role,
    epoch: state.epoch as InstanceObservation['epoch'],
    health: complaint?.health ?? 'ok',
    reason: complaint?.reason ?? null,
    position:
      report === null || report.timeline === null
        ? facts.lastPosition
        : { generation: report.timeline, sequence: report.end },
    releasing,
    tradingEnabled: facts.tradingEnabled,
    ackSet,
    replicas,
    upstream,
    divergence: state.divergence,
    figures: report === null ? {} : figuresOf(report),
  };
}

function roleOf({ process, report, state }: ObservationFacts): InstanceObservation['role'] {
  if (process === 'exited' || process === 'stopped') return state.fenced ? 'fenced' : 'closed';
  if (report === null) return 'unknown';
  if (!report.inRecovery) return 'primary';
  if (state.upstream !== null && state.duty === 'standby') return 'standby';
  return state.fenced ? 'fenced' : 'closed';
}

function replicasOf(facts: ObservationFacts, report: ServerReport): ReplicaObservation[] {
  const members = (report.ackSet ?? []).map((name) => parseReplicationName(name).instance);
  const connected = latestOfEach(report.replicas);
  return [...new Set([...members, ...facts.knownReplicas, ...connected.keys()])].sort().map((name) => {
    const instance = instanceId(name);
    const replica = connected.get(name);
    const silentMs = Math.round(facts.replicaSilentMs.get(name) ?? 0);
    if (replica === undefined) return { instance, state: 'lost', acknowledgedSequence: 0, silentMs };
    const near = report.end - replica.replayed <= IN_SYNC_WITHIN_BYTES;
    const counts = members.includes(name)
      ? replica.synchronous && facts.joins.covered(replicationName(name, facts.state.primaryEpoch), replica.replayed)
      : near;
    // One that was not told of this reign yet may have everything, and still counts for nothing.
    const inSync = replica.state === 'streaming' && replica.epoch === facts.state.primaryEpoch && counts;
    return {
      instance,
      state: inSync ? 'in-sync' : replica.state === 'connecting' ? 'connecting' : 'catching-up',
      acknowledgedSequence: replica.replayed,
      silentMs,
    };
  });
}

function upstreamOf(state: DriverState, report: ServerReport): UpstreamObservation | null {
  if (state.upstream === null) return null;
  return {
    instance: instanceId(state.upstream.actual),
    connected: report.receiver?.streaming ?? false,
    silentMs: report.receiver?.silentMs ?? 0,
  };
}

function complaintOf(
  facts: ObservationFacts,
  seen: { role: InstanceObservation['role']; releasing: boolean; upstream: UpstreamObservation | null },
): { health: 'degraded' | 'bad' | 'unknown'; reason: string } | null {
  const { report, state } = facts;
  if (facts.process === 'frozen')
    return {
      health: report === null ? 'unknown' : 'degraded',
      reason: facts.why ?? 'the server process exists and is silent',
    };
  if (facts.process !== 'running') return { health: 'bad', reason: facts.why ?? 'the server is not running' };
  if (report === null) return { health: 'unknown', reason: facts.why ?? 'the server did not answer in time' };
  if (seen.role === 'primary' && state.duty !== 'primary')
    return { health: 'bad', reason: 'promoted by somebody else than Holdfast' };
  if (!report.fsync) return { health: 'bad', reason: 'fsync is off: an acknowledged commit may be lost' };
  if (seen.role === 'primary' && report.ackSet === null)
    return {
      health: 'bad',
      reason: `synchronous_standby_names was changed by somebody else: ${report.synchronousNames}`,
    };
  if (seen.role === 'primary' && report.synchronousNames === CLOSED_SETTING)
    return { health: 'degraded', reason: 'promoted and not opened: it acknowledges no commit' };
  if (seen.role === 'primary' && !seen.releasing)
    return { health: 'degraded', reason: 'a member of the acknowledgement set is not in sync: commits wait' };
  if (report.weakerCommitSettings > 0)
    return { health: 'degraded', reason: 'a role or database has a weaker synchronous_commit: no RPO can be claimed' };
  if (seen.upstream !== null && !seen.upstream.connected)
    return { health: 'degraded', reason: `does not receive from ${seen.upstream.instance}` };
  if (report.replayPaused) return { health: 'degraded', reason: 'replay is paused' };
  return null;
}

/**
 * `lagBytes`: on a standby what the upstream had at its last message and is not replayed here, so 0 on an idle system; on a
 * primary the replica that is farthest behind. Meaningful only as of the last message: see `upstream.silentMs`.
 */
function figuresOf(report: ServerReport): Record<string, number> {
  const lagBytes = report.inRecovery
    ? Math.max(0, Math.max(report.end, report.receiver?.latestEnd ?? 0) - (report.replayed ?? report.end))
    : Math.max(0, ...report.replicas.map((replica) => report.end - replica.replayed));
  return {
    lagBytes,
    walReplayPaused: report.replayPaused ? 1 : 0,
    connections: report.connections,
    writingTransactions: report.writing,
    commitsWaitingForReplicas: report.awaitingReplicas,
    replicasConnected: report.replicas.length,
    weakerCommitSettings: report.weakerCommitSettings,
    remoteApply: report.synchronousCommit === 'remote_apply' ? 1 : 0,
  };
}
