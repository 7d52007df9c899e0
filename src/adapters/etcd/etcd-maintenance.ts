import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import type { EndpointRing } from './endpoint-ring.ts';
import * as messages from './etcd-messages.ts';

export interface EtcdMember {
  readonly id: string;
  readonly name: string;
  readonly clientUrls: readonly string[];
  readonly learner: boolean;
}

export interface EtcdServerStatus {
  readonly endpoint: string;
  readonly version: string;
  readonly memberId: string;
  /** Member id; `0` = it knows of no leader. */
  readonly leaderId: string;
  readonly raftTerm: number;
  readonly revision: number;
  readonly databaseBytes: number;
  readonly learner: boolean;
  /** What etcd itself complains of, and what is known against its version. */
  readonly concerns: readonly string[];
}

export type SnapshotOutcome =
  | { readonly kind: 'ok'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly reason: string };

/** Members, health and backups of the cluster; nothing here is linearizable or decides anything. */
export class EtcdMaintenance {
  readonly #ring: EndpointRing;
  #voters: number | null = null;

  constructor(ring: EndpointRing) {
    this.#ring = ring;
  }

  /** Voting members as last listed; null before the first answer. */
  get voters(): number | null {
    return this.#voters;
  }

  /** Null when no server answered in time. */
  async members(options: { readonly deadlineMs: number }): Promise<readonly EtcdMember[] | null> {
    const result = await this.#ring.anywhere(messages.memberList, {}, performance.now() + options.deadlineMs);
    if (result.kind !== 'answer') return null;
    const members = result.value.members.map((member) => ({
      id: member.ID,
      name: member.name,
      clientUrls: member.clientURLs,
      learner: member.isLearner,
    }));
    this.#voters = members.filter((member) => !member.learner).length;
    return members;
  }

  /** True: a quorum answered a read. Null: none was seen to, which is no proof that there is none. */
  async serves(options: { readonly deadlineMs: number }): Promise<true | null> {
    const result = await this.#ring.anywhere(messages.txn, quorumRead, performance.now() + options.deadlineMs);
    return result.kind === 'answer' ? true : null;
  }

  /** One entry per endpoint; a text where it did not answer, saying why. */
  async status(options: { readonly deadlineMs: number }): Promise<readonly (EtcdServerStatus | string)[]> {
    const untilMs = performance.now() + options.deadlineMs;
    // Alarms take a quorum, and a living server is seen also where there is none.
    const [alarms, found] = await Promise.all([
      this.#alarms(untilMs),
      Promise.all(
        this.#ring.endpoints.map(
          async (endpoint) => [endpoint.address, await endpoint.unary(messages.status, {}, untilMs)] as const,
        ),
      ),
    ]);
    return found.map(([address, result]) => {
      if (result.kind === 'not-sent') return result.reason;
      if (result.kind === 'failed') return result.failure.details;
      return serverStatus(address, result.value, alarms);
    });
  }

  /**
   * Streams a snapshot of one server to a new file, which appears under its name only when it is complete and its digest is
   * right. It holds everything that was acknowledged before the call: a server that lags catches up first. Restore it with
   * `etcdutl` or `etcdctl snapshot restore`, then name the data anew.
   */
  async saveSnapshot(file: string, options: { readonly deadlineMs: number }): Promise<SnapshotOutcome> {
    const untilMs = performance.now() + options.deadlineMs;
    const endpoint = this.#ring.current;
    const caughtUp = await endpoint.unary(messages.txn, quorumRead, untilMs);
    if (caughtUp.kind !== 'answer') {
      this.#ring.turnAwayFrom(endpoint);
      return { kind: 'failed', reason: `${endpoint.address} did not answer a quorum read: it may lag` };
    }
    const partial = `${file}.partial`;
    const stream = endpoint.openSnapshot(untilMs - performance.now());
    stream.on('error', () => {});
    try {
      const bytes = await writeSnapshot(partial, stream);
      await rename(partial, file);
      return { kind: 'ok', bytes };
    } catch (cause) {
      stream.cancel();
      await rm(partial, { force: true });
      return { kind: 'failed', reason: cause instanceof Error ? cause.message : String(cause) };
    }
  }

  /** Null when nobody told of any in time: none would be another answer. */
  async #alarms(untilMs: number): Promise<messages.AlarmResponse['alarms'] | null> {
    const result = await this.#ring.anywhere(messages.alarm, { action: 0 }, untilMs);
    return result.kind === 'answer' ? result.value.alarms : null;
  }
}

/** Of no key: the answering server has applied everything that a quorum had committed when it was asked. */
const quorumRead: messages.TxnRequest = {
  compare: [],
  success: [{ request_range: { key: Buffer.of(0) } }],
  failure: [],
};

const digestBytes = 32;

/** etcd appends the SHA-256 of everything before it. */
async function writeSnapshot(file: string, stream: AsyncIterable<messages.SnapshotResponse>): Promise<number> {
  const digest = createHash('sha256');
  let tail = Buffer.alloc(0);
  let bytes = 0;
  const handle = await open(file, 'wx', 0o600);
  try {
    for await (const { blob } of stream) {
      await handle.writeFile(blob);
      bytes += blob.length;
      const held = Buffer.concat([tail, blob]);
      const settled = Math.max(0, held.length - digestBytes);
      digest.update(held.subarray(0, settled));
      tail = held.subarray(settled);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (tail.length !== digestBytes || !digest.digest().equals(tail))
    throw new Error('the snapshot is incomplete: its digest does not match');
  return bytes;
}

function serverStatus(
  endpoint: string,
  found: messages.StatusResponse,
  alarms: messages.AlarmResponse['alarms'] | null,
): EtcdServerStatus {
  const memberId = found.header.member_id;
  const raised =
    alarms === null
      ? ['its alarms were not found out']
      : alarms
          .filter((item) => item.memberID === memberId)
          .map((item) => `alarm ${messages.alarmNames[item.alarm] ?? item.alarm}`);
  return {
    endpoint,
    version: found.version,
    memberId,
    leaderId: found.leader,
    raftTerm: Number(found.raftTerm),
    revision: Number(found.header.revision),
    databaseBytes: Number(found.dbSize),
    learner: found.isLearner,
    concerns: [...new Set([...found.errors, ...raised, ...versionConcerns(found.version)])],
  };
}

/** Known faults of an etcd version that touch what Holdfast relies on. */
export function versionConcerns(version: string): string[] {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major === 3 && minor === 5 && patch <= 2)
    return [`etcd ${version} is known for members that disagree after a kill under load: use 3.5.3 or newer`];
  if (major === 3 && minor < 4) return [`etcd ${version} is older than what Holdfast has been tried with (3.4.23)`];
  return [];
}
