import { closeSync, existsSync, openSync, readFileSync, readSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { ActionOutcome } from '../../engine/driver-port.ts';
import { type Deadline, DeadlineExceeded } from '../process/deadline.ts';
import { syncFolder } from '../system/durable-file.ts';
import { CLOSED_SETTING } from './acknowledgement-names.ts';
import type { DriverContext } from './driver-context.ts';
import { formatLsn, segmentName } from './lsn.ts';
import type { ServerReport } from './parse.ts';
import { PostgresProblem } from './postgres-problem.ts';
import { type DivergentTail, keepTail } from './quarantine.ts';
import { ReplicationClient, type UpstreamIdentity } from './replication-client.ts';
import { replicationName } from './replication-name.ts';
import { listTail, summaryOf, type TailToList } from './tail-list.ts';
import { lineage, parseTimelineHistory, type TimelineHistory } from './timeline-history.ts';

export interface Following {
  readonly epoch: Epoch;
  readonly upstream: InstanceId;
  readonly mode: 'sync' | 'async';
}

interface Upstream {
  readonly instance: InstanceId;
  readonly address: { readonly host: string; readonly port: number };
  readonly identity: UpstreamIdentity;
}

const CONNECT_WITHIN_MS = 2_000;
const STREAM_WITHIN_MS = 2_500;

/**
 * Makes this instance a standby of another: as it is where its log is part of the upstream's history; rebuilt from the
 * upstream where it is not, or where there is nothing yet. A tail that only this instance has is kept first, always.
 */
export async function followUpstream(
  context: DriverContext,
  following: Following,
  deadline: Deadline,
): Promise<ActionOutcome> {
  const upstream = await chooseUpstream(context, following, deadline).catch((error) =>
    upClosed(context, error, deadline),
  );
  const { server, state, config } = context;
  let rebuilt: string | null = null;
  if (!server.hasCluster || state.current.rebuilding) {
    rebuilt = server.hasCluster ? 'an earlier rebuild was not finished' : 'there was no cluster yet';
  } else {
    await leavePrimary(context, following, deadline);
    await context.ensureAnswering(deadline);
    const own = await context.withSession(deadline, (session) => context.report(session, deadline));
    rebuilt = await divergenceFrom(context, following, upstream, own, deadline);
  }
  if (rebuilt !== null) await rebuild(context, following, upstream, deadline);
  let report = await stream(context, following, upstream, deadline);
  if (report === null && (await walIsGone(context, upstream, deadline))) {
    rebuilt = 'the upstream no longer has the WAL that follows ours';
    await rebuild(context, following, upstream, deadline);
    report = await stream(context, following, upstream, deadline);
  }
  if (report === null)
    return {
      kind: 'unknown',
      reason: `told to stream from ${upstream.instance}, not seen streaming: ${server.lastComplaint() ?? 'no complaint in its log'}`,
    };
  return {
    kind: 'ok',
    detail: {
      upstream: upstream.instance,
      position: report.end,
      timeline: report.timeline ?? 0,
      ...(rebuilt === null ? {} : { rebuilt }),
      ...(state.current.divergence === null ? {} : { kept: state.current.divergence.file }),
      lagBytes: Math.max(0, (report.receiver?.latestEnd ?? report.end) - (report.replayed ?? 0)),
      applicationName: replicationName(config.instance, following.epoch),
    },
  };
}

/**
 * Nobody is there to be followed. What has ended comes up closed all the same: whether it may take over, and with what, is known only of a
 * server that answers. Fails with why nobody is.
 */
async function upClosed(
  { server, state, ensureAnswering }: DriverContext,
  why: unknown,
  deadline: Deadline,
): Promise<never> {
  const isWhole = server.hasCluster && !state.current.rebuilding;
  if (isWhole && server.state === 'gone') await ensureAnswering(deadline).catch(() => {});
  throw why;
}

/** The configured upstream of a cascade when it is on the commanded one's history, else the commanded one. */
async function chooseUpstream(context: DriverContext, following: Following, deadline: Deadline): Promise<Upstream> {
  const { upstreamOverride, instance } = context.config;
  const commanded = await identify(context, following.upstream, deadline).catch((error: unknown) => error);
  const cascade = upstreamOverride !== null && upstreamOverride !== instance && upstreamOverride !== following.upstream;
  if (cascade) {
    const preferred = await identify(context, upstreamOverride, deadline).catch(() => null);
    if (preferred !== null && isUpstream(commanded)) {
      const there = lineage(preferred.identity.history, preferred.identity.end, commanded.identity.history);
      if (
        there.kind === 'ancestor' &&
        preferred.identity.systemId === commanded.identity.systemId &&
        preferred.identity.inRecovery
      )
        return preferred;
    }
  }
  if (isUpstream(commanded)) return commanded;
  throw commanded;
}

const isUpstream = (value: unknown): value is Upstream =>
  typeof value === 'object' && value !== null && 'identity' in value;

async function identify(context: DriverContext, instance: InstanceId, deadline: Deadline): Promise<Upstream> {
  const address = context.config.peers[instance];
  if (address === undefined)
    throw new PostgresProblem('unknown-peer', `the configuration has no address for ${instance}`);
  const within = deadline.within(CONNECT_WITHIN_MS);
  const client = await connect(context, address, within);
  try {
    return { instance, address, identity: await client.identify(within) };
  } finally {
    client.close();
  }
}

const connect = (
  context: DriverContext,
  address: { readonly host: string; readonly port: number },
  deadline: Deadline,
) =>
  ReplicationClient.connect(
    {
      ...address,
      user: context.config.roles.replication.user,
      password: context.replicationPassword(),
      applicationName: `holdfast-${context.config.instance}`,
    },
    deadline,
  );

/** A server that is primary is killed, not asked: nothing but `promote` may make it one again. */
async function leavePrimary(context: DriverContext, following: Following, deadline: Deadline): Promise<void> {
  if (context.server.state === 'gone') return;
  const report = await context.withSession(deadline, (session) => context.report(session, deadline));
  if (report.inRecovery) return;
  await stop(context, following, deadline);
}

/** Before each step that takes something away: what was confirmed since in a newer reign must not be cut by an older one (I9). */
function refuseWhenOvertaken(context: DriverContext, following: Following): void {
  const { epoch } = context.state.current;
  if (epoch > following.epoch)
    throw new PostgresProblem(
      'stale-epoch',
      `epoch ${following.epoch} is older than ${epoch}, which was stored while this instance was made to follow ${following.upstream}`,
    );
}

async function stop(context: DriverContext, following: Following, deadline: Deadline): Promise<void> {
  refuseWhenOvertaken(context, following);
  const death = await context.server.kill(deadline);
  if (!death.reaped || !death.treeEmpty)
    throw new PostgresProblem('not-dead', 'the server was killed and is not provably gone');
  context.state.update({ duty: 'closed' });
  await context.gate?.disarm(context.config.instance, { deadlineMs: Math.min(1_000, deadline.remainingMs()) });
}

/** Null when the upstream can be followed as we are; else why we must be rebuilt, with the tail kept by then. */
async function divergenceFrom(
  context: DriverContext,
  following: Following,
  upstream: Upstream,
  own: ServerReport,
  deadline: Deadline,
): Promise<string | null> {
  const { config, state } = context;
  if (own.systemId !== upstream.identity.systemId)
    throw new PostgresProblem(
      'foreign-cluster',
      `HF-6131 this data directory and ${upstream.instance} are unrelated clusters (${own.systemId}, ${upstream.identity.systemId}); nothing was changed.\n` +
        'next    check the addresses; to give this copy up, move its data directory away and follow again',
    );
  const timeline = own.timeline ?? 1;
  refuseBeforePromotion(following, upstream, own);
  const forkedAt = await findFork(context, upstream, { ...own, timeline }, deadline);
  if (forkedAt === null) return null;
  await stop(context, following, deadline);
  const tail: DivergentTail = {
    instance: config.instance,
    epoch: following.epoch,
    systemId: own.systemId,
    timeline,
    from: forkedAt,
    to: Math.max(own.end, forkedAt),
    segmentBytes: own.segmentBytes,
    upstream: upstream.instance,
    upstreamTimeline: upstream.identity.history.timeline,
  };
  const kept = await keepTail(config.dataDir, tail);
  state.update({ divergence: kept });
  if (config.listDiverged) await decodeBeforeRebuild(context, { tail, kept, newPrimary: upstream.address }, deadline);
  if (!config.rebuildDiverged)
    throw new PostgresProblem(
      'diverged',
      `HF-6132 from ${formatLsn(forkedAt)} on, timeline ${timeline} of this instance is not in the history of ${upstream.instance}; ` +
        `${kept.count} bytes are kept with the manifest ${kept.file}.\nnext    approve the rebuild`,
    );
  return `its log had diverged at ${formatLsn(forkedAt)}`;
}

/** What cannot be decoded keeps the data directory: nothing else may know those rows. */
async function decodeBeforeRebuild(context: DriverContext, wanted: TailToList, deadline: Deadline): Promise<void> {
  refuseWhenOvertaken(context, { epoch: wanted.tail.epoch as Epoch, upstream: wanted.tail.upstream, mode: 'async' });
  const list = await listTail(context, wanted, deadline);
  context.state.update({ divergence: { ...wanted.kept, list: summaryOf(list) } });
  if (list.inconclusive.length === 0) return;
  throw new PostgresProblem(
    'undecoded-tail',
    `HF-6133 the tail from ${list.from} on could not be decoded whole: ${list.inconclusive.join('; ')}. ${list.entries.length} rows are listed in ${list.file}; ` +
      'the data directory is not given up.\nnext    holdfast tail; to go on with the kept log files alone: rejoinPolicy: automatic',
  );
}

/**
 * Whoever is ahead of a successor that is not promoted yet will have left its history once it is: the new timeline begins behind
 * us, and a server that follows already never gets over that. So nothing is followed before there is something to compare with.
 */
function refuseBeforePromotion(following: Following, upstream: Upstream, own: ServerReport): void {
  const { identity, instance } = upstream;
  if (instance !== following.upstream || !identity.inRecovery || own.end <= identity.end) return;
  throw new PostgresProblem(
    'not-promoted-yet',
    `${instance} is still a standby and ends at ${formatLsn(identity.end)}, before this instance (${formatLsn(own.end)}); it is followed once it is primary`,
  );
}

/** Where the own log leaves the upstream's history; null when it does not. */
async function findFork(
  context: DriverContext,
  upstream: Upstream,
  own: ServerReport & { readonly timeline: number },
  deadline: Deadline,
): Promise<number | null> {
  const history = ownHistory(context.config.dataDir, own.timeline);
  const relation = lineage(history, own.end, upstream.identity.history);
  if (relation.kind === 'divergent') return relation.forkedAt;
  if (relation.kind === 'ahead') return upstream.identity.inRecovery ? null : relation.leftAt;
  const { compareFrom } = relation;
  if (compareFrom === null || own.end <= compareFrom) return null;
  // The first record of the timeline settles it; where either side has removed that, the last bytes of our own must do.
  const segmentStart = Math.floor((own.end - 1) / own.segmentBytes) * own.segmentBytes;
  const places = [compareFrom, Math.max(compareFrom, segmentStart, own.end - COMPARED_BYTES)];
  for (const from of places) {
    const bytes = Math.min(own.end - from, COMPARED_BYTES, own.segmentBytes - (from % own.segmentBytes));
    const ours = readOwnWal(context.config.dataDir, own, from, bytes);
    if (ours === null) continue;
    const client = await connect(context, upstream.address, deadline.within(CONNECT_WITHIN_MS));
    const theirs = await client.readWal({ from, timeline: own.timeline, bytes }, deadline.within(CONNECT_WITHIN_MS));
    if (theirs === 'unknown')
      throw new DeadlineExceeded(`${upstream.instance} did not show its WAL from ${formatLsn(from)} on`);
    if (theirs !== 'removed') return ours.subarray(0, theirs.length).equals(theirs) ? null : compareFrom;
  }
  // Unprovable: taken for a divergence, since rebuilding after keeping everything loses nothing.
  return compareFrom;
}

/** Enough for the record that ends a recovery, which holds its time to the microsecond, and for what follows. */
const COMPARED_BYTES = 8_192;

/** Bytes of the own log, up to the end of one segment; null when that is not there any more. */
function readOwnWal(
  dataDir: string,
  own: ServerReport & { readonly timeline: number },
  from: number,
  bytes: number,
): Buffer | null {
  const number = Math.floor(from / own.segmentBytes);
  const name = segmentName({ timeline: own.timeline, number }, own.segmentBytes);
  const offset = from % own.segmentBytes;
  const path = join(dataDir, 'pg_wal', name);
  if (!existsSync(path)) return null;
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(bytes, own.segmentBytes - offset));
    readSync(file, buffer, 0, buffer.length, offset);
    return buffer;
  } finally {
    closeSync(file);
  }
}

function ownHistory(dataDir: string, timeline: number): TimelineHistory {
  const name = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
  const path = join(dataDir, 'pg_wal', name);
  return existsSync(path) ? parseTimelineHistory(timeline, readFileSync(path, 'utf8')) : { timeline, ancestors: [] };
}

/** Clones beside the old directory and swaps; a crash leaves either the old cluster or `rebuilding` in the state. */
async function rebuild(
  context: DriverContext,
  following: Following,
  upstream: Upstream,
  deadline: Deadline,
): Promise<void> {
  const { config, server, state } = context;
  refuseWhenOvertaken(context, following);
  if (server.state !== 'gone') await stop(context, following, deadline);
  const fresh = `${config.dataDir}.clone`;
  const old = `${config.dataDir}.old`;
  await rm(fresh, { recursive: true, force: true });
  await rm(old, { recursive: true, force: true });
  await context.transport.clone(
    {
      ...upstream.address,
      user: config.roles.replication.user,
      password: context.replicationPassword(),
      passFile: context.upstreamPassFile,
      applicationName: `holdfast-${config.instance}`,
    },
    fresh,
    deadline,
  );
  deadline.check('replacing the old data directory');
  refuseWhenOvertaken(context, following);
  state.update({ rebuilding: true });
  if (existsSync(config.dataDir)) renameSync(config.dataDir, old);
  renameSync(fresh, config.dataDir);
  syncFolder(dirname(config.dataDir));
  state.update({ rebuilding: false });
  rmSync(old, { recursive: true, force: true });
}

/**
 * Points the server at the upstream, under the name of this epoch, which is stored by now; the report once it streams from there so
 * named, null when it was not seen to in time.
 */
async function stream(
  context: DriverContext,
  following: Following,
  upstream: Upstream,
  deadline: Deadline,
): Promise<ServerReport | null> {
  await context.ensureAnswering(deadline);
  refuseWhenOvertaken(context, following);
  context.state.update({
    duty: 'standby',
    upstream: { commanded: following.upstream, actual: upstream.instance, mode: following.mode },
    fenced: false,
  });
  const name = replicationName(context.config.instance, following.epoch);
  context.writeSettings({
    upstream: { ...upstream.address, name },
    synchronousNames: CLOSED_SETTING,
    acceptWrites: true,
  });
  context.server.reload();
  const within = deadline.within(STREAM_WITHIN_MS);
  try {
    return await context.withSession(within, (session) =>
      within.until('waiting for the stream', async () => {
        const report = await context.report(session, within);
        const { receiver } = report;
        const there = receiver?.name === name && receiver.port === upstream.address.port;
        return receiver?.streaming === true && there ? report : null;
      }),
    );
  } catch (error) {
    if ((error as Error).name === 'DeadlineExceeded') return null;
    throw error;
  }
}

async function walIsGone(context: DriverContext, upstream: Upstream, deadline: Deadline): Promise<boolean> {
  const own = await context.withSession(deadline, (session) => context.report(session, deadline));
  const client = await connect(context, upstream.address, deadline.within(CONNECT_WITHIN_MS));
  const from = Math.floor(own.end / own.segmentBytes) * own.segmentBytes;
  const timeline = own.timeline ?? upstream.identity.history.timeline;
  return (await client.hasWal(from, timeline, deadline.within(CONNECT_WITHIN_MS))) === 'removed';
}
