import { parseSynchronousNames } from './acknowledgement-names.ts';
import { type Lsn, parseLsn, timelineAt } from './lsn.ts';
import { parseReplicationName, type ReplicationName } from './replication-name.ts';

/** What the server said about itself, in domain terms. */
export interface ServerReport {
  readonly inRecovery: boolean;
  /** End of the durable log: flushed on a primary, received (or replayed) on a standby. */
  readonly end: Lsn;
  readonly replayed: Lsn | null;
  /** Replay found no further record anywhere and looks again in a while. */
  readonly replayWaits: boolean;
  readonly replayPaused: boolean;
  /** Null when a standby has removed the segment that it ended in. */
  readonly timeline: number | null;
  readonly segmentBytes: number;
  readonly systemId: string;
  readonly synchronousNames: string;
  /** The names in it; null when the setting is of a kind that Holdfast does not write. */
  readonly ackSet: readonly string[] | null;
  readonly synchronousCommit: string;
  readonly fsync: boolean;
  /** Roles or databases with a `synchronous_commit` of their own: each makes loss possible. */
  readonly weakerCommitSettings: number;
  readonly connections: number;
  readonly writing: number;
  readonly awaitingReplicas: number;
  readonly receiver: ReceiverReport | null;
  readonly replicas: readonly ReplicaReport[];
}

export interface ReceiverReport {
  readonly streaming: boolean;
  /** Under which it streams: shows whether it was made since its name was last set. */
  readonly name: string | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly timeline: number | null;
  /** End of the upstream's WAL in its last message. */
  readonly latestEnd: Lsn | null;
  readonly silentMs: number;
}

export interface ReplicaReport extends ReplicationName {
  readonly name: string;
  readonly state: 'connecting' | 'catching-up' | 'streaming';
  /** `sync_state` is `sync` or `quorum`: a commit waits for it. */
  readonly synchronous: boolean;
  readonly priority: number;
  readonly flushed: Lsn;
  readonly replayed: Lsn;
  /** The replica's own clock at its last answer: only a change of it means something here. */
  readonly replyAt: number | null;
}

/** Parses the text of `OBSERVE`'s only column. Throws on text that is not one. */
export function parseReport(text: string): ServerReport {
  const raw = JSON.parse(text) as RawReport;
  const end = parseLsn(raw.end ?? '0/0');
  const receiver = raw.receiver === null ? null : parseReceiver(raw.receiver);
  const ownTimeline = raw.primaryTimeline === null ? null : Number.parseInt(raw.primaryTimeline, 16);
  return {
    inRecovery: raw.recovery,
    end,
    replayed: optionalLsn(raw.replayed),
    replayWaits: raw.replayWaits ?? false,
    replayPaused: raw.replayPaused,
    timeline: ownTimeline ?? timelineAt(end, raw.walFiles ?? [], raw.segmentBytes) ?? receiver?.timeline ?? null,
    segmentBytes: raw.segmentBytes,
    systemId: raw.systemId,
    synchronousNames: raw.synchronousNames,
    ackSet: parseSynchronousNames(raw.synchronousNames),
    synchronousCommit: raw.synchronousCommit,
    fsync: raw.fsync === 'on',
    weakerCommitSettings: raw.weakerCommitSettings,
    connections: raw.connections,
    writing: raw.writing,
    awaitingReplicas: raw.awaitingReplicas,
    receiver,
    // A walsender shows itself a moment before its name: until then it is nobody's.
    replicas: (raw.replicas ?? []).filter(({ name, state }) => name !== '' && state !== 'backup').map(parseReplica),
  };
}

interface RawReport {
  readonly recovery: boolean;
  readonly end: string | null;
  readonly replayed: string | null;
  readonly replayWaits?: boolean;
  readonly replayPaused: boolean;
  readonly primaryTimeline: string | null;
  readonly segmentBytes: number;
  readonly walFiles: readonly string[] | null;
  readonly systemId: string;
  readonly synchronousNames: string;
  readonly synchronousCommit: string;
  readonly fsync: string;
  readonly weakerCommitSettings: number;
  readonly connections: number;
  readonly writing: number;
  readonly awaitingReplicas: number;
  readonly receiver: RawReceiver | null;
  readonly replicas: readonly RawReplica[] | null;
}

interface RawReceiver {
  readonly status: string;
  readonly name?: string | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly timeline: number | null;
  readonly latestEnd: string | null;
  readonly silentMs: number | null;
}

interface RawReplica {
  readonly name: string;
  readonly state: string | null;
  readonly syncState: string | null;
  readonly priority: number | null;
  readonly sent: string | null;
  readonly flushed: string | null;
  readonly replayed: string | null;
  readonly replyAt: number | null;
}

const optionalLsn = (text: string | null): Lsn | null => (text === null ? null : parseLsn(text));

const parseReceiver = (raw: RawReceiver): ReceiverReport => ({
  streaming: raw.status === 'streaming',
  name: raw.name ?? null,
  host: raw.host,
  port: raw.port,
  timeline: raw.timeline,
  latestEnd: optionalLsn(raw.latestEnd),
  silentMs: Math.max(0, raw.silentMs ?? 0),
});

const parseReplica = (raw: RawReplica): ReplicaReport => ({
  name: raw.name,
  ...parseReplicationName(raw.name),
  state: raw.state === 'streaming' ? 'streaming' : raw.state === 'catchup' ? 'catching-up' : 'connecting',
  synchronous: raw.syncState === 'sync' || raw.syncState === 'quorum',
  priority: raw.priority ?? 0,
  flushed: parseLsn(raw.flushed ?? '0/0'),
  replayed: parseLsn(raw.replayed ?? '0/0'),
  replyAt: raw.replyAt,
});
